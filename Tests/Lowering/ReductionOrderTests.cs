using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Ops;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>In which order a sum is added up follows from the sum, its operand and the target, and from nothing that is merged with it.</summary>
public sealed class ReductionOrderTests
{
    /// <summary>Nothing is merged with anything, but the order of sums is the CPU's.</summary>
    static readonly TargetModel Apart = KnownTargets.Cpu with
    {
        Name = "apart", Kernels = KnownTargets.Cpu.Kernels with { Operations = 0 }, Costs = KnownTargets.Cpu.Costs with { Prologue = 0, Again = 0 },
    };

    static Node Reduce(string operation, DType type, int[] shape, int[] axes)
    {
        var builder = new Builder(new Program("p", [], [], [], OperationTable.Set), "f");
        return builder.Emit(operation, [builder.Argument(new(type, Shape.Of([.. shape.Select(s => (Dim)s)])), "x")], ("axes", axes), ("keep", false)).Producer!;
    }

    [Theory]
    [InlineData("sum", DType.F32, new[] { 37, 203 }, new[] { 1 }, "lanes 64")]
    [InlineData("sum", DType.F32, new[] { 37, 203 }, new[] { 0 }, "sequence")]
    [InlineData("sum", DType.F32, new[] { 37, 203, 1 }, new[] { 1 }, "lanes 64")]
    [InlineData("sum", DType.F32, new[] { 8, 3, 14, 14 }, new[] { 0, 2, 3 }, "lanes 64")]
    [InlineData("sum", DType.F64, new[] { 37, 203 }, new[] { 1 }, "sequence")]
    [InlineData("sum", DType.I64, new[] { 37, 203 }, new[] { 1 }, "any order")]
    [InlineData("max", DType.F32, new[] { 37, 203 }, new[] { 1 }, "any order")]
    [InlineData("sum", DType.F32, new[] { 1 << 20 }, new[] { 0 }, "lanes 64 in 32 parts")]
    [InlineData("sum", DType.F32, new[] { 4096, 64 }, new[] { 0 }, "sequence in 8 parts")]
    [InlineData("sum", DType.F32, new[] { 4096, 4096 }, new[] { 0 }, "sequence")]
    public void The_order_follows_from_operation_shape_type_and_target(string operation, DType type, int[] shape, int[] axes, string order) =>
        Assert.Equal(order, ReductionOrder.Of(Reduce(operation, type, shape, axes), KnownTargets.Cpu, DimBinding.Empty).ToString());

    [Fact]
    public void Another_target_adds_up_in_another_order()
    {
        var four = KnownTargets.Cpu with { Sums = KnownTargets.Cpu.Sums with { Lanes = 4, SplitWork = 1000, PartWork = 500 } };
        Assert.Equal("lanes 4 in 15 parts", ReductionOrder.Of(Reduce("sum", DType.F32, [5, 1500], [1]), four, DimBinding.Empty).ToString());
    }

    // Rows, columns, sums behind sums, a sum of two runs of axes, one whose operands pass the axes in different ways, one without a vector form, one of the same number again and again.
    static ImmutableArray<Value> Sums(Builder b, ImmutableArray<Value> x)
    {
        var rows = b.Reshape(x[0], Shape.Of(36, 210));
        var maps = b.Reshape(x[0], Shape.Of(4, 9, 14, 15));
        var heavy = b.Apply("gelu", [b.Apply("sin", [b.Mul(rows, rows)])[0]])[0];
        var scale = b.Reshape(b.Sum(maps, [0, 2, 3], keep: false), Shape.Of(9, 1, 1));
        return
        [
            b.Sum(b.Exp(rows), 1, keep: false), b.Sum(b.Mul(rows, rows), 0, keep: false), b.Apply("softmax", [rows])[0], b.Apply("layer_norm", [rows])[0], b.Sum(heavy, 1, keep: false),
            b.Sum(b.Mul(maps, maps), [0, 2, 3], keep: false), b.Sum(b.Mul(maps, scale), [1, 2, 3], keep: false),
            b.Sum(b.Emit("remainder", [rows, b.Constant(0.75, DType.F32)]), 1, keep: false),
            b.Sum(b.Expand(b.Reshape(b.Sum(rows, 1, keep: false), Shape.Of(36, 1)), Shape.Of(36, 210)), 1, keep: false),
            b.Sum(b.Mul(b.Transpose(rows, [1, 0]), b.Transpose(rows, [1, 0])), 1, keep: false), b.Sum(b.Mul(x[0], x[0]), [0], keep: false),
        ];
    }

    [Theory]
    [InlineData(128)]
    [InlineData(512)]
    public void What_is_merged_with_a_sum_changes_no_bit_of_it(int width)
    {
        TensorData x = new(DType.F32, [36 * 210], [.. Enumerable.Range(0, 36 * 210).Select(i => (double)(float)(Math.Sin(i * 0.37) * 3))]);
        double[][] Run(TargetModel target, out int launches)
        {
            using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(36 * 210))], Sums, width, target);
            launches = compiled.Lowered.Functions[0].Launches.Length;
            var results = compiled.Run("f", x);
            foreach (var (result, expected) in results.Zip(compiled.Reference("f", x)))
                for (var i = 0; i < result.Size; i++) Assert.True(Math.Abs(result[i] - expected[i]) <= 1e-3 * Math.Max(1, Math.Abs(expected[i])), $"{result[i]}, expected {expected[i]}");
            return [.. results.Select(r => r.Real)];
        }
        var together = Run(KnownTargets.Cpu, out var few);
        var apart = Run(Apart, out var many);
        Assert.True(few < many, $"{few} and {many} launches");
        for (var r = 0; r < together.Length; r++) Assert.True(together[r].AsSpan().SequenceEqual(apart[r]), $"result {r}");
    }

    /// <summary>The scale varies along the first of three axes that are one row of the sum: one kernel of both would have to add up in another order.</summary>
    [Fact]
    public void Fusion_keeps_apart_what_would_change_the_order()
    {
        static int Launches(Func<Builder, Value, Value> scale)
        {
            using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(4, 9, 14, 15)), new(DType.F32, Shape.Of(9, 1, 1)), new(DType.F32, Shape.Of(9, 14, 15))],
                (b, x) => [b.Sum(b.Mul(x[0], scale(b, x[1]) is var s && s == x[1] ? s : x[2]), [1, 2, 3], keep: false)]);
            return compiled.Lowered.Functions[0].Launches.Length;
        }
        Assert.Equal(1, Launches((b, s) => b.Constant(0, DType.F32)));
        Assert.Equal(2, Launches((_, s) => s));
    }
}
