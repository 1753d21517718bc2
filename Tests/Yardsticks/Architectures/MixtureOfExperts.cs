using System.Linq;
using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>Every expert answers, a gate weighs the answers, and a second term of the loss spreads the load.</summary>
[Model]
[Dim("B", Max = 16, Typical = 8)]
public sealed partial class MixtureOfExperts
{
    readonly Linear gate = new(6, 3);
    readonly Linear[] experts = [.. Enumerable.Range(0, 3).Select(_ => new Linear(6, 5))];

    [Loss]
    public Tensor Loss([Shape("B", 6)] Tensor x, [Shape("B", 5)] Tensor wanted)
    {
        var weights = gate.Forward(x).Softmax(-1);
        var mixed = (Tensor.Stack([.. experts.Select(e => e.Forward(x))], 1) * weights.Unsqueeze(-1)).Sum(1);
        return (mixed - wanted).Square().Mean() + 0.03 * weights.Mean(0).Square().Sum();
    }

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-2);
}
