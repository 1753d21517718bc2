using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Graph.Tests.Goldens;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>Operations over an axis whose size is a name, bound when the function runs.</summary>
public class NamedDimensionTests
{
    static readonly Dim B = Dim.Symbol("B");

    static readonly Dictionary<string, Func<Builder, Value, Value>> Cases = new()
    {
        ["mean"] = (b, x) => b.Apply("mean", [x])[0],
        ["mean along the named axis"] = (b, x) => b.Apply("mean", [x], AttributeMap.Of(("axis", 0)))[0],
        ["unbiased variance"] = (b, x) => b.Apply("variance", [x], AttributeMap.Of(("axis", 0), ("unbiased", true)))[0],
        ["batch_norm"] = (b, x) => b.Apply("batch_norm", [x, b.Full(1, new(DType.F64, Shape.Of(4))), b.Zeros(new(DType.F64, Shape.Of(4)))])[0],
        ["layer_norm over the named axis"] = (b, x) => b.Apply("layer_norm", [b.TransposeLast(x)])[0],
        ["mse_loss"] = (b, x) => b.Apply("mse_loss", [x, b.Mul(x, x)])[0],
        ["reshape with an open size"] = (b, x) => b.Apply("reshape", [x], AttributeMap.Of(("shape", new[] { -1, 2 })))[0],
        ["chunk of the named axis times two"] = (b, x) => b.Apply("split", [b.Reshape(x, Shape.Of(x.Shape[0] * 2, 2))], AttributeMap.Of(("chunks", 2)))[1],
        ["slice but for the first"] = (b, x) => b.Apply("slice", [x], AttributeMap.Of(("axis", 0), ("start", 1)))[0],
        ["cumsum"] = (b, x) => b.Apply("cumsum", [x], AttributeMap.Of(("axis", 0)))[0],
        ["causal attention"] = (b, x) => b.Apply("scaled_dot_product_attention", [x, x, x], AttributeMap.Of(("causal", true)))[0],
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    static double[][] Run(string name, Dim rows, int size)
    {
        var program = new Program("named", [new("B", 64, 8)], [], [], OperationTable.Set);
        var builder = new Builder(program, "f");
        var x = builder.Argument(new TensorType(DType.F64, Shape.Of(rows, 4)), "x");
        var y = Cases[name](builder, x);
        var seed = builder.Full(0.5, y.Type);
        var gradient = ReverseMode.Run(builder, 0, [x], [y], [builder.Mul(y, seed)])[x];
        program = Verifier.Verify(program with { Functions = [builder.Build([y, gradient])] });
        program = Verifier.Verify(ProgramParser.Parse(ProgramPrinter.Print(program), OperationTable.Set));
        var data = new TensorData(DType.F64, [size, 4], GoldenValues.Reals(name, size * 4, 2, 0));
        var result = new Interpreter(program).Run("f", [data], ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty.With("B", size));
        return [.. result.Results.Select(r => r.Real)];
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Values_and_gradients_are_those_of_the_number_that_the_name_is_bound_to(string name)
    {
        var (named, constant) = (Run(name, B, 5), Run(name, 5, 5));
        for (var i = 0; i < named.Length; i++) Assert.Equal(constant[i], named[i]);
    }

    [Fact]
    public void A_mean_over_a_name_divides_by_what_the_call_binds()
    {
        var program = new Program("named", [new("B", 64, 8)], [], [], OperationTable.Set);
        var builder = new Builder(program, "f");
        var mean = builder.Apply("mean", [builder.Argument(new TensorType(DType.F32, Shape.Of(B)), "x")])[0];
        program = program with { Functions = [builder.Build([mean])] };
        foreach (var size in new[] { 1, 3, 64 })
        {
            var ones = new TensorData(DType.F32, [size], [.. Enumerable.Repeat(1.0, size)]);
            Assert.Equal(1, new Interpreter(program).Run("f", [ones], ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty.With("B", size)).Results[0][0]);
        }
    }
}
