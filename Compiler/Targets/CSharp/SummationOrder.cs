using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>In which order the C# target adds up: what a kernel's text leaves to it, and what bits of sums depend on beside the numbers. Never the width of a vector.</summary>
public static class SummationOrder
{
    /// <summary>Partial sums of one block (<see cref="ReductionOrder.BlockOf"/>), whatever the vector width, so that every width gives the same bits.</summary>
    public const int LogicalLanes = ReductionOrder.Block;

    /// <summary>Times so many vectors at once, where the order changes no bit: as many as keep the adders busy, as long as that many vectors of a width stay within the statements that the JIT compiles well.</summary>
    /// <param name="lanes">The kernel.</param>
    /// <param name="width">Lanes of a vector: of narrow ones a block takes more.</param>
    internal static int Unroll(LaneAnalysis lanes, int width)
    {
        var vectors = LogicalLanes / width;
        for (var u = 4; u > 1; u /= 2)
        {
            var heaviest = 0;
            var total = 0;
            foreach (var stage in lanes.Kernel.Stages)
            {
                var roots = stage.Reductions.Select(r => r.Value).Concat(stage.Caches.Select(c => c.Value)).Concat(stage.Stores.Select(s => s.Value));
                var work = lanes.LaneScalars(roots).Sum(s => s.Op is ScalarOp.Input ? 1 : lanes.Target.IsDear(s.Op) ? 8 : 1) + stage.Reductions.Length;
                heaviest = System.Math.Max(heaviest, stage.Reductions.Length == 0 ? 0 : work);
                total += stage.Reductions.Length == 0 ? work : work * vectors * (u + 1);
            }
            if (total <= 160 && heaviest * u * vectors <= 128) return u;
        }
        return 1;
    }
}
