using System;

namespace Graph.Nn;

/// <summary>A long short-term memory; x: [time, batch, inputs] → [time, batch, hidden · directions].</summary>
/// <remarks>
/// Hochreiter and Schmidhuber, "Long short-term memory", 1997, with the forget gate of Gers et al., 2000. As torch.nn.LSTM, without projections: its files load, see <see cref="Recurrent"/>.
/// <c>i, f, o = σ(…)</c>, <c>g = tanh(…)</c>, <c>c' = f · c + i · g</c>, <c>h' = o · tanh(c')</c>.
/// </remarks>
/// <param name="inputs">The size of the last axis.</param>
/// <param name="hidden">The size of a state.</param>
/// <param name="layers">How many layers lie on each other.</param>
/// <param name="bias">Whether products have biases.</param>
/// <param name="batchFirst">x is [batch, time, inputs] instead of [time, batch, inputs], and so is the output.</param>
/// <param name="dropout">How much of a layer's output is dropped for the next one while training.</param>
/// <param name="bidirectional">Each layer also goes from the end to the beginning; the outputs of both lie side by side.</param>
[Module]
public sealed partial class Lstm(int inputs, int hidden, int layers = 1, bool bias = true, bool batchFirst = false, double dropout = 0, bool bidirectional = false)
    : Recurrent(inputs, hidden, 4, 2, layers, bias, batchFirst, dropout, bidirectional)
{
    readonly int size = hidden;

    /// <inheritdoc/>
    protected override bool AddsBiases => true;

    /// <summary>The outputs of all steps, and the last states of all layers and directions.</summary>
    /// <param name="x">[time, batch, inputs], or [batch, time, inputs] with batchFirst.</param>
    /// <param name="hiddenState">h of the first step, [layers · directions, batch, hidden]; zeros when left out.</param>
    /// <param name="cellState">c of the first step, as h.</param>
    /// <param name="lengths">How long each row of the batch is, [batch]: behind it is padding, whose output is 0, and the last states are those of the row's own end.</param>
    public (Tensor Output, Tensor HiddenState, Tensor CellState) Forward(Tensor x, Tensor? hiddenState = null, Tensor? cellState = null, Tensor? lengths = null)
    {
        var (output, states) = Run(x, [hiddenState, cellState], lengths);
        return (output, states[0], states[1]);
    }

    /// <inheritdoc/>
    protected override Tensor[] Step(Tensor[] state, Tensor wide, Tensor deep)
    {
        var parts = (wide + deep).Split(size, 1);
        var cell = parts[1].Sigmoid() * state[1] + parts[0].Sigmoid() * parts[2].Tanh();
        return [parts[3].Sigmoid() * cell.Tanh(), cell];
    }
}
