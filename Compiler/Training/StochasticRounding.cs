using System;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Training;

/// <summary>
/// Rounding to 16 bits up or down by chance, so that it is right in the mean: what is far below half of the last place arrives as often as it is large. Where nothing wider is kept (weights without masters, moments), rounding to the nearest
/// number would lose every such change. It is arithmetic of float32 alone, for numbers below 2¹⁰³. The random number is that of the step's seed, a stream and the element, so it is the same on every machine, with any number of threads, and in a run that goes on.
/// </summary>
public static class StochasticRounding
{
    // Bits behind the first one, and the distance of the smallest numbers; of bfloat16 that of normal ones.
    static (int Fraction, int Least) Of(DType type) => type switch
    {
        DType.BF16 => (7, -126),
        DType.F16 => (10, -24),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no type of 16 bits"),
    };

    /// <summary>A tensor of f32 in a type of 16 bits.</summary>
    /// <param name="x">The tensor.</param>
    /// <param name="type">The type; x as it is when it has that.</param>
    /// <param name="seed">That of the step: i64[].</param>
    /// <param name="stream">Tells this rounding from every other one of the step, but for those of the same rule.</param>
    /// <param name="number">Tells what one rule is applied to apart: i64[].</param>
    /// <param name="b">The builder.</param>
    public static Value To(Value x, DType type, Value seed, long stream, Value number, Builder b)
    {
        if (x.DType == type) return x;
        Value Number(double value) => b.Constant(value, DType.F32);
        var (fraction, least) = Of(type);
        // The power of two of a number by rounding alone: Rump, "Error estimation of floating-point summation and dot product", 2012.
        var far = b.Mul(x, Number((1 << 23) + 1));
        var first = b.Emit("abs", [b.Sub(far, b.Mul(far, Number(1 - Math.Pow(2, -24))))]);
        var last = b.Maximum(b.Mul(first, Number(Math.Pow(2, -fraction))), Number(Math.Pow(2, least)));
        var index = b.Emit("linear_index", [], ("shape", x.Shape));
        var random = b.Emit("random_uniform", [seed, b.Constant(stream, DType.I64), number, index], ("dtype", DType.F32));
        // As many bits as are cut off, so that the sum is exact, and what the type holds is never moved.
        var bits = b.Mul(b.Emit("floor", [b.Mul(random, Number(1 << (23 - fraction)))]), Number(Math.Pow(2, fraction - 23)));
        return b.Cast(b.Mul(b.Emit("floor", [b.Add(b.Div(x, last), bits)]), last), type);
    }
}
