using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Training;

/// <summary>
/// A parameter of a model of 16 bits is stored twice: the master, an f32, is the parameter itself, under its path; what products and convolutions read is the working copy, the master rounded, in a state of its own. It holds no
/// number that the master does not say, so it is <see cref="StateKind.Derived"/>: never saved, computed from the master where a call finds it out of date, and written by the optimizer's kernel together with the master.
/// </summary>
public static class WorkingCopies
{
    const char Mark = '#';

    /// <summary>The working copy of a parameter: <c>head.weight#f16</c>.</summary>
    public static StateDecl Of(StateDecl parameter, DType type) => new(PathOf(parameter.Path, type), new(type, parameter.Type.Shape), StateKind.Derived, InitSpec.Zeros);

    /// <summary>The path of the working copy of a parameter.</summary>
    public static string PathOf(string parameter, DType type) => parameter + Mark + type.Name();

    /// <summary>The path of the parameter that a state is, or is the working copy of.</summary>
    public static string ParameterOf(string path) => path.IndexOf(Mark) is >= 0 and var mark ? path.Substring(0, mark) : path;

    /// <summary>Whether the path is that of a working copy of one of the parameters among the states.</summary>
    public static bool IsOne(string path, ImmutableArray<StateDecl> states) => ParameterOf(path) is var parameter && parameter != path && states.Any(s => s.Kind == StateKind.Parameter && s.Path == parameter);

    /// <summary>Whether a state is the working copy of that parameter.</summary>
    public static bool IsOf(string path, string parameter) => path.Length > parameter.Length && path[parameter.Length] == Mark && path.StartsWith(parameter, StringComparison.Ordinal);
}
