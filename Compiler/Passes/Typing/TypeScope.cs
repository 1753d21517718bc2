using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes.Typing;

/// <summary>What the functions of a program share while their types are assigned: its precision by module, the working copies that are read, and called functions, each once for the types that it is called with.</summary>
sealed class TypeScope
{
    readonly DType narrow;
    readonly Dictionary<string, StateDecl> copies = new(StringComparer.Ordinal);
    readonly Dictionary<string, Function> callees = new(StringComparer.Ordinal);
    readonly ImmutableArray<Function>.Builder functions = ImmutableArray.CreateBuilder<Function>();

    /// <param name="program">The program as it was elaborated, in 32 bits.</param>
    /// <param name="narrow">The 16-bit type of what no module says otherwise of.</param>
    public TypeScope(Program program, DType narrow)
    {
        (Source, this.narrow) = (program, narrow);
        Program = program with { Functions = [] };
        // Without masters parameters are what their modules compute in.
        if (program.Training.Any(t => !t.HasMasters || !t.WithoutMasters.IsEmpty))
            Program = Program with { States = [.. program.States.Select(s => s.Kind == StateKind.Parameter && program.Training.Any(t => !t.HasMasters || t.WithoutMasters.Contains(s.Path)) && s.Type.DType == DType.F32 && Narrow(s.Path) is { } type ? s with { Type = s.Type with { DType = type } } : s)] };
    }

    /// <summary>The program as it was.</summary>
    public Program Source { get; }

    /// <summary>The program with what has its types by now: in which calls are resolved.</summary>
    public Program Program { get; private set; }

    /// <summary>The working copies that some function reads, in the order of their parameters.</summary>
    public IEnumerable<StateDecl> Copies => Source.States.SelectMany(s => copies.Values.Where(c => WorkingCopies.IsOf(c.Path, s.Path)).OrderBy(c => c.Path, StringComparer.Ordinal));

    /// <summary>The 16-bit type that a module computes in; null where it computes in 32 bits.</summary>
    public DType? Narrow(string path)
    {
        var (found, length) = ((DType?)narrow, -1);
        foreach (var of in Source.Precisions)
            if (of.Path.Length > length && (of.Path == path || of.Path.Length == 0 || path.StartsWith(of.Path + ".", StringComparison.Ordinal))) (found, length) = (Precisions.Narrow(of.Precision), of.Path.Length);
        return found;
    }

    /// <summary>A parameter as it is stored: the master, or in 16 bits where there is none.</summary>
    public StateDecl Stored(string parameter) => Program.FindState(parameter)!;

    /// <summary>The working copy of a parameter.</summary>
    public StateDecl Copy(string parameter, DType type)
    {
        var copy = WorkingCopies.Of(Source.FindState(parameter)!, type);
        if (!copies.ContainsKey(copy.Path)) copies.Add(copy.Path, copy);
        return copy;
    }

    /// <summary>Keeps a function as it is.</summary>
    public void Keep(Function function) => Add(function);

    /// <summary>Types a function that callers see: its arguments and results stay what they are.</summary>
    public void Entry(Function function) => Add(new FunctionTyping(this, function, function.Name, "", [.. function.Parameters.Select(p => p.DType)], function.Results.Length).Run());

    /// <summary>A called function for the types of a call.</summary>
    /// <param name="name">The callee.</param>
    /// <param name="path">The path of the module that it is called on, which the precisions of modules follow from.</param>
    /// <param name="types">The element types of the operands.</param>
    public Function Callee(string name, string path, ImmutableArray<DType> types)
    {
        // Two modules differ only in what is said of their parts.
        var said = Narrow(path) + string.Concat(Source.Precisions.Where(p => path.Length == 0 || p.Path.StartsWith(path + ".", StringComparison.Ordinal)).Select(p => " " + p.Path.Substring(path.Length) + "=" + p.Precision));
        var key = name + "(" + string.Join(",", types.Select(t => t.Name())) + ")" + said;
        if (callees.TryGetValue(key, out var known)) return known;
        var before = callees.Keys.Count(k => k.StartsWith(name + "(", StringComparison.Ordinal));
        var made = new FunctionTyping(this, Source.Find(name)!, before == 0 ? name : name + "." + (before + 1).ToString(CultureInfo.InvariantCulture), path, types, declared: 0).Run();
        Add(made);
        return callees[key] = made;
    }

    void Add(Function function)
    {
        functions.Add(function);
        Program = Program with { Functions = functions.ToImmutable() };
    }
}
