using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>The values of a function that are the same at every call while the model's numbers stay as they are: what is computed from its states alone.</summary>
static class StillValues
{
    /// <summary>The functions that callers run and that are no training steps, which change the numbers each time: entries, and losses that are only evaluated.</summary>
    public static List<Function> Evaluated(Program program)
    {
        var called = Callees.Of(program);
        return [.. program.Functions.Where(f => !DerivedStates.IsComputedBy(f.Name) && !called.Contains(f.Name) && !TrainingSignature.IsRule(program, f.Name) && TrainingSignature.OfStep(program.Training, f.Name) is null)];
    }

    /// <summary>The paths of the states that all sessions share and that none of these functions assigns.</summary>
    public static HashSet<string> Shared(Program program, IEnumerable<Function> evaluated)
    {
        var assigned = new HashSet<string>(evaluated.SelectMany(f => f.Updates).Select(u => u.Path));
        return [.. program.States.Where(s => s.Kind is StateKind.Parameter or StateKind.Buffer or StateKind.Constant or StateKind.Derived && !assigned.Contains(s.Path)).Select(s => s.Path)];
    }

    /// <summary>The values that no argument has a part in, and whether a state has.</summary>
    /// <param name="function">The function.</param>
    /// <param name="program">Its program.</param>
    /// <param name="shared">The states that count (<see cref="Shared"/>).</param>
    /// <param name="parameters">Parameters that a call hands such states to.</param>
    public static Dictionary<Value, bool> Of(Function function, Program program, HashSet<string> shared, IEnumerable<Value>? parameters = null)
    {
        var still = function.States.Where(s => shared.Contains(s.State!)).Concat(parameters ?? []).ToDictionary(s => s, _ => true);
        foreach (var node in function.Nodes)
            if (IsStill(node, program) && node.Inputs.All(still.ContainsKey))
                foreach (var output in node.Outputs) still.Add(output, node.Inputs.Any(i => still[i]));
        return still;
    }

    // The same at every call with the same numbers, and no call can be refused for it.
    static bool IsStill(Node node, Program program) =>
        node.Operation.IsPure && node.Outputs.Length > 0 && node.Outputs.All(o => o.Shape.IsConstant) && !node.Operation.MayThrow(node, program)
        && node.Attributes.All.All(a => a.Value is not Attr.List list || list.Values.All(d => d.IsConstant)) && node.Regions.All(r => r.Nodes.All(n => IsStill(n, program)))
        && (node.Operation != StructureOperations.Call || program.Find(node.Attributes.Text("callee")!) is { } callee && callee.Nodes.All(n => IsStill(n, program)));
}
