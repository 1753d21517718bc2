using Graph.Nn;

namespace Graph.Yardsticks.Programs;

/// <summary>Makes rows of numbers from noise: [batch, 4] → [batch, 6].</summary>
[Module]
public sealed partial class RowGenerator
{
    readonly Linear first = new(4, 16, bias: false); // the norm behind it takes a bias away
    readonly BatchNorm1d norm = new(16);
    readonly Linear last = new(16, 6);

    /// <summary>[batch, 4] → [batch, 6]</summary>
    public Tensor Forward(Tensor noise) => last.Forward(norm.Forward(first.Forward(noise)).Relu());
}

/// <summary>Tells real rows from made ones: [batch, 6] → [batch, 1], positive for real.</summary>
[Module]
public sealed partial class RowCritic
{
    readonly Linear first = new(6, 16);
    readonly Linear last = new(16, 1);

    /// <summary>[batch, 6] → [batch, 1]</summary>
    public Tensor Forward(Tensor rows) => last.Forward(first.Forward(rows).LeakyRelu(0.2));
}

/// <summary>A generative adversarial network in one class: two training programs over one set of parameters. Goodfellow et al., 2014, with the losses that do not saturate.</summary>
[Model]
[Dim("B", Max = 32, Typical = 8)]
public sealed partial class Gan
{
    readonly RowGenerator generator = new();
    readonly RowCritic critic = new();

    /// <summary>Rows made from noise.</summary>
    [Entry] public Tensor Sample([Shape("B", 4)] Tensor noise) => generator.Forward(noise);

    /// <summary>How badly the critic tells rows from those that the generator makes, in training mode as it is.</summary>
    [Loss]
    public Tensor CriticLoss([Shape("B", 6)] Tensor rows, [Shape("B", 4)] Tensor noise) =>
        (-critic.Forward(rows)).Softplus().Mean() + critic.Forward(generator.Forward(noise)).Softplus().Mean();

    /// <summary>How well the critic tells what the generator makes.</summary>
    [Loss] public Tensor GeneratorLoss([Shape("B", 4)] Tensor noise) => (-critic.Forward(generator.Forward(noise))).Softplus().Mean();

    /// <summary>Trains the critic.</summary>
    [Train(Loss = nameof(CriticLoss), Updates = ["critic"])] public static AdamW Critic() => new(learningRate: 2e-3, beta1: 0.5, weightDecay: 0.05);

    /// <summary>Trains the generator.</summary>
    [Train(Loss = nameof(GeneratorLoss), Updates = ["generator"], ClipNorm = 0.3)] public static AdamW Generator() => new(learningRate: 1e-3, beta1: 0.5);
}
