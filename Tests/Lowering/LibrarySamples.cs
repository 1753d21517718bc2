using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph.Tests.Lowering;

/// <summary>One small node or more of every operation that has a kernel of the library; a test compares them with the table of operations.</summary>
static class LibrarySamples
{
    internal sealed record Sample(string Operation, (string, Attr)[] Attributes, params TensorType[] Operands);

    static TensorType F(params int[] shape) => new(DType.F32, new(shape.Select(s => (Dim)s)));

    static TensorType I(params int[] shape) => new(DType.I32, new(shape.Select(s => (Dim)s)));

    static (string, Attr)[] Window(params (string, Attr)[] more) => [("dilation", new[] { 1, 1 }), ("groups", 1), ("padding", new[] { 1, 0 }), ("stride", new[] { 2, 1 }), .. more];

    static (string, Attr)[] Pool(params (string, Attr)[] more) => [("kernel", new[] { 2, 2 }), ("padding", new[] { 0, 1 }), ("stride", new[] { 2, 1 }), .. more];

    static Attr Shaped(params int[] shape) => Graph.Operations.Attributes.List([.. shape.Select(s => (Dim)s)]);

    internal static readonly Sample[] All =
    [
        new("matmul", [], F(2, 3, 4), F(2, 4, 5)),
        new("conv2d", Window(), F(2, 3, 6, 5), F(4, 3, 3, 2)),
        new("conv2d_grad_input", Window(("shape", Shaped(2, 3, 6, 5))), F(2, 4, 3, 4), F(4, 3, 3, 2)),
        new("conv2d_grad_weight", Window(("shape", Shaped(4, 3, 3, 2))), F(2, 3, 6, 5), F(2, 4, 3, 4)),
        new("concat", [("axis", 1)], F(3, 4), F(3, 2)),
        new("pad", [("axis", 1), ("before", Shaped(2)), ("after", Shaped(1)), ("value", 0.5)], F(3, 4, 5)),
        new("placed", [("axis", 1)], F(3, 6, 4), F(3, 2, 4), I()),
        new("max_pool2d", Pool(), F(2, 3, 6, 5)),
        new("max_pool2d", Pool(("places", 0)), F(2, 3, 6, 5)),
        new("max_pool2d_grad", [("shape", Shaped(2, 3, 6, 5))], F(2, 3, 3, 6), I(2, 3, 3, 6)),
        new("avg_pool2d", Pool(), F(2, 3, 6, 5)),
        new("avg_pool2d_grad", Pool(("shape", Shaped(2, 3, 6, 5))), F(2, 3, 3, 6)),
        new("scaled_dot_product_attention", [("causal", true), ("scale", 0.5)], F(2, 2, 5, 4), F(2, 2, 5, 4), F(2, 2, 5, 4)),
        new("scaled_dot_product_attention_grad", [("causal", true), ("scale", 0.5)], F(2, 2, 5, 4), F(2, 2, 5, 4), F(2, 2, 5, 4), F(2, 5, 2, 4), F(2, 2, 5, 2), F(2, 5, 2, 4)),
        new("cumsum", [("axis", 1)], F(3, 4, 5)),
        new("cumsum", [("axis", 0), ("reverse", true)], F(3, 4)),
        new("sort", [("axis", 1), ("descending", false)], F(3, 4, 5)),
        new("embedding", [], F(5, 4), I(2, 3)),
        new("embedding_grad", [("rows", Shaped(5))], F(2, 3, 40), I(2, 3)),
        new("embedding_grad", [("rows", Shaped(5))], F(2, 3, 4), I(2, 3), F(5, 4)),
        new("gather", [("axis", 1)], F(3, 5, 4), I(3, 2, 4)),
        new("gather", [("axis", 2)], F(3, 4, 5), I(3, 4, 2)),
        new("gather_grad", [("axis", 1), ("size", Shaped(5))], F(3, 2, 4), I(3, 2, 4)),
        new("check_index", [("below", Shaped(9)), ("what", "A test")], I(3, 4)),
    ];

    /// <summary>A function of one such node.</summary>
    /// <param name="sample">The node.</param>
    /// <param name="operand">Makes an operand of a type under a name.</param>
    /// <param name="node">Gets the node.</param>
    internal static Program Program(Sample sample, Func<Builder, TensorType, string, Value> operand, out Node node)
    {
        var program = new Program("test", [], [], [], OperationTable.Set);
        var b = new Builder(program, "f");
        node = b.Node(sample.Operation, [.. sample.Operands.Select((type, i) => operand(b, type, "x" + i))], AttributeMap.Of(sample.Attributes));
        return program with { Functions = [b.Build([.. node.Outputs])] };
    }
}
