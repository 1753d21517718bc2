using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Space;

/// <summary>Strides through views: which view is an alias of what it looks at, and which must be a copy.</summary>
static class Views
{
    /// <summary>The strides, in elements, of a view of something with the given strides; default when no strides describe it.</summary>
    public static ImmutableArray<Dim> Strides(Node view, ImmutableArray<Dim> strides)
        => view.Operation.View(view) switch
        {
            ViewMap.Strided map => map.Strides(strides),
            ViewMap.Regrouped => Reshape(view.Inputs[0].Shape, strides, view.Output.Shape),
            var other => throw new NotSupportedException($"No strides are known for the view {view.Name}{(other is null ? "" : ", which is " + other)}."),
        };

    /// <summary>Where a view begins, in elements, within something with the given strides.</summary>
    public static Dim Offset(Node view, ImmutableArray<Dim> strides) => view.Operation.View(view) is ViewMap.Strided map ? map.Offset(strides) : Dim.Zero;

    /// <summary>Where a view's operand lies when the view lies at the given place; null when the operand has elements that the view does not show, or no strides describe it.</summary>
    public static (Dim Offset, ImmutableArray<Dim> Strides)? Before(Node view, Dim offset, ImmutableArray<Dim> strides)
    {
        var (from, to) = (view.Inputs[0].Shape, view.Output.Shape);
        if (view.Operation.View(view) is ViewMap.Strided map) return map.Invert(from, to, offset, strides);
        return Reshape(to, strides, from) is { IsDefault: false } source ? (offset, source) : null;
    }

    /// <summary>
    /// The strides of something with the given strides under another shape of as many elements; default when no strides describe it. Axes are merged and split in groups of equal size; the axes merged in one
    /// group must lie densely behind each other.
    /// </summary>
    public static ImmutableArray<Dim> Reshape(Shape from, ImmutableArray<Dim> strides, Shape to)
    {
        var result = new Dim[to.Rank];
        for (var axis = 0; axis < to.Rank; axis++) result[axis] = Dim.One; // what an axis of size 1 has does not matter
        int i = 0, j = 0;
        while (true)
        {
            while (i < from.Rank && from[i].Is(1)) i++;
            while (j < to.Rank && to[j].Is(1)) j++;
            if (i == from.Rank || j == to.Rank) return i == from.Rank && j == to.Rank ? [.. result] : default;
            int firstIn = i, firstOut = j;
            Dim sizeIn = from[i++], sizeOut = to[j++];
            while (sizeIn != sizeOut)
            {
                // The side that divides the other one grows.
                if (j < to.Rank && Dim.TryDivide(sizeIn, sizeOut, out _)) sizeOut *= to[j++];
                else if (i < from.Rank && Dim.TryDivide(sizeOut, sizeIn, out _)) sizeIn *= from[i++];
                else if (i < from.Rank && j < to.Rank) { sizeIn *= from[i++]; sizeOut *= to[j++]; }
                else return default;
            }
            for (var k = firstIn; k + 1 < i; k++)
                if (!from[k].Is(1) && Next(from, strides, k, i) is { } next && strides[k] != next) return default;
            var inner = firstIn;
            for (var k = firstIn; k < i; k++)
                if (!from[k].Is(1)) inner = k;
            var stride = strides[inner];
            for (var k = j - 1; k >= firstOut; k--)
            {
                result[k] = stride;
                stride *= to[k];
            }
        }
    }

    // The stride that axis k needs to lie densely around the next axis of its group that is larger than 1; null when there is none.
    static Dim? Next(Shape from, ImmutableArray<Dim> strides, int k, int end)
    {
        for (var next = k + 1; next < end; next++)
            if (!from[next].Is(1)) return strides[next] * from[next];
        return null;
    }
}
