using Graph.Nn;

namespace Graph.Yardsticks.Small;

/// <summary>Operations whose numbers are easily lost: padding, triangles, picks, roots at 0, integers.</summary>
[Model]
[Dim("B", Max = 8)]
[Dim("T", Max = 16)]
public sealed partial class EdgeModel
{
    readonly Parameter weight = new([3, 4], Init.Zeros);

    [Entry] public Tensor Masked([Shape("B", 3)] Tensor x) => x.Pad([0, 1], [0, 2], double.NegativeInfinity).Softmax();

    [Entry] public (Tensor Lower, Tensor Upper) Triangles([Shape("B", 3, 3)] Tensor x) => (x.Tril(), x.Triu(1));

    [Entry] public (Tensor Lower, Tensor Upper) OpenTriangles([Shape("T", "T")] Tensor x) => (x.Tril(-1) * 2, (x + 1).Triu());

    [Entry] public Tensor Pick([Shape("B", 5)] Tensor x, [Shape("B", 2)] Tensor<int> index) => x.Gather(index);

    [Entry] public Tensor PickAround([Shape("B", 5)] Tensor x, [Shape("B", 2)] Tensor<int> index) => x.Gather(index % 5);

    [Entry] public (Tensor Greatest, Tensor Remainders) Integers([Shape("B", 4)] Tensor<long> x) => (x.ArgMax(), x % 3);

    [Entry]
    public (Tensor Places, Tensor Product, Tensor Share) Sizes([Shape("B", "T")] Tensor x)
    {
        Tensor t = x.Shape[1];
        return (Tensor.Arange(x.Shape[0]) * x.Shape[1], t * 16777217, x.Sum() / t);
    }

    // The rows of a parameter that begins at 0: its norm has no derivative there.
    [Loss] public Tensor Loss([Shape("B", 3)] Tensor x) => x.MatMul(weight.Tril()).Square().Mean() + weight.Norm(1).Sum() + weight.Norm();

    [Train] public static Sgd Optimizer() => new(learningRate: 0.1f);
}
