using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;

namespace Graph.Tests.Toy;

using Reduction = Graph.Compiler.Kernels.Reduction;

/// <summary>
/// The accumulator of one reduction, of one number or several, and its partial sums in the order that a kernel states (<see cref="ReductionOrder"/>): elements of whole blocks go to partial sums, those behind them
/// to a sum of their own; neighbouring blocks of partial sums become one, then halves of the one that is left, and the sum of the others is added at the end.
/// </summary>
sealed class Accumulator
{
    readonly ImmutableArray<Reduction> parts;
    readonly Body combine;
    readonly int lanes;
    readonly Number[][] partial;
    Number[] rest;

    /// <param name="parts">The numbers of the accumulator.</param>
    /// <param name="lanes">How many partial sums there are; 1 or 0 for none.</param>
    public Accumulator(IEnumerable<Reduction> parts, int lanes)
    {
        this.parts = [.. parts];
        this.lanes = lanes;
        combine = new(this.parts.Select(p => p.Combine));
        partial = new Number[lanes > 1 ? lanes : 0][];
        rest = [];
        Clear();
    }

    /// <summary>Begins with no elements.</summary>
    public void Clear()
    {
        Number[] Neutral() => [.. parts.Select(p => Arithmetic.Constant(p.Neutral.Constant, p.Neutral.Type))];
        for (var i = 0; i < partial.Length; i++) partial[i] = Neutral();
        rest = Neutral();
    }

    /// <summary>Adds the element at a place of a row.</summary>
    /// <param name="body">Where the reductions' values are.</param>
    /// <param name="place">The place from the row's first element.</param>
    /// <param name="length">The length of the row.</param>
    public void Add(Body body, long place, long length)
    {
        Number[] element = [.. parts.Select(p => body[p.Value])];
        var lane = partial.Length == 0 ? -1 : ReductionOrder.LaneOf(lanes, place, length);
        if (lane < 0) rest = Combine(rest, element);
        else partial[lane] = Combine(partial[lane], element);
    }

    /// <summary>The accumulator of all elements, by the numbers of the reductions.</summary>
    public void Finish(Number[] reductions)
    {
        var all = rest;
        if (partial.Length > 0)
        {
            var block = ReductionOrder.BlockOf(lanes);
            var blocks = partial.Chunk(block).ToList();
            while (blocks.Count > 1) blocks = [.. blocks.Chunk(2).Select(pair => pair.Length == 1 ? pair[0] : [.. pair[0].Zip(pair[1], Combine)])];
            var sums = blocks[0];
            while (sums.Length > 1) sums = [.. Enumerable.Range(0, sums.Length / 2).Select(i => Combine(sums[i], sums[i + sums.Length / 2]))];
            all = Combine(sums[0], rest);
        }
        for (var i = 0; i < parts.Length; i++) reductions[parts[i].Index] = all[i];
    }

    Number[] Combine(Number[] earlier, Number[] later)
    {
        combine.Run(s => s.Index < earlier.Length ? earlier[s.Index] : later[s.Index - earlier.Length], axis => throw new InvalidOperationException($"An accumulator is combined by the place along axis {axis}."));
        return [.. parts.Select(p => combine[p.Combine])];
    }
}
