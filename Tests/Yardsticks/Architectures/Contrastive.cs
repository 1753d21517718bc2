using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>Pairs of two kinds drawn together, as CLIP does: logits of the batch with itself, labels that are an index, a learned temperature.</summary>
[Model]
[Dim("B", Max = 16, Typical = 8)]
public sealed partial class Contrastive
{
    readonly Sequential left = new(new Linear(12, 32), new Relu(), new Linear(32, 16)), right = new(new Linear(9, 32), new Gelu(), new Linear(32, 16));
    readonly Parameter scale = new([], Init.Constant(2));

    static Tensor Unit(Tensor x) => x / x.Norm(-1, keep: true);

    [Loss]
    public Tensor Loss([Shape("B", 12)] Tensor image, [Shape("B", 9)] Tensor text)
    {
        var logits = Unit(left.Forward(image)).MatMul(Unit(right.Forward(text)).Transpose(0, 1)) * scale.Exp();
        var label = Tensor.Arange(image.Shape[0]);
        return (logits.CrossEntropy(label) + logits.Transpose(0, 1).CrossEntropy(label)) / 2;
    }

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-2);
}
