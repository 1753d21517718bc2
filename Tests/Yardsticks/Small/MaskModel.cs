using Graph.Nn;

namespace Graph.Yardsticks.Small;

/// <summary>Entries on masks, integers and doubles, and a loss with an argument of doubles: what the generated C# has to be right for.</summary>
[Model]
[Dim("B", Max = 64)]
public sealed partial class MaskModel
{
    readonly Linear head = new(4, 3);
    readonly Parameter weight = new([4], Init.Ones);

    [Entry] public Tensor Count([Shape("B", 4)] Tensor x, [Shape("B", 4)] Tensor y) => (x > y).Sum();

    [Entry] public Tensor Share([Shape("B", 4)] Tensor x) => (x > 0).Cast(ElementType.F32).Mean();

    [Entry] public (Tensor Both, Tensor Either) Logic([Shape("B", 4)] Tensor x, [Shape("B", 4)] Tensor y) => ((x > 0) * (y > 0), (x > 0) + (y > 0));

    [Entry] public (Tensor Any, Tensor All) Rows([Shape("B", 4)] Tensor<bool> x) => (x.Max(1), x.Min(1));

    [Entry] public Tensor Squares([Shape("B", 4)] Tensor<bool> x) => x.Square();

    [Entry] public Tensor Correct([Shape("B", 4)] Tensor x, [Shape("B")] Tensor<int> label) => head.Forward(x).ArgMax(1).EqualTo(label).Sum();

    [Entry] public (Tensor Sums, Tensor Mean) Integers([Shape("B", 4)] Tensor<int> x) => (x.Sum(0), x.Sum() / (4 * x.Shape[0]));

    [Entry] public (Tensor Wide, Tensor Sums) Doubles([Shape("B", 4)] Tensor<double> x) => ((x * 3).Sigmoid(), x.Softmax(1).Sum(0));

    [Entry] public (Tensor Next, Tensor Twice) Literals([Shape("B", 4)] Tensor<int> x, [Shape("B", 4)] Tensor<bool> mask) => (x + 1, mask * 2);

    [Entry] public Tensor Products([Shape("B", 40)] Tensor<int> x) => (x.Cast(ElementType.I64) * x).Cast(ElementType.F32);

    [Loss] public Tensor Loss([Shape("B", 4)] Tensor<double> x, [Shape("B", 4)] Tensor<bool> mask) => Tensor.Where(mask, x * weight, 0).Square().Mean();

    [Train(ClipNorm = 1)] public static AdamW Optimizer() => new();
}
