using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Lowering;
using Graph.Tests.Ops;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Targets;

/// <summary>A target that brings no kernels of its own: what has them elsewhere is made of generated ones, and nothing but an exception cannot be.</summary>
public sealed class SpellOutTests
{
    static TargetModel Bare { get; } = ToyTarget.Model with { Library = KernelCatalog.Of([]), Attention = null };

    static Program Of(LibrarySamples.Sample sample, DType type) =>
        LibrarySamples.Program(sample, (b, operand, name) => b.Argument(operand.DType == DType.F32 ? operand with { DType = type } : operand, name), out _);

    public static TheoryData<int, string> Cases
    {
        get
        {
            var data = new TheoryData<int, string>();
            foreach (var (sample, i) in LibrarySamples.All.Select((s, i) => (s, i)))
                foreach (var type in (string[])["f32", "bf16", "i32", "bool"])
                    if (sample.Operation != "check_index" && !(type == "bf16" && sample.Operation.StartsWith("scaled", StringComparison.Ordinal)) && Takes(sample, type)) data.Add(i, type);
            return data;
        }
    }

    static DType Type(string name) => DTypes.TryParse(name, out var type) ? type : throw new ArgumentException(name);

    static bool Takes(LibrarySamples.Sample sample, string type)
    {
        try
        {
            return Of(sample, Type(type)).Functions[0].Nodes.All(n => KnownTargets.Cpu.Refuse(n, new Program("", [], [], [], OperationTable.Set)) is null);
        }
        catch (ShapeException)
        {
            return false;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Every_operation_is_made_of_others(int number, string type)
    {
        var program = Of(LibrarySamples.All[number], Type(type));
        var function = program.Functions[0];
        Assert.Null(Bare.Lacks(function.Nodes[^1], program));
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program, Bare, verify: true));
        Assert.DoesNotContain(lowered.Functions[0].Launches, l => l is LibraryLaunch or ContractLaunch or ConvolutionLaunch or AttentionLaunch);
        var random = new Random(number);
        TensorData[] arguments =
        [
            .. function.Parameters.Select((p, i) =>
            {
                var data = new TensorData(p.DType, p.Shape.Evaluate(DimBinding.Empty));
                var isIndex = LibrarySamples.All[number].Operands[i].DType != DType.F32;
                for (long k = 0; k < data.Size; k++) data[k] = p.DType == DType.Bool ? random.Next(2) : isIndex ? random.Next(5) : p.DType.IsInteger() ? random.Next(9) - 4 : Rounding.Round(random.NextDouble() + 0.25, p.DType);
                return data;
            }),
        ];
        var expected = new Interpreter(program).Run("f", arguments, System.Collections.Immutable.ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty).Results;
        var actual = new ToyMachine(lowered).Run("f", DimBinding.Empty, arguments);
        for (var r = 0; r < expected.Length; r++)
            for (long i = 0; i < expected[r].Size; i++)
                Assert.True(Math.Abs(expected[r][i] - actual[r][i]) <= (type == "bf16" ? 1.6e-2 : 1e-5) * (1 + Math.Abs(expected[r][i])), $"result {r}[{i}] of {LibrarySamples.All[number].Operation} is {actual[r][i]:R}, expected {expected[r][i]:R}");
    }

    /// <summary>What is picked, sorted or pooled is there bit by bit: NaN, infinities and zeros of both signs.</summary>
    [Theory]
    [InlineData("gather"), InlineData("embedding"), InlineData("placed"), InlineData("pad"), InlineData("sort"), InlineData("max_pool2d")]
    public void Elements_that_move_keep_their_bits(string operation)
    {
        foreach (var sample in LibrarySamples.All.Where(s => s.Operation == operation))
        {
            var program = Of(sample, DType.F32);
            double[] special = [double.NaN, -0.0, 0, double.PositiveInfinity, double.NegativeInfinity, 1, -1];
            var random = new Random(3);
            TensorData[] arguments =
            [
                .. program.Functions[0].Parameters.Select(p =>
                {
                    var data = new TensorData(p.DType, p.Shape.Evaluate(DimBinding.Empty));
                    for (long k = 0; k < data.Size; k++) data[k] = p.DType == DType.F32 ? special[random.Next(special.Length)] : random.Next(5);
                    return data;
                }),
            ];
            var expected = new Interpreter(program).Run("f", arguments, System.Collections.Immutable.ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty).Results;
            var actual = new ToyMachine(Lowerer.Lower(CompilerPipeline.Run(program, Bare, verify: true))).Run("f", DimBinding.Empty, arguments);
            for (var r = 0; r < expected.Length; r++)
                for (long i = 0; i < expected[r].Size; i++)
                    Assert.True(expected[r][i].Equals(actual[r][i]) && (double.IsNaN(expected[r][i]) || double.IsNegative(expected[r][i]) == double.IsNegative(actual[r][i])), $"{operation}: result {r}[{i}] is {actual[r][i]:R}, expected {expected[r][i]:R}");
        }
    }

    /// <summary>All pairs of a number and a row are compared in one kernel, which keeps none of them.</summary>
    [Fact]
    public void A_pick_by_comparing_keeps_no_pairs()
    {
        var program = new Program("test", [], [], [], OperationTable.Set);
        var b = new Builder(program, "f");
        var (table, ids) = (b.Argument(new(DType.F32, Shape.Of(500, 64)), "table"), b.Argument(new(DType.I32, Shape.Of(300)), "ids"));
        var rows = b.Emit("embedding", [table, ids]);
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program with { Functions = [b.Build([rows, b.Node("embedding_grad", [rows, ids], AttributeMap.Of(("rows", Attributes.List(500)))).Output])] }, Bare, verify: true));
        Assert.True(lowered.Functions[0].Buffers.Where(x => x.Kind == BufferKind.Arena).Sum(x => x.Elements.Evaluate(DimBinding.Empty)) <= 500 * 64, KernelDump.Print(lowered));
    }

    /// <summary>An exception is no arithmetic: what the model computes and nothing looks at is refused, what the caller gives is looked at before the call.</summary>
    [Fact]
    public void Only_what_nothing_defines_is_refused()
    {
        var program = new Program("test", [], [], [], OperationTable.Set);
        var b = new Builder(program, "f");
        var (table, ids, scores) = (b.Argument(new(DType.F32, Shape.Of(9, 4)), "table"), b.Argument(new(DType.I64, Shape.Of(3)), "ids"), b.Argument(new(DType.F32, Shape.Of(3, 9)), "scores"));
        Assert.Null(Bare.Lacks(b.Node("embedding", [table, ids]), program));
        var best = b.Emit("argmax", [scores], ("axis", 1));
        Assert.Equal(
            "The toy has no kernel for embedding and cannot make it of other operations. The toy has no kernel for check_index; an exception for a number that the model computes is more than arithmetic",
            Bare.Lacks(b.Node("embedding", [table, best]), program));
        Assert.Null((Bare with { Library = KernelCatalog.Of([new("check_index", [DType.I64])]) }).Lacks(b.Node("embedding", [table, best]), program));
        var (image, weight) = (b.Argument(new(DType.F32, Shape.Of(1, 1, 20, 20)), "image"), b.Argument(new(DType.F32, Shape.Of(1, 1, 13, 13)), "weight"));
        Assert.Equal(
            "The toy has no kernel for conv2d; its window of 13 by 13 has more than the 144 taps that are written out",
            Bare.Lacks(b.Apply("conv2d", [image, weight])[0].Producer!, program));
    }

    /// <summary>Functions that a target does not compute are written out in its kernels; what cannot be is refused.</summary>
    [Fact]
    public void Functions_are_written_out_too()
    {
        ScalarOp[] missing = [ScalarOp.Exp, ScalarOp.Log, ScalarOp.Tanh, ScalarOp.Erf, ScalarOp.Sigmoid, ScalarOp.Rsqrt, ScalarOp.Sin];
        var few = ToyTarget.Model with { Missing = [.. missing] };
        var program = new Program("test", [], [], [], OperationTable.Set);
        var b = new Builder(program, "f");
        var x = b.Argument(new(DType.F32, Shape.Of(5, 40)), "x");
        Value[] results = [.. new[] { "gelu", "silu", "softplus", "tanh", "sigmoid", "hard_swish", "sin" }.Select(f => b.Apply(f, [x])[0]), b.Apply("softmax", [x], AttributeMap.Of(("axis", 1)))[0]];
        program = program with { Functions = [b.Build([.. results])] };
        Assert.All(b.Nodes, n => Assert.Null(few.Lacks(n, program)));
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program, few, verify: true));
        Assert.DoesNotContain(
            lowered.Kernels.OfType<LoopKernel>().SelectMany(k => Scalar.Order(k.Stages.SelectMany(s => s.Stores.Select(x => x.Value).Concat(s.Reductions.Select(r => r.Value)).Concat(s.Caches.Select(c => c.Value))).Concat(k.Finals.Select(f => f.Value)))),
            s => missing.Contains(s.Op));
        var data = new TensorData(DType.F32, [5, 40]);
        for (long i = 0; i < data.Size; i++) data[i] = (float)(i * 0.07 - 7);
        var expected = new Interpreter(program).Run("f", [data], System.Collections.Immutable.ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty).Results;
        var actual = new ToyMachine(lowered).Run("f", DimBinding.Empty, data);
        for (var r = 0; r < expected.Length; r++)
            for (long i = 0; i < data.Size; i++) Assert.True(Math.Abs(expected[r][i] - actual[r][i]) <= 4e-6 * (1 + Math.Abs(expected[r][i])), $"result {r}[{i}] is {actual[r][i]:R}, expected {expected[r][i]:R}");

        var wide = b.Argument(new(DType.F64, Shape.Of(3)), "wide");
        Assert.Equal("The toy does not compute tanh of f64", few.Lacks(b.Tanh(wide).Producer!, program));
    }
}
