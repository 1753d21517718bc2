using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>A program that breaks an invariant of the IR: a defect of the compiler, never of the user.</summary>
public sealed class VerificationException(string message) : Exception(message);

/// <summary>
/// The invariants of the IR: unique names; every value defined before it is used; types as inferred; states declared, constant in shape but for those of sessions, updated once and with their own type; regions closed; layouts permutations.
/// </summary>
public static class Verifier
{
    /// <exception cref="VerificationException">An invariant is broken; the message names the function and the node.</exception>
    public static Program Verify(Program program)
    {
        Unique(program.Dims.Select(d => d.Name), "dimension");
        Unique(program.States.Select(s => s.Path), "state");
        Unique(program.Functions.Select(f => f.Name), "function");
        foreach (var dim in program.Dims)
            if (dim.Typical < 1 || dim.Max < dim.Typical) throw new VerificationException($"the dimension {dim.Name} needs 1 ≤ typical ≤ max, but has {dim.Typical} and {dim.Max}");
        foreach (var state in program.States)
            if (!state.Type.Shape.IsConstant && state.Kind != StateKind.Session) throw new VerificationException($"the state {state.Path} has the symbolic shape {state.Type.Shape}, but does not belong to sessions");
        Unique(program.Training.Select(t => t.Name), "training program");
        foreach (var training in program.Training)
        {
            Unique(training.Rules.SelectMany(r => r.Parameters), "parameter of one training program");
            foreach (var path in training.Rules.SelectMany(r => r.Parameters))
                if (program.FindState(path) is null) throw new VerificationException($"a rule updates {path}, which is not declared");
        }
        for (var i = 0; i < program.Functions.Length; i++)
            Verify(program.Functions[i], program with { Functions = program.Functions.RemoveRange(i, program.Functions.Length - i) }, region: false);
        return program;
    }

    static void Unique(IEnumerable<string> names, string what)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
            if (!seen.Add(name)) throw new VerificationException($"two {what}s are named {name}");
    }

    // `before` holds the functions above this one: a call cannot recurse.
    static void Verify(Function function, Program before, bool region)
    {
        Unique(function.Parameters.Select(p => p.Name ?? throw new VerificationException($"{function.Name} has a parameter without a name")), "parameter");
        Unique(function.States.Select(s => s.State ?? throw new VerificationException($"{function.Name} has a state without a path")), "state");
        Unique(function.Updates.Select(u => u.Path), "update");
        var defined = new HashSet<Value>(function.Parameters.Concat(function.States));
        if (region && (function.States.Length > 0 || function.Updates.Length > 0)) throw new VerificationException($"{function.Name}: a region has states");
        foreach (var state in function.States)
            if (before.FindState(state.State!) is not { } decl || decl.Type != state.Type) throw new VerificationException($"{function.Name} reads @{state.State} as {state.Type}, which is not declared so");

        for (var i = 0; i < function.Nodes.Length; i++)
        {
            var node = function.Nodes[i];
            var place = $"{function.Name}, node {i} ({node.Name})";
            foreach (var input in node.Inputs)
                if (!defined.Contains(input)) throw new VerificationException($"{place}: an operand of type {input.Type} is used before it is defined");
            foreach (var r in node.Regions) Verify(r, before, region: true);
            Types(node, place, before);
            foreach (var output in node.Outputs)
            {
                if (!output.Order.IsEmpty && !output.Order.OrderBy(a => a).SequenceEqual(Enumerable.Range(0, output.Shape.Rank))) throw new VerificationException($"{place}: the layout [{string.Join(",", output.Order)}] is no order of {output.Shape.Rank} axes");
                defined.Add(output);
            }
        }
        foreach (var root in function.Roots)
            if (!defined.Contains(root)) throw new VerificationException($"{function.Name} returns a value of type {root.Type} that is not defined in it");
        foreach (var update in function.Updates)
            if (before.FindState(update.Path) is not { } decl || !decl.Type.IsLike(update.Value.Type)) throw new VerificationException($"{function.Name} updates {update.Path} with {update.Value.Type}, which is not declared so");
    }

    static void Types(Node node, string place, Program before)
    {
        try
        {
            var types = node.Operation.Infer(new([.. node.Inputs.Select(v => v.Type)], node.Attributes, node.Regions, before));
            if (!types.SequenceEqual(node.Outputs.Select(o => o.Type)))
                throw new VerificationException($"{place}: the results are {string.Join(", ", node.Outputs.Select(o => o.Type))}, but the operation gives {string.Join(", ", types)}");
        }
        catch (ShapeException e)
        {
            throw new VerificationException($"{place}: {e.Message}");
        }
    }
}
