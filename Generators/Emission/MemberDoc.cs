using Graph.Compiler;
using Graph.Compiler.Modules;

namespace Graph.Generators.Emission;

/// <summary>What a user says about an entry or loss, for the member that is compiled from it: XML without its outer tags.</summary>
/// <param name="Method">The method's name.</param>
/// <param name="Role">Entry or loss.</param>
/// <param name="Summary">The summary; empty for none.</param>
/// <param name="Returns">What it says of its result; empty for nothing.</param>
/// <param name="Parameters">What it says of its parameters, by name.</param>
public sealed record MemberDoc(string Method, MethodRole Role, string Summary, string Returns, EquatableArray<ParameterDoc> Parameters);

/// <summary>What a user says about a parameter.</summary>
public sealed record ParameterDoc(string Name, string Text);
