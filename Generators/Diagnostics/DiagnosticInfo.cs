using Graph.Compiler;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Diagnostics;

/// <summary>A diagnostic as data: equal when it says the same about the same place, and free of symbols and syntax, so that pipelines can cache it.</summary>
/// <param name="Id">Which of <see cref="Descriptors"/>.</param>
/// <param name="Location">The place in user code.</param>
/// <param name="Arguments">What fills the message.</param>
public sealed record DiagnosticInfo(string Id, Location Location, EquatableArray<string> Arguments);
