using System;
using System.Linq;
using System.Reflection;
using System.Runtime.Intrinsics;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

public class VectorMathTests
{
    // Distance in units of the last place of the correctly rounded result; equal infinities and NaNs are 0 apart.
    static double Ulps(float actual, double expected)
    {
        float rounded = (float)expected;
        if (float.IsNaN(rounded)) return float.IsNaN(actual) ? 0 : double.PositiveInfinity;
        if (float.IsInfinity(rounded) || rounded == 0 || float.IsInfinity(actual)) return actual == rounded ? 0 : Math.Abs(actual) == float.MaxValue || Math.Abs(actual) <= float.Epsilon ? 1 : double.PositiveInfinity;
        double unit = Math.Max(MathF.BitIncrement(Math.Abs(rounded)) - Math.Abs(rounded), float.Epsilon);
        return Math.Abs(actual - expected) / unit;
    }

    static void Sweep(string name, Func<float, float> f, Func<double, double> exact, double limit, float from = float.NegativeInfinity, float to = float.PositiveInfinity)
    {
        double worst = 0;
        float at = 0;
        void Try(float x)
        {
            double error = Ulps(f(x), exact(x));
            if (error > worst || double.IsNaN(error)) (worst, at) = (error, x);
        }
        // All exponents, and densely where results are ordinary.
        for (long bits = 0; bits <= uint.MaxValue; bits += 10_007)
        {
            float x = BitConverter.UInt32BitsToSingle((uint)bits);
            if (!(x < from || x > to)) Try(x);
        }
        for (int i = -100_000; i <= 100_000; i++)
        {
            float x = i * 1.1e-3f;
            if (!(x < from || x > to)) Try(x);
        }
        foreach (float x in (float[])[0f, -0f, 1, -1, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN])
        {
            if (!(x < from || x > to)) Try(x);
        }
        Assert.True(worst <= limit, $"{name}({at:R}) = {f(at):R}, {worst} ulp from {exact(at):R}");
    }

    [Fact] public void Exp_is_within_1_ulp() => Sweep("exp", VectorMath.Exp, Math.Exp, 1);

    // Lanes that are masked with −∞ neither give nor pass anything denormal, and their neighbours have the bits that they have alone.
    [Fact]
    public void The_exponential_is_zero_below_the_smallest_result()
    {
        foreach (float x in (float[])[float.NegativeInfinity, float.MinValue, -1e9f, -105, MathF.BitDecrement(-104)])
        {
            Assert.Equal(0, Bits(VectorMath.Exp(x)));
            var mixed = VectorMath.Exp(Vector512.WithElement(Vector512.WithElement(Vector512.Create(x), 3, 1f), 7, float.NaN));
            Assert.Equal((Bits(VectorMath.Exp(1f)), true, 0), (Bits(mixed[3]), float.IsNaN(mixed[7]), Bits(mixed[0])));
        }
        Assert.Equal((float.PositiveInfinity, 1f, float.Epsilon), (VectorMath.Exp(float.PositiveInfinity), VectorMath.Exp(-0f), VectorMath.Exp(-103.5f)));
    }

    [Fact] public void Log_is_within_1_ulp() => Sweep("log", VectorMath.Log, Math.Log, 1);

    [Fact] public void Tanh_is_within_2_and_a_half_ulp() => Sweep("tanh", VectorMath.Tanh, Math.Tanh, 2.5);

    [Fact] public void Sigmoid_is_within_2_and_a_half_ulp() => Sweep("sigmoid", VectorMath.Sigmoid, x => 1 / (1 + Math.Exp(-x)), 2.5);

    [Fact] public void Sin_is_within_2_and_a_half_ulp() => Sweep("sin", VectorMath.Sin, Math.Sin, 2.5);

    [Fact] public void Cos_is_within_2_and_a_half_ulp() => Sweep("cos", VectorMath.Cos, Math.Cos, 2.5);

    [Fact] public void Atan_is_within_2_and_a_half_ulp() => Sweep("atan", VectorMath.Atan, Math.Atan, 2.5);

    [Fact] public void Rsqrt_is_within_1_and_a_half_ulp() => Sweep("rsqrt", VectorMath.Rsqrt, x => x == 0 ? (float)(1 / (float)Math.Sqrt(x)) : 1 / Math.Sqrt(x), 1.5);

    [Fact] public void Erf_is_within_2_ulp() => Sweep("erf", VectorMath.Erf, Erf, 2, -6, 6);

    [Fact]
    public void Erf_saturates()
    {
        Assert.Equal(1f, VectorMath.Erf(float.PositiveInfinity));
        Assert.Equal(-1f, VectorMath.Erf(-100f));
        Assert.True(float.IsNaN(VectorMath.Erf(float.NaN)));
    }

    // The series of Kummer's function, all terms positive: erf x = 2x/√π · e^(−x²) · Σ (2x²)^n / (1·3·5···(2n+1)).
    static double Erf(double x)
    {
        double term = 1, sum = 1;
        for (int n = 1; term > 1e-18 * sum; n++) sum += term *= 2 * x * x / (2 * n + 1);
        return 2 * x / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    [Fact]
    public void Pow_is_within_1_ulp()
    {
        float[] values = [0, -0f, 1, -1, 2, -2, 3, 0.5f, -0.5f, 1e-20f, 1e20f, -7.25f, 33, 127, -126, 149.5f, 1.0001f, 0.9999f, float.Epsilon, 1e-40f, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        foreach (float x in values)
        {
            foreach (float y in values)
            {
                double error = Ulps(VectorMath.Pow(x, y), Math.Pow(x, y));
                Assert.True(error <= 1, $"pow({x}, {y}) = {VectorMath.Pow(x, y)}: {error} ulp from {Math.Pow(x, y)}");
            }
        }
        var random = new Random(1);
        for (int i = 0; i < 100_000; i++)
        {
            float x = (float)Math.Exp(random.NextDouble() * 40 - 20), y = (float)(random.NextDouble() * 12 - 6);
            Assert.True(Ulps(VectorMath.Pow(x, y), Math.Pow(x, y)) <= 1, $"pow({x:R}, {y:R})");
        }
    }

    [Fact]
    public void All_widths_give_the_same_bits()
    {
        var random = new Random(2);
        Span<float> x = stackalloc float[16], y = stackalloc float[16];
        for (int round = 0; round < 20_000; round++)
        {
            for (int i = 0; i < 16; i++)
            {
                x[i] = round % 4 == 0 ? BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)) : (random.NextSingle() - 0.5f) * (round % 4 == 1 ? 2 : 60);
                y[i] = (random.NextSingle() - 0.5f) * 10;
            }
            Same("exp", x, y, VectorMath.Exp, (v, _) => VectorMath.Exp(v), (v, _) => VectorMath.Exp(v), (v, _) => VectorMath.Exp(v));
            Same("log", x, y, VectorMath.Log, (v, _) => VectorMath.Log(v), (v, _) => VectorMath.Log(v), (v, _) => VectorMath.Log(v));
            Same("tanh", x, y, VectorMath.Tanh, (v, _) => VectorMath.Tanh(v), (v, _) => VectorMath.Tanh(v), (v, _) => VectorMath.Tanh(v));
            Same("sigmoid", x, y, VectorMath.Sigmoid, (v, _) => VectorMath.Sigmoid(v), (v, _) => VectorMath.Sigmoid(v), (v, _) => VectorMath.Sigmoid(v));
            Same("erf", x, y, VectorMath.Erf, (v, _) => VectorMath.Erf(v), (v, _) => VectorMath.Erf(v), (v, _) => VectorMath.Erf(v));
            Same("sin", x, y, VectorMath.Sin, (v, _) => VectorMath.Sin(v), (v, _) => VectorMath.Sin(v), (v, _) => VectorMath.Sin(v));
            Same("cos", x, y, VectorMath.Cos, (v, _) => VectorMath.Cos(v), (v, _) => VectorMath.Cos(v), (v, _) => VectorMath.Cos(v));
            Same("atan", x, y, VectorMath.Atan, (v, _) => VectorMath.Atan(v), (v, _) => VectorMath.Atan(v), (v, _) => VectorMath.Atan(v));
            Same("pow", x, y, null, VectorMath.Pow, VectorMath.Pow, VectorMath.Pow);
        }
    }

    static void Same(
        string name, Span<float> x, Span<float> y, Func<float, float>? scalar, Func<Vector128<float>, Vector128<float>, Vector128<float>> f128,
        Func<Vector256<float>, Vector256<float>, Vector256<float>> f256, Func<Vector512<float>, Vector512<float>, Vector512<float>> f512)
    {
        var wide = f512(Vector512.Create<float>(x), Vector512.Create<float>(y));
        for (int i = 0; i < 16; i++)
        {
            float a = f256(Vector256.Create<float>(x[(i & 8)..]), Vector256.Create<float>(y[(i & 8)..]))[i % 8];
            float b = f128(Vector128.Create<float>(x[(i & 12)..]), Vector128.Create<float>(y[(i & 12)..]))[i % 4];
            float c = scalar is null ? VectorMath.Pow(x[i], y[i]) : scalar(x[i]);
            float w = wide[i];
            bool same = float.IsNaN(w) ? float.IsNaN(a) && float.IsNaN(b) && float.IsNaN(c) : Bits(w) == Bits(a) && Bits(w) == Bits(b) && Bits(w) == Bits(c);
            if (!same) Assert.Fail($"{name}({x[i]:R}, {y[i]:R}): {w:R}, {a:R}, {b:R}, {c:R}");
        }
    }

    static int Bits(float x) => BitConverter.SingleToInt32Bits(x);

    // One source is written for 128 bits; the build makes the others of it.
    [Fact]
    public void Every_function_of_a_width_is_there_in_all_widths()
    {
        string[] Functions(string vector) =>
        [
            .. typeof(VectorMath).GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
                .Select(m => m.ToString()!).Where(m => m.Contains(vector + "`", StringComparison.Ordinal)).Select(m => m.Replace(vector + "`", "Vector`", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
        ];
        Assert.True(Functions("Vector128").Length >= 12);
        Assert.Equal(Functions("Vector128"), Functions("Vector256"));
        Assert.Equal(Functions("Vector128"), Functions("Vector512"));
    }
}
