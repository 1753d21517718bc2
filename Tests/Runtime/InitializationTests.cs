using System;
using System.Globalization;
using System.Linq;
using System.Runtime.Intrinsics;
using Graph.Compiler.Ir;
using Graph.Runtime.Cpu;
using Graph.Runtime.Parameters;
using Xunit;

namespace Graph.Tests.Runtime;

public sealed class InitializationTests
{
    static ParameterStore Store(ulong seed, WorkerPool? pool, params (string Path, string Kind, double Scale, long[] Shape)[] tensors) => new(
        [.. tensors.Select(t => new StateDecl(t.Path, new(DType.F32, new Shape(t.Shape.Select(d => (Dim)d))), StateKind.Parameter, new(t.Kind, t.Scale)))], seed, pool);

    static (double Mean, double Deviation, double Low, double High) Statistics(StoredTensor tensor)
    {
        var values = tensor.Read<float>().ToArray();
        var mean = values.Average(v => (double)v);
        return (mean, Math.Sqrt(values.Average(v => (v - mean) * (v - mean))), values.Min(), values.Max());
    }

    [Theory]
    [InlineData("normal", 0.02, 0.02, 0)]
    [InlineData("uniform", 0.3, 0.3 / 1.7320508, 0.3)]
    [InlineData("kaiming_normal", 1.4142135, 0.1178511, 0)]        // √2 / √144
    [InlineData("kaiming_uniform", 1.0, 1 / 12.0, 0.1443376)]      // √(3 / 144)
    [InlineData("xavier_normal", 1.0, 0.0690066, 0)]               // √(2 / (144 + 276))
    [InlineData("xavier_uniform", 2.0, 0.1380131, 0.2390457)]      // 2 √(6 / 420)
    public void Spreads_are_those_of_the_papers(string kind, double scale, double deviation, double bound)
    {
        var tensor = Store(1, null, ("w", kind, scale, [92, 48, 3, 1])).Single(); // fan in 144, fan out 276
        var (mean, measured, low, high) = Statistics(tensor);
        Assert.Equal(0, mean, 0.03 * deviation);
        Assert.Equal(deviation, measured, 0.03 * deviation);
        if (bound == 0) return;
        Assert.InRange(low, -bound, -0.99 * bound);
        Assert.InRange(high, 0.99 * bound, bound);
    }

    [Fact]
    public void Numbers_depend_on_seed_and_name_alone()
    {
        using var pool = new WorkerPool(3);
        float[] Values(ulong seed, string path, WorkerPool? with) => Store(seed, with, (path, "normal", 1, [300_001])).Single().Read<float>().ToArray();
        var expected = Values(5, "a", null);
        Assert.Equal(expected, Values(5, "a", pool));
        Assert.NotEqual(expected, Values(6, "a", pool));
        Assert.NotEqual(expected, Values(5, "b", pool));
    }

    [Fact]
    public void The_first_numbers_never_change()
    {
        // The bits themselves, computed with Python's statistics.NormalDist from the same words: a saved experiment repeats on every machine and in every version.
        var values = Store(42, null, ("layer.weight", "normal", 1, [6])).Single().Read<float>().ToArray();
        Assert.Equal("bf00e7e6 3f0b6d3f 3fc98290 3e305d4f bea403e1 3f47a7ae", string.Join(" ", values.Select(v => BitConverter.SingleToInt32Bits(v).ToString("x8", CultureInfo.InvariantCulture))));
    }

    /// <summary>Every width, whole and odd lengths, against one number at a time by the definition.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public unsafe void Every_vector_width_draws_the_bits_of_the_definition(bool isNormal)
    {
        const int Count = 300_007, Begin = 1028;
        const ulong Seed = 0x1234_5678_9ABC_DEF0, Stream = 77;
        double[] expected = new double[Count];
        for (var i = Begin; i < Count; i++)
        {
            var (x, y, z, w) = Graph.Compiler.Ir.Philox.Block(Seed, (ulong)i >> 2, Stream);
            var unit = ((i & 3) switch { 0 => x, 1 => y, 2 => z, _ => w } + 0.5) * (1.0 / 4294967296);
            expected[i] = 0.37 * (isNormal ? NormalQuantile.Of(unit) : 2 * unit - 1);
        }
        Same(&FirstNumbersVector128.Fill);
        Same(&FirstNumbersVector256.Fill);
        Same(&FirstNumbersVector512.Fill);

        void Same(delegate*<void*, bool, long, long, ulong, ulong, double, bool, void> fill)
        {
            double[] doubles = new double[Count];
            float[] floats = new float[Count];
            fixed (double* to = doubles) fill(to, true, Begin, Count, Seed, Stream, 0.37, isNormal);
            fixed (float* to = floats) fill(to, false, Begin, Count, Seed, Stream, 0.37, isNormal);
            Assert.Equal(expected.Select(BitConverter.DoubleToInt64Bits), doubles.Select(BitConverter.DoubleToInt64Bits));
            Assert.Equal(expected.Select(v => BitConverter.SingleToInt32Bits((float)v)), floats.Select(BitConverter.SingleToInt32Bits));
        }
    }

    /// <summary>The smallest and the largest unit that a word gives, and the edges of the middle, in every width.</summary>
    [Fact]
    public void The_quantile_is_the_same_in_every_vector_at_its_edges()
    {
        double[] units = [0.5 / 4294967296, 1 - 0.5 / 4294967296, 1.5 / 4294967296, 0.075 - 1e-12, 0.075 - 1e-16, 0.925 + 1e-12, 0.925 + 2e-16, 0.0013];
        var (v128, v256, v512) = (new double[8], new double[8], new double[8]);
        for (var i = 0; i < 8; i += 2) NormalQuantile.Outer(Vector128.Create(units, i)).CopyTo(v128, i);
        for (var i = 0; i < 8; i += 4) NormalQuantile.Outer(Vector256.Create(units, i)).CopyTo(v256, i);
        NormalQuantile.Outer(Vector512.Create(units)).CopyTo(v512);
        Assert.Equal(units.Select(NormalQuantile.Of), v128);
        Assert.Equal(v128, v256);
        Assert.Equal(v128, v512);
        Assert.Equal(-6.338, v128[0], 1e-3); // Φ⁻¹(2⁻³³)
        Assert.Equal(-v128[0], v128[1], 1e-6);
    }

    [Fact]
    public void Constants_are_constant()
    {
        var store = Store(0, null, ("zeros", "zeros", 0, [3]), ("ones", "ones", 1, [3]), ("half", "constant", 0.5, [3]));
        Assert.Equal([0, 0, 0, 1, 1, 1, 0.5f, 0.5f, 0.5f], store.SelectMany(t => t.Read<float>().ToArray()));
        Assert.Contains("'orthogonal'", Assert.Throws<NotSupportedException>(() => Store(0, null, ("w", "orthogonal", 1, [2, 2]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_logarithm_and_the_quantile_are_exact_to_fourteen_digits()
    {
        for (var i = 1; i < 1000; i++)
        {
            var p = i / 1000.0;
            Assert.Equal(Math.Log(p), NormalQuantile.Log(p), 1e-14 * Math.Max(1, -Math.Log(p)));
        }
        // Φ⁻¹ of a few points, from tables.
        Assert.Equal(1.959963984540054, NormalQuantile.Of(0.975), 1e-14);
        Assert.Equal(-2.326347874040841, NormalQuantile.Of(0.01), 1e-14);
        Assert.Equal(0.2533471031357997, NormalQuantile.Of(0.6), 1e-14);
        Assert.Equal(-6.361340902404056, NormalQuantile.Of(1e-10), 1e-13);
    }

    [Fact]
    public unsafe void Tensors_are_aligned_for_the_widest_vectors()
    {
        var store = Store(0, null, ("a", "zeros", 0, [3]), ("b", "zeros", 0, [17]), ("c", "zeros", 0, [1]));
        foreach (var tensor in store) Assert.Equal(0, (nint)tensor.Pointer % 64);
    }
}
