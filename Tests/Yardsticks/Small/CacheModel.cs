using Graph.Nn;

namespace Graph.Yardsticks.Small;

/// <summary>States that entries change: a cache of keys and values that stays in the model, a counter, statistics of training.</summary>
[Model]
public sealed partial class CacheModel
{
    readonly Linear head = new(4, 4, bias: false);
    readonly State cache = new([8, 4], Init.Zeros);
    readonly State length = new([1], Init.Zeros);
    readonly State seen = new([1], Init.Zeros);
    readonly BatchNorm1d norm = new(4);

    // The row at the cache's end is written, and the rows so far are attended to.
    [Entry]
    public Tensor Next([Shape(4)] Tensor token)
    {
        var place = Tensor.Arange(8).Cast(ElementType.F32);
        cache.Assign(Tensor.Where(place.EqualTo(length).Unsqueeze(1), head.Forward(token), cache));
        var scores = cache.MatMul(token).MaskedFill(place > length, double.NegativeInfinity);
        length.Assign(length + 1);
        return scores.Softmax().MatMul(cache);
    }

    // Assigned twice, and read before, between and after.
    [Entry]
    public (Tensor Before, Tensor Between, Tensor After) Count([Shape(1)] Tensor x)
    {
        var before = length * 1;
        length.Assign(length + x);
        var between = length * 1;
        length.Assign(length * 10);
        return (before, between, length);
    }

    [Entry] public Tensor Read([Shape(1)] Tensor x) => length + x * 0;

    [Entry] public (Tensor Old, Tensor New) Swap([Shape(1)] Tensor x)
    {
        var old = length * 1;
        length.Assign(seen);
        seen.Assign(old);
        return (old, length + x * 0);
    }

    // What the loss and an entry reach: kept by a training step and by the entry, not by an evaluation.
    Tensor Shared(Tensor x)
    {
        seen.Assign(seen + x.Shape[0]);
        return norm.Forward(x.Dropout(0.5)).Square().Mean() + seen.Sum() * 0;
    }

    [Entry] public Tensor Look([Shape(3, 4)] Tensor x) => Shared(x);

    [Loss] public Tensor Loss([Shape(2, 4)] Tensor x) => Shared(head.Forward(x));

    [Train] public static Sgd Optimizer() => new(learningRate: 0.01f);
}
