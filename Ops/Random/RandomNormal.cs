using System.Collections.Generic;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>
/// Normal numbers with mean 0 and deviation 1: the quantile function at the middle of a uniform number's interval, p = u + 2⁻²⁵, by additions, multiplications, divisions and square roots of f32 alone.
/// IEEE rounds those the same everywhere, which a library's logarithm does not promise, so every target draws the same bits. No number is larger than 5.42, and x is drawn as often as −x.
/// </summary>
/// <remarks>
/// With |p − ½| ≤ 0.425 the rational function of Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988), routine PPND7. Beyond, a rational function of the
/// eighth root of the tail's probability, which three square roots give: a minimax fit (4, 4) on [2⁻²⁵, 0.0751] with a relative error of 8e-7, 1.5e-6 as computed.
/// </remarks>
sealed class RandomNormalOperation : RandomOperation
{
    public override string Name => "random_normal";

    // Lowest power first.
    static readonly double[]
        CenterAbove = [3.3871327179, 50.434271938, 159.29113202, 59.109374720], CenterBelow = [1, 17.895169469, 78.757757664, 67.187563600],
        TailAbove = [8.562121391296387, 134.60179138183594, -71.396728515625, -213.62234497070312, 131.65164184570312],
        TailBelow = [1, 25.020267486572266, 31.43482780456543, -55.888248443603516, 7.699141979217529];

    protected override Scalar Value(Scalar uniform)
    {
        var x = uniform - (0.5 - 1.0 / (1 << 25)); // p − ½, exactly
        var distance = Scalar.Abs(x);
        var s = 0.180625 - x * x;
        var center = x * Polynomial(CenterAbove, s) / Polynomial(CenterBelow, s);
        var root = Scalar.Sqrt(Scalar.Sqrt(Scalar.Sqrt(0.5 - distance)));
        var tail = Polynomial(TailAbove, root) / Polynomial(TailBelow, root);
        tail = Scalar.Select(Scalar.Less(x, Scalar.Of(0, x.Type)), -tail, tail);
        return Scalar.Select(Scalar.LessEqual(distance, Scalar.Of(0.425, x.Type)), center, tail);
    }

    static Scalar Polynomial(IReadOnlyList<double> coefficients, Scalar x)
    {
        var sum = Scalar.Of(coefficients[coefficients.Count - 1], x.Type);
        for (var i = coefficients.Count - 2; i >= 0; i--) sum = sum * x + coefficients[i];
        return sum;
    }
}
