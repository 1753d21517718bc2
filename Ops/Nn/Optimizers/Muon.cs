using System;

namespace Graph.Nn;

/// <summary>Momentum made orthogonal, for matrices; everything else goes by AdamW.</summary>
/// <remarks>
/// Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024: five steps of a Newton–Schulz iteration bring the singular values of the momentum near 1. Filters of convolutions are matrices of one
/// row a filter. Tables of embeddings and the output layer are better left to AdamW: <paramref name="except"/> names them.
/// </remarks>
/// <param name="learningRate">The learning rate of matrices where no schedule gives another.</param>
/// <param name="momentum">How much of the momentum is kept.</param>
/// <param name="weightDecay">How much of a parameter is taken away a step, times its learning rate.</param>
/// <param name="nesterov">Whether to look ahead by one momentum.</param>
/// <param name="adamRate">The rate of what goes by AdamW, relative to the other.</param>
/// <param name="except">What the paths of matrices contain that go by AdamW, <c>"token"</c>; none when empty.</param>
[Module]
public sealed partial class Muon(double learningRate = 0.02, double momentum = 0.95, double weightDecay = 0, bool nesterov = true, double adamRate = 0.015, string except = "")
{
    const double Beta1 = 0.9, Beta2 = 0.95, Epsilon = 1e-8;

    readonly double momentum = HyperParameter.Within(nameof(momentum), momentum, 0, 1);
    readonly double weightDecay = HyperParameter.AtLeast(nameof(weightDecay), weightDecay, 0);
    readonly double adamRate = HyperParameter.AtLeast(nameof(adamRate), adamRate, 0);

    /// <summary>The learning rate of matrices where no schedule gives another.</summary>
    public double LearningRate { get; } = HyperParameter.AtLeast(nameof(learningRate), learningRate, 0);

    /// <summary>One step of one parameter.</summary>
    public (Tensor Value, Tensor M, Tensor V) Update(Tensor value, Tensor gradient, [State] Tensor m, [State] Tensor v, Tensor learningRate, Tensor step, string path)
    {
        if (value.Rank < 2 || (except != "" && path.Contains(except)))
        {
            m += (gradient - m) * (1 - Beta1);
            v = v * Beta2 + gradient * gradient * (1 - Beta2);
            var rate = learningRate * adamRate;
            var change = m / BiasCorrection.Of(Beta1, step) / ((v / BiasCorrection.Of(Beta2, step)).Sqrt() + Epsilon);
            return (value * (1 - rate * weightDecay) - rate * change, m, v);
        }
        m = m * momentum + gradient;
        var (rows, columns) = (value.Shape[0], value.Length / value.Shape[0]);
        var direction = Orthogonal((nesterov ? gradient + m * momentum : m).Reshape(rows, (int)columns)).Reshape(value.Shape);
        return (value * (1 - learningRate * weightDecay) - learningRate * Math.Sqrt(Math.Max(1, (double)rows / columns)) * direction, m, v);
    }

    // Near the orthogonal factor: with these coefficients small singular values grow fastest, and all end between 0.7 and 1.2.
    static Tensor Orthogonal(Tensor x)
    {
        var tall = x.Shape[0] > x.Shape[1];
        if (tall) x = x.T;
        x /= x.Norm() + 1e-7;
        for (var i = 0; i < 5; i++)
        {
            var square = x.MatMul(x.T);
            x = x * 3.4445 + (square * -4.7750 + square.MatMul(square) * 2.0315).MatMul(x);
        }
        return tall ? x.T : x;
    }
}
