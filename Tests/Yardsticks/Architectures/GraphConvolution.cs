using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>Nodes of a graph classified from their neighbours; nodes without a label weigh nothing. Kipf and Welling, ICLR 2017.</summary>
[Model]
[Dim("N", Max = 40, Typical = 20)]
public sealed partial class GraphConvolution
{
    readonly Linear first = new(8, 16), second = new(16, 3);

    [Loss]
    public Tensor Loss([Shape("N", "N")] Tensor edges, [Shape("N", 8)] Tensor features, [Shape("N")] Tensor<int> label, [Shape("N")] Tensor weight)
    {
        var scale = (edges.Sum(1, keep: true) + 1e-6).Rsqrt();
        var spread = scale * edges * scale.Transpose(0, 1);
        var hidden = spread.MatMul(first.Forward(features)).Relu();
        var scores = spread.MatMul(second.Forward(hidden)).LogSoftmax(-1);
        return -(scores.Gather(label.Unsqueeze(1), 1).Squeeze(1) * weight).Sum() / weight.Sum();
    }

    [Train]
    static AdamW Optimizer() => new(learningRate: 2e-2);
}
