using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Cross-correlation of [N, C, L] with a weight [O, C / groups, k]: [N, O, ⌊(L + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1].</summary>
    /// <param name="bias">[O]</param>
    [Operation("conv1d")]
    public Tensor Conv1d(Tensor weight, Tensor? bias = null, int stride = 1, int padding = 0, int dilation = 1, int groups = 1) =>
        Eager.Run("conv1d", bias is null ? [this, weight] : [this, weight, bias], ("stride", stride), ("padding", padding), ("dilation", dilation), ("groups", groups));
}

/// <summary>A <c>conv2d</c> of one row.</summary>
sealed class Conv1dOperation : LanguageOperation
{
    public override string Name => "conv1d";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        Rules.Rank("Conv1d", "x", x[0].Shape, 3, 3, "x of shape [batch, channels, length]");
        Rules.Rank("Conv1d", "the weight", x[1].Shape, 3, 3, "a weight of shape [filters, channels / groups, length]");
        for (var i = 1; i < x.Length; i++) Rules.SameReal("Conv1d", "x", x[0].DType, i == 1 ? "the weight" : "the bias", x[i].DType);
        var rows = x.SetItem(0, b.Reshape(x[0], x[0].Shape.Insert(2, 1))).SetItem(1, b.Reshape(x[1], x[1].Shape.Insert(2, 1)));
        AttributeMap Row(AttributeMap map, string name, int height) => map.With(name, new[] { height, (int)attributes.Int(name, height) });
        var y = b.Apply("conv2d", rows, Row(Row(Row(attributes, "stride", 1), "padding", 0), "dilation", 1))[0];
        return b.Reshape(y, y.Shape.Remove(2));
    }
}
