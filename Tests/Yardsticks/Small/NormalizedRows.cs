using Graph.Nn;

namespace Graph.Yardsticks.Small;

/// <summary>One layer norm: rows forward, rows and columns backward.</summary>
[Model]
[Dim("B", Max = 64, Typical = 16)]
public sealed partial class NormalizedRows
{
    readonly LayerNorm norm = new(32);

    /// <summary>The normalized rows.</summary>
    [Entry]
    public Tensor Normalize([Shape("B", 32)] Tensor x) => norm.Forward(x);

    /// <summary>Their distance from what is wanted.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 32)] Tensor x, [Shape("B", 32)] Tensor wanted) => norm.Forward(x).MseLoss(wanted);

    [Train]
    static Sgd Optimizer() => new(learningRate: 0.1);
}
