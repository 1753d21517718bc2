using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The largest element of each window of [N, C, H, W], the first of equal ones.</summary>
    /// <param name="stride">0 stands for the kernel's size.</param>
    /// <param name="padding">At most half of the kernel; nothing wins against padding.</param>
    [Operation("max_pool2d")]
    public Tensor MaxPool2d(int kernel, int stride = 0, int padding = 0) => Eager.Run("max_pool2d", [this], ("kernel", kernel), ("stride", stride), ("padding", padding));

    /// <summary>The same with one number for the height and one for the width.</summary>
    [Operation("max_pool2d")]
    public Tensor MaxPool2d(int[] kernel, int[] stride, int[] padding) => Eager.Run("max_pool2d", [this], ("kernel", kernel), ("stride", stride), ("padding", padding));
}

/// <summary>Results: the maxima and, as i32, where in its plane (row · width + column) each of them lies, unless <c>places</c> is 0. The language sees the first alone.</summary>
sealed class MaxPool2dOperation : Operation
{
    public override string Name => "max_pool2d";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => PoolingShape.Library(node.Inputs[0].Type, node.Outputs[0].Type);

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        [b.Node(this, operands, PoolingShape.Canonical(attributes)).Outputs[0]];

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        Rules.Real("MaxPool2d", "x", context[0].DType);
        var shape = PoolingShape.Infer("MaxPool2d", context.Shape(0), context.Attributes);
        return HasPlaces(context.Attributes) ? [context[0].With(shape), new(DType.I32, shape)] : [context[0].With(shape)];
    }

    public override AttributeMap? FirstResultAlone(Node node) => node.Attributes.With("places", 0);

    static bool HasPlaces(AttributeMap attributes) => attributes.Int("places", 1) != 0;

    public override IEnumerable<SizeRule> SizeRules(Node node) => PoolingShape.Window(node.Attributes).SizeRules("MaxPool2d", node.Inputs[0].Shape);

    public override string? Undefined(Node node) => WindowTaps.TooMany(PoolingShape.Window(node.Attributes));

    // Tap by tap, in their order: a greater element takes the place of the one before.
    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var (x, map) = (node.Inputs[0], node.Outputs[0].Shape);
        var window = PoolingShape.Window(node.Attributes);
        var taps = new WindowTaps(b, window, map);
        var padded = taps.Padded(x);
        Value And(Value a, Value c) => b.Emit("logical_and", [a, c]);
        Value Not(Value a) => b.Emit("logical_not", [a]);
        Value Inside(Value place, Dim size) => And(b.LessEqual(b.ConstantLike(0, place), place), b.Less(place, b.Size(size, DType.I32)));
        Value? best = null, at = null;
        foreach (var tap in taps.All)
        {
            var (value, row, column) = (taps.Seen(padded, tap), taps.Place(2, tap.Row), taps.Place(3, tap.Column));
            var place = b.Expand(b.Add(b.Mul(row, b.Size(x.Shape[3], DType.I32)), column), map);
            var isInside = window.PaddingHeight + window.PaddingWidth == 0 ? null : And(Inside(row, x.Shape[2]), Inside(column, x.Shape[3]));
            if (best is null || at is null)
            {
                (best, at) = (value, isInside is null ? place : b.Where(isInside, place, b.ConstantLike(-1, place)));
                continue;
            }
            var isBetter = b.Emit("logical_or", [b.Less(best, value), And(Not(b.Equal(value, value)), b.Equal(best, best))]);
            // Nothing of the padding was there.
            if (isInside is not null) isBetter = And(isInside, b.Emit("logical_or", [b.Less(at, b.ConstantLike(0, at)), isBetter]));
            (best, at) = (b.Where(isBetter, value, best), b.Where(isBetter, place, at));
        }
        return HasPlaces(node.Attributes) ? [best!, at!] : [best!];
    }

    public override void Evaluate(Evaluation e)
    {
        var (x, y) = (e[0], e.Create(0));
        var index = HasPlaces(e.Attributes) ? e.Create(1) : null;
        var w = PoolingShape.Window(e.Attributes);
        var (height, width, outHeight, outWidth) = ((int)x.Shape[2], (int)x.Shape[3], (int)y.Shape[2], (int)y.Shape[3]);
        for (long plane = 0, o = 0; plane < x.Shape[0] * x.Shape[1]; plane++)
            for (var oy = 0; oy < outHeight; oy++)
                for (var ox = 0; ox < outWidth; ox++, o++)
                {
                    var (best, at) = (double.NegativeInfinity, -1);
                    for (var iy = Math.Max(0, oy * w.StrideHeight - w.PaddingHeight); iy < Math.Min(height, oy * w.StrideHeight - w.PaddingHeight + w.KernelHeight); iy++)
                        for (var ix = Math.Max(0, ox * w.StrideWidth - w.PaddingWidth); ix < Math.Min(width, ox * w.StrideWidth - w.PaddingWidth + w.KernelWidth); ix++)
                        {
                            var value = x[plane * height * width + iy * width + ix];
                            if (at < 0 || value > best || (double.IsNaN(value) && !double.IsNaN(best))) (best, at) = (value, iy * width + ix);
                        }
                    y[o] = best;
                    if (index is not null) index.Int[o] = at;
                }
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.Of(g.Builder.Emit("max_pool2d_grad", [g.OutputGradient, g.Result(1)], ("shape", g.X.Shape))))];

    public override Dim Flops(Node node)
    {
        var w = PoolingShape.Window(node.Attributes);
        return node.Outputs[0].Shape.Size * (w.KernelHeight * w.KernelWidth);
    }
}
