using System;

namespace Graph.Nn;

/// <summary>A gated recurrent unit; x: [time, batch, inputs] → [time, batch, hidden · directions].</summary>
/// <remarks>
/// Cho et al., "Learning phrase representations using RNN encoder–decoder", 2014, with the reset gate behind the product, as torch.nn.GRU has it: its files load, see <see cref="Recurrent"/>.
/// <c>r, z = σ(…)</c>, <c>n = tanh(x W_in + b_in + r · (h W_hn + b_hn))</c>, <c>h' = (1 − z) · n + z · h</c>.
/// </remarks>
/// <param name="inputs">The size of the last axis.</param>
/// <param name="hidden">The size of a state.</param>
/// <param name="layers">How many layers lie on each other.</param>
/// <param name="bias">Whether products have biases.</param>
/// <param name="batchFirst">x is [batch, time, inputs] instead of [time, batch, inputs], and so is the output.</param>
/// <param name="dropout">How much of a layer's output is dropped for the next one while training.</param>
/// <param name="bidirectional">Each layer also goes from the end to the beginning; the outputs of both lie side by side.</param>
[Module]
public sealed partial class Gru(int inputs, int hidden, int layers = 1, bool bias = true, bool batchFirst = false, double dropout = 0, bool bidirectional = false)
    : Recurrent(inputs, hidden, 3, 1, layers, bias, batchFirst, dropout, bidirectional)
{
    readonly int size = hidden;

    /// <inheritdoc/>
    protected override bool AddsBiases => false;

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
    protected override Tensor[] Step(Tensor[] state, Tensor wide, Tensor deep)
    {
        var (x, h) = (wide.Split(size, 1), deep.Split(size, 1));
        var reset = (x[0] + h[0]).Sigmoid();
        var update = (x[1] + h[1]).Sigmoid();
        var next = (x[2] + reset * h[2]).Tanh();
        return [next + update * (state[0] - next)];
    }
}
