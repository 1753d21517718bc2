using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>One step of a long short-term memory: (x, h, c) → (h, c).</summary>
[Module]
public sealed partial class LstmCell(int inputs, int hidden)
{
    readonly Linear gates = new(inputs + hidden, 4 * hidden);

    public (Tensor Hidden, Tensor Cell) Forward(Tensor x, Tensor hiddenState, Tensor cellState)
    {
        var parts = gates.Forward(Tensor.Concat([x, hiddenState], 1)).Split(hidden, 1);
        var cell = parts[1].Sigmoid() * cellState + parts[0].Sigmoid() * parts[2].Tanh();
        return (parts[3].Sigmoid() * cell.Tanh(), cell);
    }
}

/// <summary>A recurrent classifier, its loop over time unrolled: weights shared by ten calls, tuples in and out.</summary>
[Model]
[Dim("B", Max = 32, Typical = 8)]
public sealed partial class Lstm
{
    readonly LstmCell cell = new(6, 16);
    readonly Linear head = new(16, 3);

    [Entry]
    public Tensor Logits([Shape("B", 10, 6)] Tensor sequence)
    {
        var batch = sequence.Shape[0];
        Tensor h = Tensor.Zeros(batch, 16), c = Tensor.Zeros(batch, 16);
        for (var t = 0; t < 10; t++) (h, c) = cell.Forward(sequence.Select(1, t), h, c);
        return head.Forward(h);
    }

    [Loss]
    public Tensor Loss([Shape("B", 10, 6)] Tensor sequence, [Shape("B")] Tensor<int> label) => Logits(sequence).CrossEntropy(label);

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-2);
}
