using System.Globalization;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules.Elaboration;
using Microsoft.CodeAnalysis;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Diagnostics;

/// <summary>A diagnostic as data: equal when it says the same about the same place, and free of symbols and syntax, so that pipelines can cache it.</summary>
/// <param name="Id">Which of <see cref="Descriptors"/>.</param>
/// <param name="Location">The place in user code; a <see cref="SpanTable"/> knows where that is.</param>
/// <param name="Arguments">What fills the message.</param>
/// <param name="IsWhole">The only argument is the whole message, as elaboration writes it.</param>
public sealed record DiagnosticInfo(string Id, Location Location, EquatableArray<string> Arguments, bool IsWhole = false)
{
    /// <summary>The words of it.</summary>
    public string Message => string.Format(CultureInfo.InvariantCulture, Descriptor.MessageFormat.ToString(CultureInfo.InvariantCulture), Arguments.ToArray<object>());

    /// <summary>The same as whole words, which say that no model is concerned yet.</summary>
    public DiagnosticInfo Hint() => new(Id, Location, [Message.TrimEnd('.') + ". No model here reaches this; one that does cannot be compiled."], IsWhole: true);

    internal DiagnosticDescriptor Descriptor => IsWhole ? Descriptors.Whole(Id) : Descriptors.Find(Id);

    /// <summary>What elaboration found, with the calls that led to it.</summary>
    public static DiagnosticInfo Of(GraphDiagnostic diagnostic) =>
        new(diagnostic.Id, diagnostic.Location, [diagnostic.Message + (diagnostic.Library is { } inner && inner != Location.None ? $" It shows at {inner}." : "") + string.Concat(diagnostic.Calls.Select(call => " In " + call + "."))], IsWhole: true);
}
