using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Tests.Goldens;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>What PyTorch's cases leave out: operations of our own, chains of them, several results.</summary>
public class GradientTests
{
    static TensorData Real(string seed, params long[] shape) => new(DType.F64, shape, GoldenValues.Reals(seed, (int)shape.Aggregate(1L, (a, b) => a * b), 2, 0));

    static TensorData Positive(string seed, params long[] shape) => new(DType.F64, shape, GoldenValues.Reals(seed, (int)shape.Aggregate(1L, (a, b) => a * b), 1, 1.5));

    static TensorData Classes(string seed, int classes, params long[] shape) => new(DType.I64, shape, GoldenValues.Integers(seed, (int)shape.Aggregate(1L, (a, b) => a * b), classes));

    static AttributeMap With(params (string, Attr)[] attributes) => AttributeMap.Of(attributes);

    static readonly OperationCase[] Cases =
    [
        new("split", (b, x) => b.Apply("concat", [.. b.Apply("split", x, With(("sizes", new[] { 1, 3, 2 }), ("axis", 1))).AsEnumerable().Reverse()], With(("axis", 1))), Real("a", 2, 6)),
        new("split with an unused part", (b, x) => [b.Apply("split", x, With(("size", 2), ("axis", -1)))[1]], Real("a", 2, 6)),
        new("chunk", (b, x) => [b.Apply("split", x, With(("chunks", 4), ("axis", 0)))[3]], Real("a", 7, 2)),
        new("stack", (b, x) => b.Apply("stack", x, With(("axis", 1))), Real("a", 2, 3), Real("b", 2, 3)),
        new("squeeze and unsqueeze", (b, x) => b.Apply("squeeze", b.Apply("unsqueeze", x, With(("axis", -1)))), Real("a", 2, 3)),
        new("select", (b, x) => b.Apply("select", x, With(("axis", 1), ("index", -1))), Real("a", 2, 3, 2)),
        new("flatten", (b, x) => b.Apply("flatten", x, With(("start", 1))), Real("a", 2, 3, 2)),
        new("matmul of a vector and a matrix", (b, x) => b.Apply("matmul", x), Real("a", 3), Real("b", 3, 2)),
        new("matmul of a matrix and a vector", (b, x) => b.Apply("matmul", x), Real("a", 2, 3), Real("b", 3)),
        new("matmul of two vectors", (b, x) => b.Apply("matmul", x), Real("a", 3), Real("b", 3)),
        new("matmul with itself", (b, x) => b.Apply("matmul", [x[0], x[0]]), Real("a", 3, 3)),
        new("mse_loss with itself", (b, x) => b.Apply("mse_loss", [x[0], b.Mul(x[0], x[0])]), Real("a", 3, 3)),
        new("attention of a tensor to itself", (b, x) => b.Apply("scaled_dot_product_attention", [x[0], x[0], x[0]], With(("causal", true))), Real("a", 2, 3, 2)),
        new("attention with a bias", (b, x) => b.Apply("scaled_dot_product_attention", x), Real("a", 2, 3, 2), Real("b", 1, 4, 2), Real("c", 1, 4, 3), Real("d", 3, 4)),
        new("attention of grouped heads", (b, x) => b.Apply("scaled_dot_product_attention", x, With(("groupedHeads", true), ("causal", true))), Real("a", 1, 4, 3, 2), Real("b", 1, 2, 3, 2), Real("c", 1, 2, 3, 2)),
        new("attention with a dropout", (b, x) => b.Apply("scaled_dot_product_attention", [.. x, b.Constant(7, DType.I64), b.Emit("random_stream", [], ("name", "a#0")), b.Constant(0, DType.I64)], With(("dropout", 0.4))), Real("a", 4, 2), Real("b", 5, 2), Real("c", 5, 2)),
        new("batch_norm's mean", (b, x) => [b.Apply("batch_norm", x)[1]], Real("a", 4, 2, 3), Real("b", 2), Real("c", 2)),
        new("batch_norm's variance", (b, x) => [b.Apply("batch_norm", x)[2]], Real("a", 4, 2, 3), Real("b", 2), Real("c", 2)),
        new("batch_norm's three results", (b, x) => Joined(b, b.Apply("batch_norm", x)), Real("a", 4, 2), Real("b", 2), Real("c", 2)),
        new("batch_norm_inference", (b, x) => b.Apply("batch_norm_inference", x), Real("a", 2, 3, 2), Real("b", 3), Real("c", 3), Real("d", 3), Positive("e", 3)),
        new("slice with a step", (b, x) => b.Apply("slice", x, With(("axis", 0), ("start", 1), ("step", 3))), Real("a", 7, 2)),
        new("pad with a number", (b, x) => b.Apply("pad", x, With(("before", new[] { 0, 2 }), ("after", new[] { 1, 0 }), ("value", 1.5))), Real("a", 2, 3)),
        new("masked_fill", (b, x) => b.Apply("masked_fill", [x[0], b.Less(x[0], b.Constant(0, DType.F64))], With(("value", -3.0))), Real("a", 2, 3)),
        new("layer_norm with a weight alone", (b, x) => b.Apply("layer_norm", x), Real("a", 3, 4), Real("b", 4)),
        new("variance, unbiased", (b, x) => b.Apply("variance", x, With(("axes", new[] { 0, 2 }), ("unbiased", true), ("keep", true))), Real("a", 3, 2, 4)),
        new("cross_entropy over two leading axes", (b, x) => b.Apply("cross_entropy", x, With(("labelSmoothing", 0.1))), Real("a", 2, 3, 4), Classes("l", 4, 2, 3)),
        new("gather along the first axis", (b, x) => b.Apply("gather", x, With(("axis", 0))), Real("a", 4, 3), Classes("i", 4, 2, 3)),
        new("gradient of a gather", (b, x) => b.Apply("gather_grad", x, With(("axis", 1), ("size", new[] { 4 }))), Real("a", 2, 3, 2), Classes("i", 4, 2, 3, 2)),
        new("remainder", (b, x) => b.Apply("remainder", x), Real("a", 4, 1), Positive("b", 3)),
        new("embedding of a matrix of ids", (b, x) => b.Apply("embedding", x), Real("a", 5, 3), Classes("i", 5, 2, 2)),
        new("gradient of an embedding", (b, x) => b.Apply("embedding_grad", x, With(("rows", new[] { 5 }))), Real("a", 2, 2, 3), Classes("i", 5, 2, 2)),
        new("gradient of an embedding onto a table", (b, x) => b.Apply("embedding_grad", x, With(("rows", new[] { 5 }))), Real("a", 4, 3), Classes("i", 5, 4), Real("t", 5, 3)),
        new("dropout", (b, x) => b.Apply("dropout", [x[0], b.Constant(7, DType.I64), b.Emit("random_stream", [], ("name", "a#0")), b.Constant(0, DType.I64)], With(("rate", 0.4))), Real("a", 4, 5)),
        new("softplus of a product", (b, x) => b.Apply("softplus", [b.Mul(x[0], x[1])]), Real("a", 4), Real("b", 4)),
        new("elu", (b, x) => b.Apply("elu", x, With(("alpha", 0.7))), Real("a", 9)),
        new("hard_swish", (b, x) => b.Apply("hard_swish", [b.Mul(x[0], b.Constant(3, DType.F64))]), Real("a", 9)),
        new("flip", (b, x) => [b.Mul(x[0], b.Apply("flip", x, With(("axes", new[] { 0, 2 })))[0])], Real("a", 2, 3, 4)),
        new("prod", (b, x) => b.Apply("prod", x, With(("axes", new[] { 0, 2 }), ("keep", true))), Real("a", 2, 3, 2)),
        new("prod with zeros", (b, x) => b.Apply("prod", x, With(("axis", 1))), new TensorData(DType.F64, [4, 4], [1.5, -2, 0.5, 3, 0, 2, -1, 0.7, 0, 2, 0, -1.5, 0, 0, 0, 2])),
        new("sort", (b, x) => [b.Mul(b.Apply("sort", x, With(("axis", 1), ("descending", true)))[0], x[0])], Real("a", 2, 5, 3)),
        new("logsumexp", (b, x) => b.Apply("logsumexp", x, With(("axis", 1))), Real("a", 3, 4, 2)),
        new("cumsum from the end", (b, x) => [b.Emit("cumsum", x, ("axis", 1), ("reverse", true))], Real("a", 2, 3, 4)),
        new("norm along an axis", (b, x) => b.Apply("norm", x, With(("axis", -1), ("keep", true))), Real("a", 3, 4)),
        new("std", (b, x) => b.Apply("std", x, With(("axis", 0))), Real("a", 5, 2)),
        new("tril and triu", (b, x) => [b.Add(b.Apply("tril", x, With(("diagonal", -1)))[0], b.Mul(b.Apply("triu", x, With(("diagonal", 1)))[0], x[0]))], Real("a", 2, 3, 4)),
        new("repeat", (b, x) => b.Apply("repeat", x, With(("times", 3), ("axis", 1))), Real("a", 2, 3)),
        new("conv_transpose2d", (b, x) => b.Apply("conv_transpose2d", x, With(("stride", 2), ("padding", 1), ("outputPadding", 1), ("groups", 2))), Real("a", 1, 4, 3, 3), Real("w", 4, 3, 3, 3), Real("c", 6)),
        new("conv1d", (b, x) => b.Apply("conv1d", x, With(("padding", 1), ("stride", 2))), Real("a", 2, 3, 7), Real("w", 2, 3, 3), Real("c", 2)),
        new("powers", (b, x) => b.Apply("pow", x), Positive("a", 4, 1), Real("b", 3)),
        new("clamp from below", (b, x) => b.Apply("clamp", x, With(("min", 0.1))), Real("a", 9)),
        new("pool of a product", (b, x) => b.Apply("max_pool2d", [b.Mul(x[0], x[0])], With(("kernel", 2))), Positive("a", 1, 2, 4, 4)),
        new("convolution of a square", (b, x) => b.Apply("conv2d", [b.Mul(x[0], x[0]), x[1]], With(("stride", 2), ("padding", 1))), Real("a", 1, 2, 5, 5), Real("w", 2, 2, 3, 3)),
        new("mean of everything", (b, x) => b.Apply("mean", [b.Mul(x[0], x[0])]), Real("a", 3, 4)),
        new("where between a number and a tensor", (b, x) => [b.Where(b.Less(x[0], b.Constant(0, DType.F64)), b.Constant(1, DType.F64), b.Mul(x[0], x[0]))], Real("a", 6)),
    ];

    // The three results of batch_norm in one vector, so that gradients reach all of them at once.
    static ImmutableArray<Value> Joined(Builder b, ImmutableArray<Value> x) =>
        b.Apply("concat", [.. x.Select(v => b.Reshape(v, Shape.Of(v.Shape.Size)))], With(("axis", 0)));

    public static TheoryData<string> Names => [.. Cases.Select(c => c.Name)];

    static OperationCase Case(string name) => Cases.Single(c => c.Name == name);

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_are_the_limits_of_differences(string name) => Assert.InRange(Case(name).GradientError(1), 0, 1e-7);

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_have_gradients(string name) => Assert.InRange(Case(name).GradientError(2), 0, 1e-6);

    [Theory]
    [MemberData(nameof(Names))]
    public void Programs_verify_and_read_back(string name)
    {
        var text = ProgramPrinter.Print(Verifier.Verify(Case(name).Build(2)));
        Assert.Equal(text, ProgramPrinter.Print(Verifier.Verify(ProgramParser.Parse(text, Graph.Operations.OperationTable.Set))));
    }

    [Fact]
    public void An_input_that_nobody_asks_for_costs_nothing()
    {
        var program = new Program("case", [], [], [], Graph.Operations.OperationTable.Set);
        var b = new Builder(program, "case");
        var (x, w) = (b.Argument(new(DType.F32, Shape.Of(2, 3, 8, 8)), "x"), b.Argument(new(DType.F32, Shape.Of(4, 3, 3, 3)), "w"));
        var y = b.Apply("conv2d", [x, w])[0];
        ReverseMode.Run(b, 0, [w], [y], [b.Argument(y.Type, "dy")]);
        Assert.Equal(["conv2d", "conv2d_grad_weight"], b.Nodes.Select(n => n.Name));
    }
}
