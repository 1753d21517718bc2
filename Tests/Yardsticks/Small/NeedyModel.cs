using Graph.Nn;

namespace Graph.Yardsticks.Small;

/// <summary>Entries that need more of their named dimensions and labels than that they are in bounds.</summary>
[Model]
[Dim("B", Max = 8)]
[Dim("H", Max = 32)]
public sealed partial class NeedyModel
{
    readonly Conv2d convolution = new(1, 2, 3);
    readonly BatchNorm1d norm = new(4);
    readonly Linear head = new(4, 10);
    readonly Embedding table = new(16, 4);

    [Entry] public Tensor First([Shape("B", 4)] Tensor x) => x.Slice(0, 0, 3);

    [Entry] public Tensor Last([Shape("B", 4)] Tensor x) => x.Slice(0, -3);

    [Entry] public Tensor Rest([Shape("B", 4)] Tensor x) => head.Forward(x.Slice(0, 1));

    [Entry] public Tensor Pool([Shape(1, 1, "H", "H")] Tensor x) => x.MaxPool2d(3, 1);

    [Entry] public Tensor Convolve([Shape(1, 1, "H", "H")] Tensor x) => convolution.Forward(x);

    [Entry] public Tensor Ones([Shape("B", 4)] Tensor x) => Tensor.Full([x.Shape[0] - 2], 1);

    [Entry] public Tensor Tallest([Shape("B", 4)] Tensor x) => x.Slice(0, 1).Max(0);

    [Entry] public Tensor Rows([Shape("B")] Tensor<int> ids) => table.Forward(ids);

    [Entry] public Tensor Shifted([Shape("B")] Tensor<int> ids) => table.Forward(ids + 1);

    [Loss] public Tensor Loss([Shape("B", 4)] Tensor x, [Shape("B")] Tensor<long> label) => head.Forward(norm.Forward(x)).CrossEntropy(label);

    [Train] public static AdamW Optimizer() => new();
}
