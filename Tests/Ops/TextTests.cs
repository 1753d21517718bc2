using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ops;

public class TextTests
{
    // Operations that stand for others at once, and those of the IR itself, which its own tests print.
    static bool IsIn(Operation o) => o is not LanguageOperation && o.Kind != OpKind.Structure;

    [Fact]
    public void A_program_with_every_operation_reads_back_as_it_was_printed()
    {
        var program = new Program("every", [new("B", 64, 8)], [], [], OperationTable.Set);
        var b = new Builder(program, "f");
        var n = Dim.Symbol("B");
        Value Real(string name, params Dim[] shape) => b.Argument(new TensorType(DType.F32, new(shape)), name);
        Value Integer(string name, params Dim[] shape) => b.Argument(new TensorType(DType.I64, new(shape)), name);
        var (x, y, image, filter, label, seed) = (Real("x", n, 6), Real("y", n, 6), Real("image", n, 2, 6, 6), Real("filter", 3, 2, 3, 3), Integer("label", n), Integer("seed"));
        var (row, channels, bits) = (Real("row", 6), Real("channels", 2), b.Less(x, y));

        ImmutableArray<Value> Operands(Operation o) => o.Name switch
        {
            "where" => [bits, x, y],
            "random_uniform" or "random_normal" => [seed, seed, seed, b.Emit("linear_index", [], ("shape", Shape.Of(n, 6)))],
            "normal" or "uniform" or "bernoulli" => [seed, seed, seed],
            "dropout" => [x, seed, seed, seed],
            "layer_norm" => [x, row, row],
            "linear" => [x, Real("weight", 3, 6), Real("bias", 3)],
            "matmul" => [x, Real("right", 6, 4)],
            "scaled_dot_product_attention" => [x, x, x],
            "batch_norm" => [image, channels, channels],
            "batch_norm_inference" => [image, channels, channels, channels, channels],
            "cross_entropy" => [x, label],
            "mse_loss" or "concat" or "maximum" or "minimum" => [x, y],
            "conv2d" => [image, filter],
            "max_pool2d" or "avg_pool2d" => [image],
            "embedding" => [Real("table", 9, 4), label],
            "gather" => [x, Integer("index", n, 2)],
            "check_index" => [Integer("checked", n, 2)],
            "placed" => [x, Real("part", n, 2), Integer("place")],
            _ => o is ElementwiseOperation { Arity: var arity } ? [.. Enumerable.Repeat(x, arity)] : [x],
        };
        AttributeMap Attributes(Operation o) => o.Name switch
        {
            "constant" => AttributeMap.Of(("value", double.NegativeInfinity), ("dtype", DType.F32)),
            "dimension" => AttributeMap.Of(("size", new Attr.List([n * 2])), ("dtype", DType.F32)),
            "iota" => AttributeMap.Of(("shape", Shape.Of(n, 2)), ("axis", 1), ("dtype", DType.I32)),
            "cast" => AttributeMap.Of(("dtype", DType.I32)),
            "clamp" => AttributeMap.Of(("min", -1e-30), ("max", 0.1)),
            "linear_index" or "normal" or "uniform" or "bernoulli" => AttributeMap.Of(("shape", Shape.Of(n, 6))),
            "random_stream" => AttributeMap.Of(("name", "a \"quoted\" name#0")),
            "dropout" => AttributeMap.Of(("rate", 0.25)),
            "reshape" => AttributeMap.Of(("shape", new Attr.List([3, -1]))),
            "transpose" => AttributeMap.Of(("order", new[] { 1, 0 })),
            "slice" => AttributeMap.Of(("axis", 1), ("start", 1), ("end", 4)),
            "expand" => AttributeMap.Of(("shape", Shape.Of(2, n, 6))),
            "split" => AttributeMap.Of(("size", 2), ("axis", 1)),
            "pad" => AttributeMap.Of(("before", new[] { 0, 1 }), ("after", new[] { 0, 2 })),
            "max_pool2d" or "avg_pool2d" => AttributeMap.Of(("kernel", 2)),
            "topk" => AttributeMap.Of(("k", 2)),
            _ => AttributeMap.Empty,
        };

        var results = new List<Value>();
        foreach (var operation in OperationTable.Set.All.Where(IsIn).Where(o => !o.Name.Contains("_grad", StringComparison.Ordinal)))
        {
            var first = b.Nodes.Count;
            var operands = Operands(operation);
            var outputs = b.Apply(operation, operands, Attributes(operation));
            results.AddRange(outputs);
            var wanted = operands.Where(v => v.DType.IsFloat()).Distinct().ToArray();
            if (outputs[0].DType.IsFloat()) results.AddRange(ReverseMode.Run(b, first, wanted, [outputs[0]], [outputs[0]]).Values);
        }
        var whole = Verifier.Verify(program with { Functions = [b.Build([.. results])] });

        var used = b.Nodes.Select(node => node.Name).ToHashSet();
        Assert.Equal([], OperationTable.Set.All.Where(IsIn).Select(o => o.Name).Where(name => !used.Contains(name)));
        var text = ProgramPrinter.Print(whole);
        Assert.Equal(text, ProgramPrinter.Print(Verifier.Verify(ProgramParser.Parse(text, OperationTable.Set))));
    }
}
