using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>An error in a model, as a value: what is wrong, where, and which calls led there.</summary>
/// <param name="Id">Which kind of error; <see cref="DiagnosticIds"/> has the list.</param>
/// <param name="Location">The expression that is wrong or, when that lies in a referenced library, the innermost call in the model's own assembly.</param>
/// <param name="Message">Whole sentences for a person: what was found, what was expected, what to do. Places stand in it as <see cref="Modules.Location"/> writes them.</param>
/// <param name="Calls">The calls that led to the error, innermost first; empty when it lies in the entry itself.</param>
/// <param name="Library">The expression that is wrong where that lies in a referenced library; else null.</param>
public sealed record GraphDiagnostic(string Id, Location Location, string Message, EquatableArray<CallSite> Calls = default, Location? Library = null)
{
    /// <summary>The form of compilers, <c>Digits.cs:24: error GR2001: …</c>, once <see cref="Modules.Location.Resolve"/> has put lines there.</summary>
    public override string ToString() =>
        $"{Location}: error {Id}: {Message}" + string.Concat(Calls.Select(c => "\n  in " + c));
}

/// <summary>A call on the way to an error: what was called (<c>Linear.Forward</c>, with the module's path) and where.</summary>
public sealed record CallSite(string Callee, Location Location)
{
    /// <inheritdoc/>
    public override string ToString() => Callee + ", called at " + Location;
}
