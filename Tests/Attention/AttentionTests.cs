using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Runtime.Cpu;
using Graph.Tests.Ops;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Attention;

/// <summary>Attention and its gradient, compiled: against the interpreter, against what would be written by hand, in every type and width of vectors.</summary>
public sealed class AttentionTests
{
    public static TheoryData<string> Cases => [.. AttentionCase.All.Concat(AttentionCase.Blind).Select(c => c.Name)];

    public static TheoryData<string> Seeing => [.. AttentionCase.All.Select(c => c.Name)];

    static AttentionCase Find(string name) => AttentionCase.All.Concat(AttentionCase.Blind).Single(c => c.Name == name);

    static CompiledFunctions Compile(AttentionCase c, DType type, TargetModel? target = null, bool byHand = false) => CompiledFunctions.Of(c.Types(type), (b, x) => c.Build(b, x, byHand), target: target);

    static readonly string[] Results = ["result", "query's gradient", "key's gradient", "value's gradient"];

    static void Near(TensorData expected, TensorData actual, double bound, string what)
    {
        var most = Math.Max(0.1, expected.Real.Max(Math.Abs));
        for (long i = 0; i < expected.Size; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= bound * most, $"{what}: element {i} is {actual[i]:R}, but {expected[i]:R} is expected, of numbers up to {most:R}");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Kernels_compute_what_the_interpreter_does(string name)
    {
        var c = Find(name);
        foreach (var (type, bound) in new[] { (DType.F32, 3e-6), (DType.F64, 1e-13), (DType.F16, 2e-3), (DType.BF16, 1.6e-2) })
        {
            using var compiled = Compile(c, type);
            Assert.Equal(2, compiled.Lowered.Kernels.OfType<Graph.Compiler.Kernels.AttentionKernel>().Count());
            var arguments = c.Arguments(type);
            var (expected, actual) = (compiled.Reference("f", arguments), compiled.Run("f", arguments));
            for (var i = 0; i < expected.Length; i++) Near(expected[i], actual[i], bound, $"{c.Name} in {type}, {Results[i]}");
        }
    }

    [Theory]
    [MemberData(nameof(Seeing))]
    public void The_interpreter_computes_what_is_written_by_hand(string name)
    {
        var c = Find(name);
        ImmutableArray<TensorData> Run(bool byHand)
        {
            var program = new Program("attention", [], [], [], OperationTable.Set);
            var builder = new Builder(program, "f");
            ImmutableArray<Value> x = [.. c.Types(DType.F64).Select((t, i) => builder.Argument(t, "x" + i))];
            program = Verifier.Verify(program with { Functions = [builder.Build(c.Build(builder, x, byHand))] });
            return new Interpreter(program).Run("f", c.Arguments(DType.F64), ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty).Results;
        }
        var (expected, actual) = (Run(byHand: true), Run(byHand: false));
        for (var i = 0; i < expected.Length; i++) Near(expected[i], actual[i], 1e-13, $"{c.Name}, {Results[i]}");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_target_without_a_kernel_computes_it_by_other_operations(string name)
    {
        var c = Find(name);
        using var compiled = Compile(c, DType.F32, KnownTargets.Cpu with { Attention = null });
        Assert.Empty(compiled.Lowered.Kernels.OfType<Graph.Compiler.Kernels.AttentionKernel>());
        var arguments = c.Arguments(DType.F32);
        var (expected, actual) = (compiled.Reference("f", arguments), compiled.Run("f", arguments));
        for (var i = 0; i < expected.Length; i++) Near(expected[i], actual[i], 3e-6, $"{c.Name}, {Results[i]}");
    }

    [Fact]
    public void Every_width_of_vectors_and_every_number_of_threads_gives_the_same_bits()
    {
        foreach (var c in AttentionCase.All)
        {
            using var compiled = Compile(c, DType.F32);
            var arguments = c.Arguments(DType.F32);
            var expected = compiled.Run("f", arguments);
            foreach (var width in new[] { VectorWidth.Bits256, VectorWidth.Bits128 })
            {
                // Without fused multiply-adds products round twice.
                if (width == VectorWidth.Bits128 && !System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported) continue;
                Machine.Override = width;
                try
                {
                    var actual = compiled.Run("f", arguments);
                    for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i].Real, actual[i].Real);
                }
                finally
                {
                    Machine.Override = null;
                }
            }
        }
    }

    /// <summary>A few queries are computed one by one, many together.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Few_queries_have_the_bits_that_they_have_among_many(int few)
    {
        const int many = 40;
        AttentionCase[] cases =
        [
            new("plain", (2, 4, many, 24), (2, 300), 20),
            new("position", (1, 2, many, 64), (2, 300), 64) { Causal = true, Position = 300 - many },
            new("first keys", (1, 2, many, 8), (2, 150), 9) { Causal = true },
            new("bias", (2, 2, many, 16), (1, 257), 16) { Mask = [2, 2, many, 257], IsBias = true, Scale = -0.3 },
            new("bools and lengths", (2, 2, many, 16), (2, 140), 16) { Mask = [many, 140], Lengths = [133, 60] },
        ];
        foreach (var type in new[] { DType.F32, DType.F64, DType.F16 })
            foreach (var c in cases)
            {
                var (alone, all) = (c with { Query = c.Query with { T = few }, Mask = [.. c.Mask.Select(n => n == many ? few : n)] }, c.Arguments(type));
                // The first queries, of all that have an axis of queries.
                TensorData[] some = [.. all.Zip(alone.Types(type), (x, t) => First(x, [.. t.Shape.Select(d => d.Evaluate(DimBinding.Empty))]))];
                using var compiledAll = Forward(c, type);
                using var compiledSome = Forward(alone, type);
                var (expected, actual) = (compiledAll.Run("f", all)[0], compiledSome.Run("f", some)[0]);
                Assert.Equal(First(expected, [.. actual.Shape]).Real, actual.Real);
            }

        static CompiledFunctions Forward(AttentionCase c, DType type) => CompiledFunctions.Of(c.Types(type), (b, x) => [c.Build(b, x)[0]]);

        static TensorData First(TensorData x, long[] shape)
        {
            if (shape.SequenceEqual(x.Shape)) return x;
            var result = new TensorData(x.DType, shape);
            for (long i = 0; i < result.Size; i++)
            {
                long at = 0, step = 1, rest = i;
                for (var axis = shape.Length - 1; axis >= 0; axis--)
                {
                    at += rest % shape[axis] * step;
                    rest /= shape[axis];
                    step *= x.Shape[axis];
                }
                result[i] = x[at];
            }
            return result;
        }
    }

    /// <summary>The mean error of float32 against float64, by the kernel and by products and softmax.</summary>
    [Fact]
    public void The_error_is_at_most_twice_that_of_products_and_softmax()
    {
        foreach (var c in AttentionCase.All.Where(c => c.Query.T >= 20))
        {
            var arguments = c.Arguments(DType.F32);
            using var tiled = Compile(c, DType.F32);
            using var byHand = Compile(c, DType.F32, byHand: true);
            using var exact = Compile(c, DType.F64, byHand: true);
            var expected = exact.Reference("f", [.. arguments.Select(a => a.DType == DType.F32 ? new TensorData(DType.F64, a.Shape, a.Real) : a)]);
            var (ours, theirs) = (tiled.Run("f", arguments), byHand.Run("f", arguments));
            for (var i = 0; i < expected.Length; i++)
            {
                double Error(TensorData x) => Math.Sqrt(x.Real.Zip(expected[i].Real, (a, e) => (a - e) * (a - e)).Average());
                Assert.True(Error(ours[i]) <= 2 * Error(theirs[i]) + 1e-9, $"{c.Name}, {Results[i]}: {Error(ours[i]):E2} against {Error(theirs[i]):E2}");
            }
        }
    }
}
