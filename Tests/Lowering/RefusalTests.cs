using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.CSharp;
using Graph.Operations;
using Graph.Tests.Ops;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Every operation of the table is computed, or refused by its name; nothing is computed as something else.</summary>
public sealed class RefusalTests
{
    static readonly Dictionary<string, Func<Builder, ImmutableArray<Value>, Value>> OfTheCompiler = new()
    {
        ["check_index"] = (b, x) => b.Cast(b.Emit("check_index", [b.Cast(b.Emit("abs", [x[0]]), DType.I32)], ("below", new[] { 2 })), DType.F32),
        ["constant"] = (b, x) => b.Add(x[0], b.Constant(3, DType.F32)),
        ["dimension"] = (b, x) => b.Mul(x[0], b.Emit("dimension", [], ("size", new[] { 5 }), ("dtype", DType.F32))),
        ["iota"] = (b, x) => b.Iota(Shape.Of(3, 4), 1, DType.F32),
        ["random_uniform"] = (b, x) => b.Emit("random_uniform", [b.Constant(7, DType.I64), b.Emit("random_stream", [], ("name", "s#0")), b.Constant(0, DType.I64), b.Emit("linear_index", [], ("shape", Shape.Of(5, 40)))]),
        ["conv2d_grad_input"] = (b, x) => Gradient(b, x[0], b.Emit("conv2d", [x[0], x[1]])),
        ["conv2d_grad_weight"] = (b, x) => Gradient(b, x[1], b.Emit("conv2d", [x[0], x[1]])),
        ["scaled_dot_product_attention_grad"] = (b, x) => Gradient(b, x[0], b.Apply("scaled_dot_product_attention", [x[0], x[0], x[0]], AttributeMap.Empty)[0]),
        ["max_pool2d_grad"] = (b, x) => Gradient(b, x[0], b.Apply("max_pool2d", [x[0]], AttributeMap.Of(("kernel", 2)))[0]),
        ["avg_pool2d_grad"] = (b, x) => Gradient(b, x[0], b.Apply("avg_pool2d", [x[0]], AttributeMap.Of(("kernel", 2)))[0]),
        ["embedding_grad"] = (b, x) => b.Emit("embedding_grad", [b.Reshape(x[1], Shape.Of(4, 18)), b.Constants(4)], ("rows", new[] { 6 })),
        ["gather_grad"] = (b, x) => b.Emit("gather_grad", [b.Reshape(x[1], Shape.Of(4, 18)), b.Expand(b.Constant(2, DType.I64), Shape.Of(4, 18))], ("axis", 0), ("size", new[] { 6 })),
        ["fused"] = (b, x) => b.Exp(b.Mul(x[0], x[0])),
    };

    static Value Gradient(Builder b, Value x, Value y) => ReverseMode.Run(b, 0, [x], [y], [b.Full(1, y.Type)])[x];

    /// <summary>What the language alone has stands for others; calls, the norm of gradients and updates belong to training, whose steps other tests make; loops have tests of their own.</summary>
    static readonly string[] Elsewhere = ["gradient", "placed", "linear_index", "random_stream", "random_normal", "normal", "uniform", "bernoulli", "arange", "causal_mask", "full", "zeros", "ones", "call", "loop", "if", "gradient_norm", "update"];

    public static TheoryData<string> Names => [.. OfTheCompiler.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_operation_that_the_compiler_makes_is_computed(string name)
    {
        TensorType[] types = [new(DType.F32, Shape.Of(2, 2, 6, 6)), new(DType.F32, Shape.Of(4, 2, 3, 3))];
        using var compiled = CompiledFunctions.Of(types, (b, x) => [OfTheCompiler[name](b, x)]);
        TensorData Numbers(TensorType t) => new(t.DType, t.Shape.Evaluate(DimBinding.Empty), [.. Enumerable.Range(0, (int)t.Shape.Size.Constant).Select(i => i * 37 % 64 / 32.0 - 1)]);
        TensorData[] x = [.. types.Select(t => Numbers(t))];
        var (expected, actual) = (compiled.Reference("f", x)[0], compiled.Run("f", x)[0]);
        for (long i = 0; i < expected.Size; i++) Assert.Equal(expected[i], actual[i], 1e-4);
    }

    [Fact]
    public void Every_operation_is_computed_by_a_test_or_refused()
    {
        var tested = ElementTypeTests.Names.Concat(OfTheCompiler.Keys).Concat(Elsewhere).ToHashSet();
        var program = new Program("p", [], [], [], OperationTable.Set);
        foreach (var operation in OperationTable.Set.All.Where(o => !tested.Contains(o.Name)))
        {
            var refusal = KnownTargets.Cpu.Refuse(new Node(operation, [], AttributeMap.Empty, [], [], []), program);
            Assert.True(refusal?.Contains(operation.Name, StringComparison.Ordinal), operation.Name + ": " + refusal);
        }
    }

    sealed class Unknown(string name, OpKind kind, int operands) : Operation
    {
        public override string Name => name;
        public override OpKind Kind => kind;
        public int Operands => operands;
        public override ImmutableArray<TensorType> Infer(InferContext context) => [context[0]];
        public override void Evaluate(Evaluation e) => throw new NotSupportedException(name);
    }

    public static TheoryData<string, OpKind, int> Kinds => new()
    {
        { "median", OpKind.Reduce, 1 }, { "conv2d_grad_stride", OpKind.Convolution, 2 }, { "outer", OpKind.Contract, 2 }, { "histogram", OpKind.Library, 1 }, { "diagonal", OpKind.View, 1 },
        { "riddle", OpKind.Structure, 1 }, { "undefined", OpKind.Composite, 1 },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_unknown_operation_is_refused_by_name(string name, OpKind kind, int operands)
    {
        var operation = new Unknown(name, kind, operands);
        var program = new Program("unknown", [], [], [], new(OperationTable.Set.All.Where(o => o.Kind != OpKind.Structure).Append(operation)));
        var b = new Builder(program, "f");
        var x = b.Argument(new(DType.F32, Shape.Of(4, 4)), "x");
        var node = b.Node(operation, [.. Enumerable.Repeat(x, operands)], AttributeMap.Of(("axes", new[] { 0 })));
        program = program with { Functions = [b.Build(node.Outputs)] };
        if (kind is not (OpKind.Structure or OpKind.Composite)) Assert.Contains(name, KnownTargets.Cpu.Refuse(node, program), StringComparison.Ordinal);
        if (kind == OpKind.Library) return; // lowering leaves those to the runtime, which looks at the limits first
        var refusal = Assert.ThrowsAny<NotSupportedException>(() => Lowerer.Lower(program, KnownTargets.Cpu));
        Assert.Contains(name, refusal.Message, StringComparison.Ordinal);
    }
}

file static class Extensions
{
    public static Value Constants(this Builder b, int count) => b.Expand(b.Constant(1, DType.I64), Shape.Of(count));
}
