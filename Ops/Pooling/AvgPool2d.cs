using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The mean of each window of [N, C, H, W]; padding counts as zeros, as in PyTorch.</summary>
    /// <param name="stride">0 stands for the kernel's size.</param>
    /// <param name="padding">At most half of the kernel.</param>
    [Operation("avg_pool2d")]
    public Tensor AvgPool2d(int kernel, int stride = 0, int padding = 0) => Eager.Run("avg_pool2d", [this], ("kernel", kernel), ("stride", stride), ("padding", padding));

    /// <summary>The same with one number for the height and one for the width.</summary>
    [Operation("avg_pool2d")]
    public Tensor AvgPool2d(int[] kernel, int[] stride, int[] padding) => Eager.Run("avg_pool2d", [this], ("kernel", kernel), ("stride", stride), ("padding", padding));
}

sealed class AvgPool2dOperation : Operation
{
    public override string Name => "avg_pool2d";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => PoolingShape.Library(node.Inputs[0].Type, node.Outputs[0].Type);

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) => base.Emit(b, operands, PoolingShape.Canonical(attributes));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        Rules.Real("AvgPool2d", "x", context[0].DType);
        return [context[0].With(PoolingShape.Infer("AvgPool2d", context.Shape(0), context.Attributes))];
    }

    public override IEnumerable<SizeRule> SizeRules(Node node) => PoolingShape.Window(node.Attributes).SizeRules("AvgPool2d", node.Inputs[0].Shape);

    public override string? Undefined(Node node) => WindowTaps.TooMany(PoolingShape.Window(node.Attributes));

    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var taps = new WindowTaps(b, PoolingShape.Window(node.Attributes), node.Output.Shape);
        var padded = taps.Padded(b.Cast(node.Inputs[0], node.Output.DType.Accumulator()));
        var sum = taps.All.Select(tap => taps.Seen(padded, tap)).Aggregate(b.Add);
        return [b.Cast(b.Mul(sum, PoolingShape.Share(b, node.Attributes, sum)), node.Output.DType)];
    }

    public override void Evaluate(Evaluation e)
    {
        var (x, y) = (e[0], e.Create(0));
        var (xs, ys) = (x.Real, y.Real);
        AveragePlaces.Visit(x.Shape, y.Shape, PoolingShape.Window(e.Attributes), (from, to, share) => ys[to] += xs[from] * share);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.Of(g.Builder.Node("avg_pool2d_grad", [g.OutputGradient], g.Attributes.With("shape", g.X.Shape)).Output))];

    public override Dim Flops(Node node)
    {
        var w = PoolingShape.Window(node.Attributes);
        return node.Output.Shape.Size * (w.KernelHeight * w.KernelWidth);
    }
}
