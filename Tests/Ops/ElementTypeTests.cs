using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.CSharp;
using Graph.Operations;
using Graph.Tests.Goldens;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>
/// Every operation on every element type: refused with a message that names the type, by the operation's own rule or by what the CPU computes, or else compiled to the numbers of the reference.
/// </summary>
public sealed class ElementTypeTests
{
    static readonly DType[] Types = [DType.F64, DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.I4, DType.Bool];

    /// <summary>An operand: of the type under test, or of a fixed one.</summary>
    /// <param name="Shape">Its sizes.</param>
    /// <param name="Fixed">Set for conditions and the like.</param>
    /// <param name="Bound">Integers from 0 up to this, for indices; 0 for any numbers.</param>
    /// <param name="Divides">Whether integers are not 0.</param>
    sealed record Operand(long[] Shape, DType? Fixed = null, int Bound = 0, bool Divides = false);

    sealed record Template(string Operation, (string, Attr)[] Attributes, params Operand[] Operands);

    static Operand X(params long[] shape) => new(shape);
    static Operand Index(int bound, params long[] shape) => new(shape, null, bound);
    static Operand Mask(params long[] shape) => new(shape, DType.Bool);

    static IEnumerable<Template> Templates()
    {
        static Template T(string operation, params Operand[] operands) => new(operation, [], operands);
        string[] unary =
        [
            "neg", "abs", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "square", "reciprocal", "erf", "sin", "cos", "atan", "floor", "ceil", "round", "sign", "logical_not",
            "relu", "leaky_relu", "gelu", "silu", "sigmoid", "tanh", "softplus", "elu", "sum", "max", "min", "mean", "norm", "argmax", "argmin", "softmax", "log_softmax", "layer_norm", "logsumexp", "cumsum",
            "tril", "triu", "flatten", "detach",
        ];
        foreach (var operation in unary) yield return T(operation, X(3, 20));
        string[] binary = ["add", "sub", "mul", "div", "pow", "maximum", "minimum", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or"];
        foreach (var operation in binary) yield return T(operation, X(3, 20), X(20));
        yield return T("remainder", X(3, 20), X(20) with { Divides = true });
        yield return T("hard_swish", X(3, 20));
        // Reductions over the rows, all axes but the middle one, and an axis of one.
        yield return T("prod", X(3, 4));
        foreach (var operation in new[] { "prod", "sum", "max", "min", "mean", "norm", "logsumexp" })
        {
            yield return new(operation, [("axis", 0)], X(5, 40));
            yield return new(operation, [("axis", 1), ("keep", true)], X(5, 1));
        }
        foreach (var operation in new[] { "variance", "std" }) yield return new(operation, [("axis", 1)], X(3, 20));
        foreach (var type in Types) yield return new("cast", [("dtype", type.Name())], X(3, 20));
        yield return new("quantize", [("dtype", "i4"), ("axis", 0)], X(3, 20), new([3], DType.F32));
        yield return new("dequantize", [("axis", 1)], X(3, 20), new([20], DType.F32), new([20], DType.I32));
        yield return new("dequantize", [], X(3, 20), new([3, 5], DType.F32));
        yield return new("fake_quantize", [("dtype", "i8"), ("axis", 0)], X(3, 20), new([3], DType.F32));
        yield return new("clamp", [("min", -1.0), ("max", 2.0)], X(3, 20));
        yield return new("clamp", [("min", -0.5)], X(3, 20));
        yield return T("where", Mask(3, 20), X(3, 20), X(20));
        yield return new("masked_fill", [("value", 2.0)], X(3, 20), Mask(20));
        yield return new("masked_fill", [("value", double.NegativeInfinity)], X(3, 20), Mask(20));
        yield return new("dropout", [("rate", 0.5)], X(3, 20));
        yield return new("reshape", [("shape", new[] { 4, -1 })], X(2, 6));
        yield return T("squeeze", X(3, 1, 4));
        yield return new("unsqueeze", [("axis", 1)], X(3, 4));
        yield return new("transpose", [("order", new[] { 1, 0 })], X(3, 20));
        yield return new("flip", [("axes", new[] { 1 })], X(3, 20));
        yield return new("flip", [("axes", new[] { 0, -1 })], X(2, 3, 4));
        yield return new("slice", [("axis", 1), ("start", 1), ("end", 19), ("step", 2)], X(3, 20));
        yield return new("select", [("axis", 0), ("index", 1)], X(3, 20));
        yield return new("expand", [("shape", new[] { 3, 4 })], X(4));
        yield return new("split", [("size", 2), ("axis", 1)], X(3, 4));
        yield return new("concat", [("axis", 1)], X(3, 4), X(3, 2));
        yield return new("stack", [], X(3, 4), X(3, 4));
        yield return new("pad", [("before", new[] { 0, 1 }), ("after", new[] { 1, 2 })], X(3, 4));
        yield return new("pad", [("before", new[] { 0, 1 }), ("after", new[] { 1, 2 }), ("value", 1.0)], X(3, 4));
        yield return new("pad", [("before", new[] { 0, 1 }), ("after", new[] { 1, 2 }), ("value", 0.5)], X(3, 4));
        yield return new("pad", [("before", new[] { 2, 1 }), ("after", new[] { 0, 2 }), ("value", -7.0)], X(3, 4));
        yield return new("repeat", [("times", 2), ("axis", 0)], X(3, 4));
        yield return T("matmul", X(3, 4), X(4, 5));
        yield return T("linear", X(3, 4), X(5, 4), X(5));
        yield return T("scaled_dot_product_attention", X(2, 3, 4), X(2, 3, 4), X(2, 3, 4));
        yield return T("conv2d", X(2, 1, 5, 5), X(3, 1, 3, 3), X(3));
        yield return T("conv1d", X(2, 1, 5), X(3, 1, 3), X(3));
        yield return T("conv_transpose2d", X(2, 1, 5, 5), X(1, 3, 3, 3), X(3));
        yield return new("max_pool2d", [("kernel", 2)], X(1, 2, 4, 4));
        yield return new("avg_pool2d", [("kernel", 2)], X(1, 2, 4, 4));
        yield return T("layer_norm", X(3, 6), X(6), X(6));
        yield return T("batch_norm", X(3, 2, 4), X(2), X(2));
        yield return T("batch_norm_inference", X(3, 2, 4), X(2), X(2), X(2), X(2));
        yield return T("mse_loss", X(3, 4), X(3, 4));
        yield return T("cross_entropy", X(3, 5), new([3], DType.I64, 5));
        yield return T("cross_entropy", new([3, 5], DType.F32), Index(5, 3));
        yield return T("embedding", X(5, 4), new([3], DType.I64, 5));
        yield return T("embedding", new([5, 4], DType.F32), Index(5, 3));
        yield return new("gather", [("axis", 1)], X(3, 5), new([3, 2], DType.I64, 5));
        yield return new("gather", [("axis", 1)], new([3, 5], DType.F32), Index(5, 3, 2));
        yield return new("placed", [("axis", 0)], X(6, 4), X(2, 4), new([1], DType.I64, 5));
        yield return new("placed", [("axis", 1)], new([3, 6], DType.F32), new([3, 2], DType.F32), Index(5, 1));
        yield return new("sort", [("axis", 0), ("descending", true)], X(9, 4));
        yield return T("sort", X(3, 20));
        yield return new("topk", [("k", 4)], X(3, 20));
        yield return new("one_hot", [("classes", 5)], Index(5, 3));
    }

    // Operations without operands have no element type to be wrong; the others are gradients, whose operands the compiler makes.
    static readonly string[] WithoutOperands = ["constant", "dimension", "iota", "arange", "causal_mask", "full", "zeros", "ones", "linear_index", "random_stream", "normal", "uniform", "bernoulli"];

    // Emits what stands between its operands: Tests/Language.
    static readonly string[] OfTheLanguage = ["gradient"];
    static readonly string[] OfTheCompiler =
        ["random_uniform", "random_normal", "conv2d_grad_input", "conv2d_grad_weight", "scaled_dot_product_attention_grad", "max_pool2d_grad", "avg_pool2d_grad", "embedding_grad", "gather_grad", "check_index"];

    /// <summary>The operations with templates.</summary>
    internal static IEnumerable<string> Names => Templates().Select(t => t.Operation).Distinct();

    public static TheoryData<string> Operations => [.. Names];

    [Fact]
    public void Every_operation_is_here()
    {
        var covered = Templates().Select(t => t.Operation).Concat(WithoutOperands).Concat(OfTheCompiler).Concat(OfTheLanguage).ToHashSet();
        Assert.Empty(OperationTable.Set.All.Where(o => o.Kind != OpKind.Structure && !covered.Contains(o.Name)).Select(o => o.Name));
    }

    sealed record Case(string Name, Function Function, TensorData[] Arguments);

    [Theory]
    [MemberData(nameof(Operations))]
    public void An_element_type_is_refused_by_name_or_computed_as_the_reference_does(string operation)
    {
        var program = new Program("types", [], [], [], OperationTable.Set);
        var cases = new List<Case>();
        foreach (var (template, number) in Templates().Where(t => t.Operation == operation).Select((t, i) => (t, i)))
            foreach (var types in TypesOf(template))
            {
                var builder = new Builder(program, "f" + cases.Count);
                ImmutableArray<Value> operands = [.. template.Operands.Select((o, i) => builder.Argument(new(types[i], new(o.Shape.Select(s => (Dim)s))), "x" + i))];
                var what = $"{operation} #{number} of {string.Join(", ", types.Select(t => t.Name()))}";
                try
                {
                    var results = builder.Apply(operation, operands, AttributeMap.Of(template.Attributes));
                    var refusal = builder.Nodes.Select(n => KnownTargets.Cpu.Refuse(n, program)).Concat(types.Select(KnownTargets.Cpu.Refuse)).FirstOrDefault(r => r is not null);
                    if (refusal is null) cases.Add(new(what, builder.Build(results), [.. template.Operands.Select((o, i) => Numbers(o, types[i], what + i))]));
                    else Assert.True(builder.Nodes.SelectMany(n => n.Inputs.Concat(n.Outputs)).Select(v => v.DType).Concat(types).Any(t => refusal.Contains(t.Name())), what + ": " + refusal);
                }
                catch (ShapeException e)
                {
                    Assert.Equal((what, "GR2008"), (what, e.Id));
                    Assert.True(types.Any(t => e.Message.Contains(t.Name(), StringComparison.Ordinal)), what + ": " + e.Message);
                    Assert.True(e.Message.Contains("Cast(", StringComparison.Ordinal) || operation is "where" or "concat" or "stack" or "masked_fill", what + ": " + e.Message);
                }
            }
        if (cases.Count == 0) return;
        using var compiled = new CompiledFunctions(program with { Functions = [.. cases.Select(c => c.Function)] });
        foreach (var c in cases)
        {
            var expected = compiled.Reference(c.Function.Name, c.Arguments);
            var actual = compiled.Run(c.Function.Name, c.Arguments);
            for (var i = 0; i < expected.Length; i++) Same(expected[i], actual[i], $"{c.Name}, result {i}");
        }
    }

    // All of one type, and each operand alone of another than the rest.
    static IEnumerable<DType[]> TypesOf(Template template)
    {
        DType[] With(Func<int, DType> of) => [.. template.Operands.Select((o, i) => o.Fixed ?? of(i))];
        var open = Enumerable.Range(0, template.Operands.Length).Where(i => template.Operands[i].Fixed is null).ToArray();
        foreach (var type in Types) yield return With(_ => type);
        if (open.Length < 2) yield break;
        foreach (var type in Types)
            foreach (var odd in open)
            {
                if (type != DType.F32) yield return With(i => i == odd ? type : DType.F32);
                if (type is not (DType.I32 or DType.F32)) yield return With(i => i == odd ? type : DType.I32);
            }
    }

    static TensorData Numbers(Operand operand, DType type, string seed)
    {
        var size = (int)operand.Shape.Aggregate(1L, (a, b) => a * b);
        var reals = GoldenValues.Reals(seed, size, 6, 0.5);
        if (type == DType.F64) return new(type, operand.Shape, reals);
        if (type.IsFloat()) return new(type, operand.Shape, [.. reals.Select(r => Rounding.Round(r, type))]);
        return new(type, operand.Shape, [.. reals.Select((r, i) => type == DType.Bool ? r > 0 || operand.Divides ? 1L : 0 : operand.Bound > 0 ? (i * 3 + 1) % operand.Bound : type.Wrap((long)Math.Round(r * 4)) is var whole && whole == 0 && operand.Divides ? 3 : whole)]);
    }

    static void Same(TensorData expected, TensorData actual, string what)
    {
        var bound = expected.DType switch { DType.F64 => 1e-11, DType.F32 => 2e-5, DType.F16 => 2e-3, DType.BF16 => 1.6e-2, _ => 0 };
        for (long i = 0; i < expected.Size; i++)
        {
            var (e, a) = (expected[i], actual[i]);
            Assert.True(e.Equals(a) || Math.Abs(e - a) <= bound * Math.Max(1, Math.Abs(e)), $"{what}: element {i} is {a:R}, but the reference says {e:R}");
        }
    }
}
