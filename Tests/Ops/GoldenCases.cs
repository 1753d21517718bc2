using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Ir;
using Graph.Tests.Goldens;

namespace Graph.Tests.Ops;

/// <summary>PyTorch's cases in terms of our operations.</summary>
static class GoldenCases
{
    public static readonly ImmutableDictionary<string, OperationGolden> All = Golden.Families.SelectMany(f => Golden.Operations(f)).ToImmutableDictionary(g => Key(g));

    // The elementwise max and the reduction max share a name.
    static string Key(OperationGolden golden) => golden.Operation is "max" or "min" && golden.Inputs.Length == 2 ? golden.Name.Replace(golden.Operation, golden.Operation + "imum", StringComparison.Ordinal) : golden.Name;

    public static OperationCase Case(string key)
    {
        var golden = All[key];
        var inputs = golden.Inputs.Select(Data).ToArray();
        return new(golden.Name, Body(golden), inputs);
    }

    static TensorData Data(GoldenInput input)
    {
        long[] shape = [.. input.Shape.Select(d => (long)d)];
        if (!input.IsInteger) return new(DType.F64, shape, input.Reals());
        return new(input.Name is "condition" or "mask" ? DType.Bool : DType.I64, shape, input.Integers());
    }

    static Func<Builder, ImmutableArray<Value>, ImmutableArray<Value>> Body(OperationGolden golden)
    {
        var attributes = AttributeMap.Of([.. golden.Attributes.Select(a => (a.Key, Read(a.Value)))]);
        ImmutableArray<Value> Apply(Builder b, string operation, ImmutableArray<Value> x) => b.Apply(operation, x, attributes);
        return golden.Operation switch
        {
            "max" or "min" when golden.Inputs.Length == 2 => (b, x) => Apply(b, golden.Operation + "imum", x),
            "pow" when golden.Inputs.Length == 1 => (b, x) => b.Apply("pow", [x[0], b.Emit("constant", [], ("value", attributes.Real("exponent")))]),
            "matmul" => (b, x) => b.Apply("matmul", [attributes.Bool("transpose_left") ? b.TransposeLast(x[0]) : x[0], attributes.Bool("transpose_right") ? b.TransposeLast(x[1]) : x[1]]),
            "dropout" => (b, x) => [b.Div(b.Mul(x[0], b.Cast(x[1], DType.F64)), b.Constant(1 - attributes.Real("rate"), DType.F64))],
            "batch_norm" when attributes.Bool("training") => (b, x) => BatchNorm(b, x, attributes),
            "batch_norm" => (b, x) => Apply(b, "batch_norm_inference", x),
            "embedding" => (b, x) => Apply(b, "embedding", [x[1], x[0]]),
            "transpose" => (b, x) => b.Apply("transpose", x, AttributeMap.Of(("order", attributes.Dims("axes")))),
            "masked_fill" => (b, x) => Apply(b, "masked_fill", [x[0], b.Emit("logical_not", [b.Apply("causal_mask", [], AttributeMap.Of(("rows", 5), ("columns", 5)))[0]])]),
            _ => (b, x) => Apply(b, golden.Operation, x),
        };
    }

    // PyTorch's running statistics move towards the batch's mean and unbiased variance.
    static ImmutableArray<Value> BatchNorm(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var results = b.Apply("batch_norm", [x[0], x[1], x[2]], AttributeMap.Of(("epsilon", attributes.Real("epsilon"))));
        var momentum = attributes.Real("momentum");
        Dim.TryDivide(x[0].Shape.Size, x[0].Shape[1], out var n);
        Value Move(Value running, Value batch) => b.Add(b.Mul(running, b.Constant(1 - momentum, DType.F64)), b.Mul(batch, b.Constant(momentum, DType.F64)));
        return [results[0], Move(x[3], results[1]), Move(x[4], b.Mul(results[2], b.Constant((double)n.Constant / (n.Constant - 1), DType.F64)))];
    }

    static Attr Read(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => value.GetBoolean(),
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Array => value.EnumerateArray().Select(v => v.GetInt64()).ToArray(),
        _ => value.TryGetInt64(out var integer) && !value.GetRawText().Contains('.', StringComparison.Ordinal) ? (Attr)integer : value.GetDouble(),
    };
}
