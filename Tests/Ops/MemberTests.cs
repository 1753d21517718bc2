using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Graph.Compiler.Ir;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>The members of <see cref="Tensor"/>, called as a user calls them.</summary>
public class MemberTests
{
    static Tensor Of(params float[] values) => Tensor.From(values);

    static Tensor Matrix => Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3);

    static Tensor Image => Tensor.From([.. Enumerable.Range(0, 16).Select(i => (float)i)], 1, 1, 4, 4);

    static IEnumerable<(MemberInfo Member, string Operation)> Members =>
        from member in typeof(Tensor).GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static)
        let attribute = member.GetCustomAttribute<OperationAttribute>()
        where attribute is not null
        select (member, attribute.Name);

    [Fact]
    public void Every_member_names_an_operation() => Assert.All(Members, m => Assert.True(OperationTable.Set.TryGet(m.Operation, out _), $"{m.Member} names {m.Operation}"));

    [Fact]
    public void Every_operation_is_reachable_or_belongs_to_the_compiler()
    {
        string[] own =
        [
            "dimension", "iota", "linear_index", "placed", "random_normal", "random_stream", "random_uniform", "call", "loop", "if", "fused", "gradient_norm", "update", "check_index", "conv2d_grad_input", "conv2d_grad_weight", "max_pool2d_grad", "avg_pool2d_grad", "embedding_grad", "gather_grad",
            "scaled_dot_product_attention_grad",
        ];
        var named = Members.Select(m => m.Operation).ToHashSet();
        Assert.Equal(own.Order(StringComparer.Ordinal), OperationTable.Set.All.Select(o => o.Name).Where(n => !named.Contains(n)));
    }

    public static TheoryData<string, Func<Tensor>, double[]> Calls => new()
    {
        { "neg", () => -Of(1, -2), [-1, 2] },
        { "sub", () => 1 - Of(1, -2), [0, 3] },
        { "div", () => Of(1, -2) / 4, [0.25, -0.5] },
        { "exp", () => Of(0, 1).Log1p().Exp(), [1, 2] },
        { "expm1", () => Of(0, 1).Expm1(), [0, 1.7182818] },
        { "remainder", () => Of(7, -7, 5.5f) % Of(3, 3, -2), [1, 2, -0.5] },
        { "remainder of integers", () => Tensor.From([7, -7, 7, -7]) % Tensor.From([3, 3, -3, -3]), [1, 2, -2, -1] },
        { "sqrt", () => Of(4, 9).Sqrt(), [2, 3] },
        { "rsqrt", () => Of(4, 0.25f).Rsqrt(), [0.5, 2] },
        { "square", () => Of(4, -3).Square(), [16, 9] },
        { "reciprocal", () => Of(4, -2).Reciprocal(), [0.25, -0.5] },
        { "pow", () => Of(4, 9).Pow(1.5), [8, 27] },
        { "pow of 2", () => Of(4, -3).Pow(2), [16, 9] },
        { "abs", () => Of(4, -3).Abs(), [4, 3] },
        { "sign", () => Of(4, -3, 0).Sign(), [1, -1, 0] },
        { "floor", () => Of(1.5f, -1.5f).Floor(), [1, -2] },
        { "ceil", () => Of(1.5f, -1.5f).Ceil(), [2, -1] },
        { "round", () => Of(1.5f, 2.5f).Round(), [2, 2] },
        { "quantize", () => Of(0.04f, 0.05f, -0.15f, 99).Quantize(Of(0.1f)), [0, 0, -2, 127] },
        { "quantize with a zero point", () => Of(0, 0.3f, -1.5f, 99).Quantize(0.1, 10, ElementType.U8), [10, 13, 0, 255] },
        { "quantize each row", () => Matrix.Quantize(Of(1, 2), dtype: ElementType.I4), [1, 2, 3, 2, 2, 3] },
        { "quantize each column", () => Matrix.Quantize(Of(1, 2, 4), axis: 1), [1, 1, 1, 4, 2, 2] },
        { "quantize blocks", () => Of(1, 2, 3, 4).Reshape(1, 4).Quantize(Of(1, 0.5f).Reshape(1, 2)), [1, 2, 6, 8] },
        { "dequantize", () => Of(1, 2, 300).Quantize(1, 3, ElementType.U8).Dequantize(0.5, 3), [0.5, 1, 126] },
        { "clamp", () => Of(1.5f, -2.5f).Clamp(-1, 1), [1, -1] },
        { "sin", () => Of(0).Sin() + Of(0).Cos(), [1] },
        { "erf", () => Of(0, 1).Erf(), [0, 0.8427008] },
        { "maximum", () => Tensor.Maximum(Of(1, 5), 3), [3, 5] },
        { "minimum", () => Tensor.Minimum(Of(1, 5), 3), [1, 3] },
        { "comparisons", () => (Of(1, 2, 3) > 1 & Of(1, 2, 3) < 3 | Of(1, 2, 3).EqualTo(1)) & !(Of(1, 2, 3) >= 3) & Of(1, 2, 3) <= 3, [1, 1, 0] },
        { "not_equal", () => Of(1, 2).NotEqualTo(2), [1, 0] },
        { "where", () => Tensor.Where(Of(1, 2) > 1, Of(5, 6), 0), [0, 6] },
        { "masked_fill", () => Of(1, 2).MaskedFill(Of(1, 2) > 1, -1), [1, -1] },
        { "relu", () => Of(-1, 2).Relu(), [0, 2] },
        { "leaky_relu", () => Of(-1, 2).LeakyRelu(0.5), [-0.5, 2] },
        { "elu", () => Of(-1, 2).Elu(), [-0.6321206, 2] },
        { "gelu", () => Of(1).Gelu(), [0.8413447] },
        { "gelu, tanh", () => Of(1).Gelu(GeluApproximation.Tanh), [0.8411920] },
        { "silu", () => Of(1).Silu(), [0.7310586] },
        { "sigmoid", () => Of(0).Sigmoid(), [0.5] },
        { "tanh", () => Of(1).Tanh(), [0.7615942] },
        { "softplus", () => Of(0, 100).Softplus(), [0.6931472, 100] },
        { "cast", () => Of(1.7f, -1.7f).Cast(ElementType.I32), [1, -1] },
        { "arange", () => Tensor.Arange(3, 6), [3, 4, 5] },
        { "full", () => Tensor.Full([2], 7) + Tensor.Ones(2) + Tensor.Zeros(2), [8, 8] },
        { "reshape", () => Matrix.Reshape(3, -1).Select(0, 0), [1, 2] },
        { "flatten", () => Matrix.Flatten().Slice(0, -2), [5, 6] },
        { "squeeze", () => Matrix.Unsqueeze(0).Squeeze().Sum(0), [5, 7, 9] },
        { "transpose", () => Matrix.Transpose(0, 1).Flatten(), [1, 4, 2, 5, 3, 6] },
        { "permute", () => Matrix.Permute(1, 0).Flatten(), [1, 4, 2, 5, 3, 6] },
        { "expand", () => Of(1, 2).Expand(2, -1).Flatten(), [1, 2, 1, 2] },
        { "repeat", () => Of(1, 2).Repeat(2), [1, 2, 1, 2] },
        { "slice", () => Of(0, 1, 2, 3, 4).Slice(0, 1, 5, 2), [1, 3] },
        { "select", () => Matrix.Select(1, -1), [3, 6] },
        { "chunk", () => Of(0, 1, 2, 3, 4).Chunk(2)[1], [3, 4] },
        { "split", () => Of(0, 1, 2, 3, 4).Split([1, 4])[1], [1, 2, 3, 4] },
        { "stack", () => Tensor.Stack([Of(1, 2), Of(3, 4)], 1).Flatten(), [1, 3, 2, 4] },
        { "pad", () => Of(1, 2).Pad([1], [2]), [0, 1, 2, 0, 0] },
        { "pad with infinity", () => Of(1e-7f, 2).Pad([1], [0], double.NegativeInfinity), [double.NegativeInfinity, 1e-7, 2] },
        { "pad of integers", () => Tensor.From([16777217, -3]).Pad([0], [2], 16777219), [16777217, -3, 16777219, 16777219] },
        { "tril", () => Matrix.Tril().Flatten(), [1, 0, 0, 4, 5, 0] },
        { "triu", () => Matrix.Triu(1).Flatten(), [0, 2, 3, 0, 0, 6] },
        { "mean", () => Matrix.Mean([0]), [2.5, 3.5, 4.5] },
        { "variance", () => Matrix.Variance(1), [0.6666667, 0.6666667] },
        { "std", () => Matrix.Std(1, unbiased: true), [1, 1] },
        { "hard_swish", () => Of(-4, -1, 0, 1, 5).HardSwish(), [0, -1 / 3.0, 0, 2 / 3.0, 5] },
        { "flip", () => Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3).Flip(-1), [3, 2, 1, 6, 5, 4] },
        { "flip of two axes", () => Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3).Flip(0, 1), [6, 5, 4, 3, 2, 1] },
        { "flip of none", () => Of(1, 2).Flip(), [1, 2] },
        { "prod", () => Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3).Prod(1), [6, 120] },
        { "prod of integers", () => Tensor.From([3, -5, 7]).Prod(), [-105] },
        { "prod of nothing", () => Tensor.Full([0], 3).Prod(), [1] },
        { "sort", () => Of(3, float.NaN, 1, 2, 1).Sort().Values, [1, 1, 2, 3, double.NaN] },
        { "sort's indices", () => Of(3, float.NaN, 1, 2, 1).Sort(descending: true).Indices, [1, 0, 3, 2, 4] },
        { "max", () => Matrix.Max(0) - Matrix.Min(0, keep: true).Squeeze(0), [3, 3, 3] },
        { "argmax", () => Tensor.From([1f, 5, 5], 1, 3).ArgMax(), [1] },
        { "argmax of integers", () => Tensor.From([9007199254740993L, 9007199254740992, 5, 9007199254740993], 2, 2).ArgMax(), [0, 1] },
        { "cumsum beside infinity", () => Of(1, float.PositiveInfinity, 3).CumSum(), [1, double.PositiveInfinity, double.PositiveInfinity] },
        { "logsumexp of nothing but −∞", () => Tensor.Full([2, 3], double.NegativeInfinity).LogSumExp(), [double.NegativeInfinity, double.NegativeInfinity] },
        { "cumsum", () => Of(1, 2, 3).CumSum(), [1, 3, 6] },
        { "logsumexp", () => Of(1000, 1000).LogSumExp(), [1000.6931] },
        { "norm", () => Of(3, 4).Norm(), [5] },
        { "softmax", () => Of(1, 1).Softmax(), [0.5, 0.5] },
        { "log_softmax", () => Of(1, 1).LogSoftmax(), [-0.6931472, -0.6931472] },
        { "layer_norm", () => Of(1, 3).LayerNorm(epsilon: 0), [-1, 1] },
        { "batch_norm", () => Matrix.BatchNorm(Tensor.Ones(3), Tensor.Zeros(3)).Mean, [2.5, 3.5, 4.5] },
        { "batch_norm_inference", () => Matrix.BatchNormInference(Tensor.Ones(3), Tensor.Zeros(3), Of(1, 2, 3), Tensor.Ones(3), 0).Flatten(), [0, 0, 0, 3, 3, 3] },
        { "linear", () => Matrix.Linear(Tensor.Ones(1, 3), Of(1)).Flatten(), [7, 16] },
        { "matmul", () => Matrix.MatMul(Of(1, 0, 1)), [4, 10] },
        { "conv2d", () => Image.Conv2d(Tensor.Ones(1, 1, 2, 2), Of(1), stride: 2).Flatten(), [11, 19, 43, 51] },
        { "conv1d", () => Tensor.From([1f, 2, 3], 1, 1, 3).Conv1d(Tensor.Ones(1, 1, 2)).Flatten(), [3, 5] },
        { "conv_transpose2d", () => Tensor.From([1f, 2], 1, 1, 1, 2).ConvTranspose2d(Tensor.Ones(1, 1, 1, 2), stride: 2).Flatten(), [1, 1, 2, 2] },
        { "max_pool2d", () => Image.MaxPool2d(2).Flatten(), [5, 7, 13, 15] },
        { "avg_pool2d", () => Image.AvgPool2d([1, 4], [1, 4], [0, 0]).Flatten(), [1.5, 5.5, 9.5, 13.5] },
        { "attention", () => Tensor.ScaledDotProductAttention(Tensor.Zeros(2, 1), Tensor.Zeros(2, 1), Tensor.From([1f, 3], 2, 1), causal: true).Flatten(), [1, 2] },
        { "embedding", () => Matrix.Embedding(Tensor.From([1])).Flatten(), [4, 5, 6] },
        { "gather", () => Matrix.Gather(Tensor.From([2L, 0], 2, 1)).Flatten(), [3, 4] },
        { "one_hot", () => Tensor.From([2, 0]).OneHot(3).Flatten(), [0, 0, 1, 1, 0, 0] },
        { "mse_loss", () => Of(1, 2).MseLoss(Of(0, 0), Reduction.Sum), [5] },
        { "cross_entropy", () => Tensor.Zeros(2, 4).CrossEntropy(Tensor.From([1, 3]), Reduction.None), [1.3862944, 1.3862944] },
    };

    [Theory]
    [MemberData(nameof(Calls), DisableDiscoveryEnumeration = true)]
    public void A_member_computes_in_eager_code(string name, Func<Tensor> call, double[] expected)
    {
        var actual = call().ToDoubles();
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.True(expected[i].Equals(actual[i]) || Math.Abs(expected[i] - actual[i]) <= 1e-6 * Math.Max(1, Math.Abs(expected[i])), $"{name}: {actual[i]} instead of {expected[i]}");
    }

    [Fact]
    public void Gradients_of_a_convolution_are_its_adjoints()
    {
        // ⟨conv(x), y⟩ = ⟨x, transposed conv(y)⟩
        var w = Tensor.From([.. Enumerable.Range(0, 18).Select(i => i * 0.25f - 2)], 2, 1, 3, 3);
        var y = Tensor.From([1f, -2, 3, 0.5f, -1, 2, 4, -3], 1, 2, 2, 2);
        var left = (Image.Conv2d(w, stride: 2, padding: 1) * y).Sum().ToScalar();
        var right = (Image * y.ConvTranspose2d(w, stride: 2, padding: 1, outputPadding: 1)).Sum().ToScalar();
        Assert.Equal(left, right, 1e-3);
    }
}
