using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph.Tests.Goldens;

/// <summary>An operation of the goldens as a program: its results, and the gradients of its inputs by the operations' own rules.</summary>
static class GoldenProgram
{
    /// <summary>
    /// The function <c>f(inputs…, output gradient) → (results…, gradients…)</c> in the given element type; the gradients are those of the golden's inputs, in their order.
    /// </summary>
    public static Program Build(OperationGolden golden, DType real)
    {
        var program = new Program("Golden", [], [], [], OperationTable.Set);
        var builder = new Builder(program, "f");
        var inputs = golden.Inputs.Select(i => builder.Argument(new TensorType(TypeOf(golden, i, real), ShapeOf(i.Shape)), i.Name)).ToArray();
        var results = Apply(builder, golden, inputs);
        var gradient = builder.Argument(results[0].Type, "output_gradient");
        var gradients = golden.Gradients is null ? [] : Backward(builder, results[0], gradient, inputs, golden);
        return program with { Functions = [builder.Build([.. results, .. gradients])] };
    }

    /// <summary>The arguments of <see cref="Build"/>'s function.</summary>
    public static TensorData[] Arguments(OperationGolden golden, DType real) =>
    [
        .. golden.Inputs.Select(i => TypeOf(golden, i, real) is var type && type.IsFloat()
            ? new TensorData(type, Longs(i.Shape), i.Reals())
            : new TensorData(type, Longs(i.Shape), i.Integers())),
        golden.Outputs[0] is var output && (golden.Operation == "argmax" || (golden.Operation == "remainder" && golden.Inputs.All(i => i.IsInteger)))
            ? new TensorData(DType.I64, Longs(output.Shape), new long[output.Shape.Count()])
            : new TensorData(real, Longs(output.Shape), golden.OutputGradient()),
    ];

    /// <summary>Emits the operation, with PyTorch's conventions brought to the calls of the modelling language.</summary>
    public static Value[] Apply(Builder b, OperationGolden golden, Value[] x)
    {
        var attributes = AttributesOf(golden);
        IEnumerable<Value> Call(string operation, params Value[] operands) => b.Apply(operation, [.. operands], attributes);
        switch (golden.Name, golden.Operation)
        {
            case ("matmul/transposed_right", _):
                return [b.MatMul(x[0], b.TransposeLast(x[1]))];
            case ("matmul/transposed_left", _):
                return [b.MatMul(b.TransposeLast(x[0]), x[1])];
            case (_, "pow") when x.Length == 1:
                return [.. b.Apply("pow", [x[0], b.ConstantLike(attributes.Real("exponent"), x[0])])];
            case (_, "masked_fill"):
                var mask = b.Apply("causal_mask", [], AttributeMap.Of(("rows", 5), ("columns", 5)))[0];
                return [b.Where(mask, x[0], b.ConstantLike(attributes.Real("value"), x[0]))];
            case (_, "dropout"):
                return [b.Div(b.Mul(x[0], b.Cast(x[1], x[0].DType)), b.ConstantLike(1 - attributes.Real("rate"), x[0]))];
            case (_, "batch_norm"):
                return BatchNorm(b, x, attributes);
            default:
                return [.. Call(golden.Operation, x)];
        }
    }

    // What the layer does with the primitive: running statistics, whose variance is the unbiased one.
    static Value[] BatchNorm(Builder b, Value[] x, AttributeMap attributes)
    {
        var (momentum, epsilon) = (attributes.Real("momentum"), attributes.Real("epsilon"));
        Value Number(double value) => b.ConstantLike(value, x[0]);
        Value PerChannel(Value v) => b.Reshape(v, Shape.Of([v.Shape[0], .. Enumerable.Repeat((Dim)1, x[0].Shape.Rank - 2)]));
        if (attributes.Int("training") == 0)
        {
            var scale = b.Mul(x[1], b.Rsqrt(b.Add(x[4], Number(epsilon))));
            return [b.Add(b.Mul(b.Sub(x[0], PerChannel(x[3])), PerChannel(scale)), PerChannel(x[2]))];
        }
        var results = b.Node("batch_norm", [x[0], x[1], x[2]], AttributeMap.Of(("epsilon", epsilon))).Outputs;
        x[0].Shape.Size.TryConstant(out var size);
        x[0].Shape[1].TryConstant(out var channels);
        var count = (double)(size / channels);
        Value Mix(Value old, Value now, double factor) => b.Add(b.Mul(old, Number(1 - momentum)), b.Mul(now, Number(momentum * factor)));
        return [results[0], Mix(x[3], results[1], 1), Mix(x[4], results[2], count / (count - 1))];
    }

    static Value[] Backward(Builder b, Value result, Value gradient, Value[] inputs, OperationGolden golden)
    {
        var found = ReverseMode.Run(b, 0, inputs.Where(v => v.DType.IsFloat()), [result], [gradient]);
        return [.. inputs.Zip(golden.Inputs).Where(pair => golden.Gradients!.ContainsKey(pair.Second.Name))
            .Select(pair => found.GetValueOrDefault(pair.First) ?? b.Zeros(pair.First.Type))];
    }

    static AttributeMap AttributesOf(OperationGolden golden)
    {
        var map = AttributeMap.Empty;
        foreach (var (name, value) in golden.Attributes)
            map = map.With(name, value.ValueKind switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.String => value.GetString()!,
                JsonValueKind.Array => value.EnumerateArray().Select(v => v.GetInt32()).ToArray(),
                _ when value.TryGetInt64(out var integer) && !value.GetRawText().Contains('.', StringComparison.Ordinal) => integer,
                _ => value.GetDouble(),
            });
        return map;
    }

    static DType TypeOf(OperationGolden golden, GoldenInput input, DType real)
        => !input.IsInteger ? real : golden.Operation is "where" or "scaled_dot_product_attention" ? DType.Bool : DType.I64;

    static Shape ShapeOf(ImmutableArray<int> shape) => Shape.Of([.. shape.Select(size => (Dim)size)]);

    static long[] Longs(ImmutableArray<int> shape) => [.. shape.Select(size => (long)size)];
}
