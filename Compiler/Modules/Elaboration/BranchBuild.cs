using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>A side of a branch while it is built. A state that one side assigns keeps its value on the other.</summary>
/// <param name="around">The function that the branch is in, or the body around it.</param>
sealed class BranchBuild(FunctionBuild around) : BodyBuild(around)
{
    /// <summary>Adds the branch to the function around it and gives its results there.</summary>
    /// <param name="condition">A bool of that function.</param>
    /// <param name="yes">What is done when it is true, and what that gives.</param>
    /// <param name="no">What is done when it is false, and what that gives: tensors of the same types.</param>
    public static ImmutableArray<Value> Close(Value condition, (BranchBuild Build, IReadOnlyList<Value> Results) yes, (BranchBuild Build, IReadOnlyList<Value> Results) no)
    {
        var around = yes.Build.Around;
        var written = yes.Build.Written.Concat(no.Build.Written).Distinct().ToList();
        IEnumerable<Value> Results((BranchBuild Build, IReadOnlyList<Value> Results) side) => [.. side.Results, .. written.Select(side.Build.Read)];
        var (first, second) = (Results(yes), Results(no)); // reads what only the other side has written
        IEnumerable<(Value Inside, Value Outside)> Operands(BranchBuild build) => build.Invariants.Concat(build.States.Select(s => (s.Inside, s.Outside)));
        IEnumerable<Value> Others(BranchBuild build, BranchBuild other) => Operands(other).Select(o => build.Argument(o.Inside.Type, "other"));

        ImmutableArray<Function> regions =
        [
            yes.Build.Region(Operands(yes.Build).Select(o => o.Inside).Concat(Others(yes.Build, no.Build)), first),
            no.Build.Region(Others(no.Build, yes.Build).Concat(Operands(no.Build).Select(o => o.Inside)), second),
        ];
        var branch = around.Builder.Node(StructureOperations.If, [condition, .. Operands(yes.Build).Concat(Operands(no.Build)).Select(o => o.Outside)], AttributeMap.Empty, regions);
        for (var i = 0; i < written.Count; i++) around.Write(written[i], branch.Outputs[yes.Results.Count + i]);
        return [.. branch.Outputs.Take(yes.Results.Count)];
    }
}
