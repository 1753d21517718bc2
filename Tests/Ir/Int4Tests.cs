using System;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ir;

/// <summary>Elements that are parts of bytes: a place for them in types, texts, arithmetic and plans.</summary>
public sealed class Int4Tests
{
    const string Text = """
        program Test version 1
        dim B ≤ 64 ~ 5
        param weight : i4[3,5] scale(0.05,-3) = zeros

        func f(x: f32[B,3]) -> (f32[B,3])
          %0 = cast x {dtype="i4"} : i4[B,3]
          %1 = exp x : f32[B,3]
          %2 = add %0, %0 : i4[B,3]
          %3 = mul %2, %1 : f32[B,3]
          return %3

        """;

    [Theory]
    [InlineData(DType.I4, 0, 0)]
    [InlineData(DType.I4, 1, 1)]
    [InlineData(DType.I4, 15, 8)]
    [InlineData(DType.I4, 16, 8)]
    [InlineData(DType.I8, 15, 15)]
    [InlineData(DType.BF16, 15, 30)]
    [InlineData(DType.F64, 3, 24)]
    [InlineData(DType.Token, 3, 0)]
    public void Sizes_are_in_bits_and_a_tensor_takes_whole_bytes(DType type, long elements, long bytes)
    {
        Assert.Equal(bytes, type.Bytes(elements));
        Assert.Equal(bytes, new TensorType(type, Shape.Of(elements)).BytesAt(DimBinding.Empty));
    }

    [Fact]
    public void A_program_with_4_bit_integers_reads_back_and_lowers_to_a_text_that_does()
    {
        var program = ProgramParser.Parse(Text, OperationTable.Set);
        Assert.Equal(Text, ProgramPrinter.Print(program));
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true));
        Assert.Contains("state Parameter i4[3,5]", LoweredText.Write(lowered), StringComparison.Ordinal);
        Assert.Equal(LoweredText.Write(lowered), LoweredText.Write(LoweredText.Read(LoweredText.Write(lowered))));
    }

    [Fact]
    public void The_interpreter_wraps_them_around()
    {
        var program = ProgramParser.Parse(Text, OperationTable.Set);
        var x = new TensorData(DType.F32, [2, 3], new double[] { 7, 4, -8, -5, 3, 0 });
        var result = new Interpreter(program).Run("f", [x], System.Collections.Immutable.ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty.With("B", 2)).Results[0];
        long[] twice = [-2, -8, 0, 6, 6, 0];
        Assert.Equal(x.Real.Select((v, i) => (float)(twice[i] * (float)Math.Exp(v))), result.Real.Select(v => (float)v));
    }

    [Fact]
    public void A_plan_gives_them_half_a_byte_each()
    {
        var dim = Dim.Symbol("B");
        Graph.Compiler.Kernels.Buffer Make(int id, BufferKind kind, DType type) => new(id, "b" + id, kind, type, dim * 3);
        var (x, four, y) = (Make(0, BufferKind.Argument, DType.I8), Make(1, BufferKind.Arena, DType.I4), Make(2, BufferKind.Result, DType.I8));
        LibraryLaunch Launch(Graph.Compiler.Kernels.Buffer from, Graph.Compiler.Kernels.Buffer to) => new(
            [], [new(from, 0, false), new(to, 0, true)], [], new LibraryKernel("library0", "convert", AttributeMap.Empty, 1, [from.DType, to.DType]), [[dim * 3], [dim * 3]], [[1], [1]]);
        var function = new LoweredFunction(
            new("f", [new("x", new(DType.I8, Shape.Of(dim * 3)))], [new("y", new(DType.I8, Shape.Of(dim * 3)))], []), [x, four, y], [Launch(x, four), Launch(four, y)], [x], [y]) { Alignment = 64 };
        var plan = Planner.Plan(function, DimBinding.Empty.With("B", 85));
        Assert.Equal([255L, 128L, 255L], plan.Bytes.ToArray());
        Assert.Equal(128, plan.ArenaBytes);
        PlanVerifier.Verify(plan);
    }

    [Fact]
    public void One_of_them_has_no_address_and_promotes_as_the_narrowest_integer()
    {
        Assert.Contains("i4 is a part of a byte", Assert.Throws<NotSupportedException>(() => DType.I4.Size()).Message, StringComparison.Ordinal);
        Assert.Equal((DType.I8, DType.I32, DType.I4, DType.F16), (DTypes.Promote(DType.I4, DType.I8), DTypes.Promote(DType.I4, DType.U8), DTypes.Promote(DType.Bool, DType.I4), DTypes.Promote(DType.I4, DType.F16)));
    }
}
