using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph.Tests.Ops;

/// <summary>
/// The variance in one pass: the accumulator is a count, a mean and the sum of squared distances from it. Welford, "Note on a method for calculating corrected sums of squares and products", 1962; two of them become one as in
/// Chan, Golub and LeVeque, 1979.
/// </summary>
sealed class WelfordOperation : ReduceOperation
{
    public override string Name => "welford";

    public override Accumulation Reduce(Node node)
    {
        var type = node.Inputs[0].DType.Accumulator();
        Scalar Of(double value) => Scalar.Of(value, type);
        Scalar In(int index) => Scalar.Input(index, type);
        var count = In(0) + In(3);
        var share = In(3) / Scalar.Max(count, 1); // nothing with nothing is nothing
        var distance = In(4) - In(1);
        return new(
            [Of(0), Of(0), Of(0)], [Of(1), Scalar.Cast(Scalar.Input(0, node.Inputs[0].DType), type), Of(0)],
            [count, In(1) + distance * share, In(2) + In(5) + distance * (In(0) * share) * distance], Scalar.Cast(In(2) / In(0), node.Output.DType));
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [null];
}

/// <summary>log Σ exp x in one pass: the accumulator is the largest element so far and the sum of exponentials under it. Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018.</summary>
sealed class OnlineLogSumExpOperation : ReduceOperation
{
    public override string Name => "online_logsumexp";

    public override Accumulation Reduce(Node node)
    {
        var type = node.Inputs[0].DType.Accumulator();
        Scalar In(int index) => Scalar.Input(index, type);
        Scalar x = Scalar.Cast(Scalar.Input(0, node.Inputs[0].DType), type), zero = Scalar.Of(0, type), infinity = Scalar.Of(double.PositiveInfinity, type);
        // Under an infinite maximum nothing is subtracted: ∞ − ∞ is not a number.
        Scalar Guard(Scalar max) => Scalar.Select(Scalar.Equal(Scalar.Abs(max), infinity), zero, max);
        var max = Scalar.Max(In(0), In(2));
        return new(
            [Scalar.Of(double.NegativeInfinity, type), zero], [x, Scalar.Exp(x - Guard(x))],
            [max, In(1) * Scalar.Exp(Guard(In(0)) - Guard(max)) + In(3) * Scalar.Exp(Guard(In(2)) - Guard(max))], Scalar.Cast(Guard(In(0)) + Scalar.Log(In(1)), node.Output.DType));
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [null];
}
