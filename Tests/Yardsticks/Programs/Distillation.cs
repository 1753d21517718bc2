using Graph.Nn;

namespace Graph.Yardsticks.Programs;

/// <summary>A perceptron with one hidden layer.</summary>
[Module]
public sealed partial class Perceptron(int inputs, int hidden, int outputs)
{
    readonly Linear first = new(inputs, hidden);
    readonly Linear last = new(hidden, outputs);

    /// <summary>[..., inputs] → [..., outputs]</summary>
    public Tensor Forward(Tensor x) => last.Forward(first.Forward(x).Tanh());
}

/// <summary>A small network learns what a large one says, which stays as it is. Hinton et al., 2015.</summary>
[Model]
[Dim("B", Max = 32, Typical = 8)]
public sealed partial class Distillation
{
    const double Temperature = 2;

    readonly Perceptron teacher = new(5, 12, 3);
    readonly Perceptron student = new(5, 4, 3);

    /// <summary>What the student says.</summary>
    [Entry] public Tensor Predict([Shape("B", 5)] Tensor x) => student.Forward(x).Softmax(-1);

    /// <summary>The cross entropy of the student's classes under the teacher's, both softened.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 5)] Tensor x) =>
        -((teacher.Forward(x) / Temperature).Softmax(-1) * (student.Forward(x) / Temperature).LogSoftmax(-1)).Sum(-1).Mean();

    [Train(Freezes = ["teacher"])] static Sgd Optimizer() => new(learningRate: 0.2, momentum: 0.9);
}
