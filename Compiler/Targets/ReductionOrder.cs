using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Space;

namespace Graph.Compiler.Targets;

/// <summary>
/// The order in which a reduction adds up its elements: a function of the operation, its operand's shape and types, and the target, before any kernel is made. Fusion may keep nodes apart for its sake and never
/// changes it, so a sum has the same bits whatever is merged around it.
/// </summary>
/// <param name="Lanes">
/// How many partial sums it has along the last of the axes that it reduces: <see cref="LaneOf"/> says which element goes where. In the end neighbouring blocks of <see cref="BlockOf"/> partial sums are added up, two
/// by two until one block is left, then the halves of that, until one sum is, and the sum of the elements behind the last block last. 1: in the order of the operand's elements. 0: no order changes a bit, as with
/// maxima and sums of integers.
/// </param>
/// <param name="Parts">Into how many parts the first of the reduced axes is cut, each a reduction of this order, their results again one; 1 for none.</param>
public sealed record ReductionOrder(int Lanes, int Parts)
{
    /// <summary>The order of a node.</summary>
    /// <param name="reduce">A reduction.</param>
    /// <param name="target">How the machine adds up.</param>
    /// <param name="typical">Sizes that decide how it is cut, at every call.</param>
    public static ReductionOrder Of(Node reduce, TargetModel target, DimBinding typical)
    {
        if (reduce.Operation.Reduce(reduce) is not { } accumulation) return new(1, 1);
        var lanes = accumulation.IsExact ? 0 : IsAlongRow(reduce) && accumulation.Neutral.All(n => n.Type == DType.F32) ? target.Sums.Lanes : 1;
        // Parts are results, of which the second launch makes one: an accumulator of several numbers has none such.
        return new(lanes, accumulation.Components > 1 ? 1 : PartsOf(reduce, target, typical));
    }

    /// <summary>Whether elements that lie behind one another in the operand belong to one result.</summary>
    public static bool IsAlongRow(Node reduce)
    {
        var shape = reduce.Inputs[0].Shape;
        var last = shape.Rank - 1;
        while (last > 0 && shape[last].Is(1)) last--;
        return AxisMap.ReducedAxes(reduce).Contains(last);
    }

    // So that several processors work at it.
    static int PartsOf(Node reduce, TargetModel target, DimBinding typical)
    {
        var shape = reduce.Inputs[0].Shape;
        var axes = AxisMap.ReducedAxes(reduce);
        long kept = 1, reduced = 1;
        for (var axis = 0; axis < shape.Rank; axis++)
            if (axes.Contains(axis)) reduced *= shape[axis].Evaluate(typical); else kept *= shape[axis].Evaluate(typical);
        var (sums, work) = (target.Sums, target.Work);
        if (kept * reduced < sums.SplitWork) return 1;
        var share = IsAlongRow(reduce) ? Math.Max(1, work.Grain / reduced) : Math.Min(work.MostColumns, Math.Max(work.LeastColumns, work.Grain / reduced));
        if ((kept + share - 1) / share >= sums.BusyChunks) return 1;
        return (int)Math.Max(1, Math.Min(sums.MostParts, Math.Min(kept * reduced / sums.PartWork, reduced / sums.LeastPart)));
    }

    /// <summary>The most partial sums of one block: as many as the widest vectors have numbers.</summary>
    public const int Block = 16;

    /// <summary>Partial sums that are one block, and elements that are.</summary>
    public static int BlockOf(int lanes) => Math.Min(lanes, Block);

    /// <summary>
    /// The partial sum that an element of a row goes to: one after the other as long as there are elements for all of them, then block by block to the first; −1 for the sum of those behind the last block.
    /// </summary>
    /// <param name="lanes">How many partial sums there are.</param>
    /// <param name="place">The element's place in the row.</param>
    /// <param name="length">The length of the row, or of the part of it that is added up at once.</param>
    public static int LaneOf(int lanes, long place, long length)
    {
        var whole = length - length % lanes;
        if (place < whole) return (int)(place % lanes);
        var block = BlockOf(lanes);
        return place < length - (length - whole) % block ? (int)((place - whole) % block) : -1;
    }

    public override string ToString() => Text(Lanes) + (Parts > 1 ? " in " + Parts.ToString(CultureInfo.InvariantCulture) + " parts" : "");

    /// <summary>The order within a part, as kernels say it: <c>lanes 16</c>, <c>sequence</c>, <c>any order</c>.</summary>
    public static string Text(int lanes) => lanes switch { 0 => "any order", 1 => "sequence", _ => "lanes " + lanes.ToString(CultureInfo.InvariantCulture) };
}
