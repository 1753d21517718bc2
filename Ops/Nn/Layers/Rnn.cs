using System;

namespace Graph.Nn;

/// <summary>What a plain recurrent layer makes of its sum.</summary>
public enum RnnActivation
{
    /// <summary>The hyperbolic tangent.</summary>
    Tanh,
    /// <summary>max(x, 0)</summary>
    Relu,
}

/// <summary>A plain recurrent network, <c>h' = tanh(x W_ih + b_ih + h W_hh + b_hh)</c>; x: [time, batch, inputs] → [time, batch, hidden · directions].</summary>
/// <remarks>Elman, "Finding structure in time", 1990. As torch.nn.RNN: its files load, see <see cref="Recurrent"/>.</remarks>
/// <param name="inputs">The size of the last axis.</param>
/// <param name="hidden">The size of a state.</param>
/// <param name="layers">How many layers lie on each other.</param>
/// <param name="activation">What is made of the sum.</param>
/// <param name="bias">Whether products have biases.</param>
/// <param name="batchFirst">x is [batch, time, inputs] instead of [time, batch, inputs], and so is the output.</param>
/// <param name="dropout">How much of a layer's output is dropped for the next one while training.</param>
/// <param name="bidirectional">Each layer also goes from the end to the beginning; the outputs of both lie side by side.</param>
[Module]
public sealed partial class Rnn(
    int inputs, int hidden, int layers = 1, RnnActivation activation = RnnActivation.Tanh, bool bias = true, bool batchFirst = false, double dropout = 0, bool bidirectional = false)
    : Recurrent(inputs, hidden, 1, 1, layers, bias, batchFirst, dropout, bidirectional)
{
    /// <inheritdoc/>
    protected override bool AddsBiases => true;

    /// <summary>The outputs of all steps, and the last states of all layers and directions.</summary>
    /// <param name="x">[time, batch, inputs], or [batch, time, inputs] with batchFirst.</param>
    /// <param name="hiddenState">h of the first step, [layers · directions, batch, hidden]; zeros when left out.</param>
    /// <param name="lengths">How long each row of the batch is, [batch]: behind it is padding, whose output is 0, and the last states are those of the row's own end.</param>
    public (Tensor Output, Tensor HiddenState) Forward(Tensor x, Tensor? hiddenState = null, Tensor? lengths = null)
    {
        var (output, states) = Run(x, [hiddenState], lengths);
        return (output, states[0]);
    }

    /// <inheritdoc/>
    protected override Tensor[] Step(Tensor[] state, Tensor wide, Tensor deep) => [activation == RnnActivation.Relu ? (wide + deep).Relu() : (wide + deep).Tanh()];
}
