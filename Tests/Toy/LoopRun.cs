using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Tests.Toy;

/// <summary>A block of a product's or convolution's operand or result, as its bodies see it: row-major, in the type of the sums.</summary>
sealed record Tile(double[] Values, long Row, long Rows, long Column, long Columns)
{
    public static Tile Empty(long row, long rows, long column, long columns) => new(new double[rows * columns], row, rows, column, columns);
}

/// <summary>One launch of a loop kernel: its value, its operands and sizes.</summary>
sealed class LoopRun
{
    readonly LoopKernel kernel;
    readonly Pointer[] pointers;
    readonly long[] sizes, at;
    readonly long[][] strides;
    readonly long[] arguments;
    readonly Number[] reductions;
    readonly Number[][] caches;
    readonly ImmutableArray<(KernelStage Stage, Body Body, Accumulator[] Sums)> stages;
    readonly Body finals;
    readonly int[] outer, loops;
    readonly Func<Scalar, Number> input;
    readonly Func<int, long> axis;
    double tile;

    /// <param name="kernel">What it computes.</param>
    /// <param name="pointers">Its operands.</param>
    /// <param name="arguments">Its sizes and strides.</param>
    public LoopRun(LoopKernel kernel, Pointer[] pointers, long[] arguments)
    {
        (this.kernel, this.pointers, this.arguments) = (kernel, pointers, arguments);
        sizes = [.. kernel.Axes.Select(a => Value(a.Size))];
        strides = [.. kernel.Accesses.Select(a => a.Strides.Select(Value).ToArray())];
        at = new long[kernel.Axes.Length];
        reductions = new Number[kernel.ReductionCount];
        caches = [.. Enumerable.Range(0, kernel.CacheCount).Select(_ => new Number[sizes[kernel.Lane]])];
        outer = AxesOf(AxisRole.Outer);
        loops = AxesOf(AxisRole.Loop);
        // Column sums have a unit each, so nothing is left of their order but the sequence.
        var lanes = kernel.Form == KernelForm.Row ? kernel.Lanes : 1;
        stages = [.. kernel.Stages.Select(s => (s, new Body([.. s.Reductions.Select(r => r.Value), .. s.Caches.Select(c => c.Value), .. s.Stores.Select(x => x.Value)]),
            s.Reductions.GroupBy(r => r.First).Select(g => new Accumulator(g, lanes)).ToArray()))];
        finals = new(kernel.Finals.Select(f => f.Value));
        input = Input;
        axis = a => at[a];
    }

    long Value(Extent extent) => extent.IsConstant ? extent.Value : arguments[extent.Value];

    int[] AxesOf(AxisRole role) => [.. Enumerable.Range(0, kernel.Axes.Length).Where(i => kernel.Axes[i].Role == role)];

    long Place(int access)
    {
        long place = 0;
        for (var a = 0; a < at.Length; a++) place += at[a] * strides[access][a];
        return place;
    }

    Number Input(Scalar s) => kernel.Sources[s.Index] switch
    {
        Source.Load load => pointers[kernel.Accesses[load.Access].Pointer].Load(Place(load.Access)),
        Source.Reduced reduced => reductions[reduced.Reduction],
        Source.Cached cached => caches[cached.Slot][at[kernel.Lane]],
        Source.Tile => s.Type.IsFloat() ? Number.Of(tile) : Number.Of((long)tile),
        Source.Size size => Number.Of(Value(size.Value)),
        var other => throw new NotSupportedException($"The toy knows no source {other}."),
    };

    void Write(ImmutableArray<Store> stores, Body body, Tile? into)
    {
        foreach (var store in stores)
            if (store.Access >= 0) pointers[kernel.Accesses[store.Access].Pointer].Store(Place(store.Access), body[store.Value]);
            else into!.Values[TilePlace(into)] = body[store.Value].As(store.Value.Type);
    }

    // Splits a number of a unit into places along axes; the outermost takes what is left.
    void Decode(long number, int[] axes)
    {
        for (var i = axes.Length - 1; i >= 0; i--)
        {
            at[axes[i]] = i == 0 ? number : number % sizes[axes[i]];
            if (i > 0) number /= sizes[axes[i]];
        }
    }

    /// <summary>Runs a kernel over a parallel extent.</summary>
    public void Run(long extent)
    {
        for (long unit = 0; unit < extent; unit++)
        {
            if (kernel.Form == KernelForm.Row || kernel.IsFlat)
            {
                if (kernel.IsFlat) at[kernel.Lane] = unit;
                else Decode(unit, outer);
            }
            else
            {
                at[kernel.Lane] = unit % sizes[kernel.Lane];
                Decode(unit / sizes[kernel.Lane], outer);
            }
            foreach (var (stage, body, sums) in stages) Pass(stage, body, sums);
            if (kernel.Finals.IsEmpty) continue;
            finals.Run(input, axis);
            Write(kernel.Finals, finals, null);
        }
    }

    // One pass over the axes inside of a unit.
    void Pass(KernelStage stage, Body body, Accumulator[] sums)
    {
        foreach (var sum in sums) sum.Clear();
        if (kernel.Form == KernelForm.Map) Element(stage, body, sums, 0, 1);
        else Walk(stage, body, sums, 0);
        foreach (var sum in sums) sum.Finish(reductions);
    }

    void Walk(KernelStage stage, Body body, Accumulator[] sums, int depth)
    {
        var axis = depth < loops.Length ? loops[depth] : kernel.Form == KernelForm.Row ? kernel.Lane : -1;
        if (axis < 0)
        {
            Element(stage, body, sums, 0, 1);
            return;
        }
        var (from, to) = (0L, sizes[axis]);
        if (kernel.Split is { } split && split.SplitAxis == axis)
            (from, to) = (at[split.PartAxis] * sizes[axis] / sizes[split.PartAxis], (at[split.PartAxis] + 1) * sizes[axis] / sizes[split.PartAxis]);
        for (at[axis] = from; at[axis] < to; at[axis]++)
            if (depth < loops.Length) Walk(stage, body, sums, depth + 1);
            else Element(stage, body, sums, at[axis] - from, to - from);
    }

    // Everything is read before anything is written.
    void Element(KernelStage stage, Body body, Accumulator[] sums, long place, long length)
    {
        body.Run(input, axis);
        foreach (var sum in sums) sum.Add(body, place, length);
        foreach (var cache in stage.Caches) caches[cache.Slot][at[kernel.Lane]] = body[cache.Value];
        Write(stage.Stores, body, null);
    }

    long TilePlace(Tile block) => (row - block.Row) * block.Columns + at[kernel.Lane] - block.Column;

    long row;

    /// <summary>Runs the body of a product or convolution over one block.</summary>
    /// <param name="block">What it reads or fills.</param>
    /// <param name="batch">The number of its matrix.</param>
    public void Run(Tile block, long batch)
    {
        var (stage, body, _) = stages[0];
        Decode(batch, outer);
        for (row = block.Row; row < block.Row + block.Rows; row++)
        {
            Decode(row, loops);
            for (at[kernel.Lane] = block.Column; at[kernel.Lane] < block.Column + block.Columns; at[kernel.Lane]++)
            {
                tile = block.Values[TilePlace(block)];
                body.Run(input, axis);
                Write(stage.Stores, body, block);
            }
        }
    }
}
