using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ops;

public class ShapeErrorTests
{
    static ShapeException Fails(string operation, (string, Attr)[] attributes, params TensorType[] operands)
    {
        var b = new Builder(new("case", [new("B", 64, 8)], [], [], OperationTable.Set), "case");
        return Assert.Throws<ShapeException>(() => b.Apply(operation, [.. operands.Select((t, i) => b.Argument(t, "x" + i))], AttributeMap.Of(attributes)));
    }

    static TensorType F32(params Dim[] dims) => new(DType.F32, new(dims));

    static TensorType I64(params Dim[] dims) => new(DType.I64, new(dims));

    static readonly Dim B = Dim.Symbol("B");

    [Fact]
    public void A_matrix_product_names_both_shapes_and_the_sizes_that_differ()
    {
        var e = Fails("matmul", [], F32(B, 512), F32(784, 10));
        Assert.Equal(("GR2003", "MatMul needs equal inner dimensions, but got [B, 512] and [784, 10]: 512 ≠ 784"), (e.Id, e.Message));
    }

    [Fact]
    public void A_linear_map_says_what_input_its_weight_needs()
    {
        var e = Fails("linear", [], F32(B, 512), F32(10, 784));
        Assert.Equal(("GR2003", "Linear needs x of shape [..., 784] for the weight [10, 784] ([outputs, inputs]), but got [B, 512]: 512 ≠ 784"), (e.Id, e.Message));
    }

    [Fact]
    public void A_sum_says_where_broadcasting_stops()
    {
        var e = Fails("add", [], F32(B, 3), F32(B, 4));
        Assert.Equal(("GR2014", "[B, 3] and [B, 4] do not broadcast: 3 ≠ 4 at axis 1 of the result"), (e.Id, e.Message));
    }

    [Fact]
    public void Batch_axes_of_a_product_that_do_not_broadcast_are_named()
    {
        var e = Fails("matmul", [], F32(2, 3, 4), F32(5, 4, 6));
        Assert.Equal(("GR2014", "MatMul needs batch axes that broadcast, but got [2, 3, 4] and [5, 4, 6]: [2] and [5] do not"), (e.Id, e.Message));
    }

    [Fact]
    public void A_convolution_counts_channels()
    {
        var e = Fails("conv2d", [], F32(B, 3, 8, 8), F32(16, 1, 3, 3));
        Assert.Equal(("GR2005", "Conv2d needs a weight for 3 channels, but x is [B, 3, 8, 8] and the weight is [16, 1, 3, 3]: 3 ≠ 1"), (e.Id, e.Message));
    }

    [Fact]
    public void A_window_larger_than_the_image_does_not_fit()
    {
        var e = Fails("conv2d", [("padding", 1)], F32(B, 3, 2, 8), F32(16, 3, 5, 5));
        Assert.Equal(("GR2006", "Conv2d's window of 5 does not fit axis 2 of [B, 3, 2, 8] with padding 1"), (e.Id, e.Message));
    }

    [Fact]
    public void A_reshape_counts_elements()
    {
        var e = Fails("reshape", [("shape", new Attr.List([B, 10]))], F32(B, 12));
        Assert.Equal(("GR2004", "Reshape keeps the number of elements, but [B, 12] has 12*B and [B, 10] has 10*B"), (e.Id, e.Message));
    }

    [Theory]
    [InlineData("softmax", "GR2002")]
    [InlineData("sum", "GR2002")]
    [InlineData("squeeze", "GR2002")]
    public void An_axis_that_is_not_there_is_named(string operation, string id)
    {
        var e = Fails(operation, [("axis", 2)], F32(B, 10));
        Assert.Equal((id, "axis 2 is out of range for [B, 10], which has 2 axes"), (e.Id, e.Message));
    }

    [Fact]
    public void Labels_must_be_integers_and_one_a_row()
    {
        Assert.Equal("CrossEntropy needs i64 or i32 for labels, but got f32: Cast(ElementType.I64) converts it", Fails("cross_entropy", [], F32(B, 10), F32(B)).Message);
        var e = Fails("cross_entropy", [], F32(B, 10), I64(B, 10));
        Assert.Equal(("GR2012", "CrossEntropy needs a label for each row of the logits [B, 10], of shape [B], but got [B, 10]"), (e.Id, e.Message));
    }

    [Fact]
    public void Conditions_are_bools() => Assert.Equal(("GR2008", "Where needs bools for the condition, but got f32: compare it, as in x > 0"), Pair(Fails("where", [], F32(2), F32(2), F32(2))));

    static TensorType Of(DType type, params Dim[] dims) => new(type, new(dims));

    [Fact]
    public void Real_operations_refuse_integers_and_say_what_converts_them()
    {
        Assert.Equal(
            ("GR2008", "Conv2d needs real numbers for x, but got i32: Cast(ElementType.F32) converts it"),
            Pair(Fails("conv2d", [], Of(DType.I32, B, 1, 8, 8), F32(2, 1, 3, 3))));
        Assert.Equal(("GR2008", "LayerNorm needs real numbers for x, but got i32: Cast(ElementType.F32) converts it"), Pair(Fails("layer_norm", [], Of(DType.I32, B, 4), F32(4), F32(4))));
        Assert.Equal(("GR2008", "LeakyRelu needs real numbers for x, but got i64: Cast(ElementType.F32) converts it"), Pair(Fails("leaky_relu", [], I64(B, 4))));
        Assert.Equal(
            ("GR2008", "Linear needs x and the weight of one element type, but got f64 and f32: Cast(ElementType.F32) converts it"), Pair(Fails("linear", [], Of(DType.F64, B, 4), F32(3, 4))));
    }

    [Fact]
    public void Bools_have_no_difference_and_no_sign()
    {
        var mask = Of(DType.Bool, B, 4);
        Assert.Equal(("GR2008", "Subtraction needs numbers for one operand, but got bool: Cast(ElementType.I32) counts true as 1"), Pair(Fails("sub", [], mask, mask)));
        Assert.Equal(("GR2008", "Neg needs numbers for x, but got bool: Cast(ElementType.I32) counts true as 1"), Pair(Fails("neg", [], mask)));
    }

    [Fact]
    public void A_number_that_the_element_type_cannot_hold_is_refused() =>
        Assert.Equal(
            ("GR2008", "MaskedFill puts the number -inf into a tensor of i32, which cannot hold it: Cast(ElementType.F32) converts it"),
            Pair(Fails("masked_fill", [("value", double.NegativeInfinity)], Of(DType.I32, 4), Of(DType.Bool, 4))));

    [Theory]
    [InlineData("add", DType.Bool, DType.Bool, DType.Bool)]
    [InlineData("mul", DType.Bool, DType.Bool, DType.Bool)]
    [InlineData("mul", DType.Bool, DType.I32, DType.I32)]
    [InlineData("div", DType.I32, DType.I64, DType.F32)]
    [InlineData("div", DType.I64, DType.F64, DType.F64)]
    [InlineData("maximum", DType.Bool, DType.Bool, DType.Bool)]
    public void Operands_are_promoted_as_PyTorch_does(string operation, DType left, DType right, DType expected) => Assert.Equal(expected, Result(operation, Of(left, 4), Of(right, 4)));

    [Theory]
    [InlineData("sum", DType.Bool, DType.I64)]
    [InlineData("sum", DType.I32, DType.I64)]
    [InlineData("max", DType.Bool, DType.Bool)]
    [InlineData("square", DType.Bool, DType.I64)]
    [InlineData("exp", DType.I64, DType.F32)]
    [InlineData("sign", DType.I8, DType.I8)]
    public void Results_have_the_type_that_PyTorch_gives(string operation, DType type, DType expected) => Assert.Equal(expected, Result(operation, Of(type, 4)));

    static DType Result(string operation, params TensorType[] operands)
    {
        var b = new Builder(new("case", [], [], [], OperationTable.Set), "case");
        return b.Apply(operation, [.. operands.Select((t, i) => b.Argument(t, "x" + i))])[0].DType;
    }

    [Fact]
    public void A_slice_stays_within_its_axis() => Assert.Equal(("GR2009", "Slice from 4 to 2 lies outside of axis 1 of [B, 8]"), Pair(Fails("slice", [("axis", 1), ("start", 4), ("end", 2)], F32(B, 8))));

    [Fact]
    public void Joined_tensors_agree_but_for_the_axis() =>
        Assert.Equal(("GR2010", "Concat along axis 1 needs equal sizes along the other axes, but got [2, 3] and [4, 3]"), Pair(Fails("concat", [("axis", 1)], F32(2, 3), F32(4, 3))));

    [Fact]
    public void Only_ones_expand() => Assert.Equal(("GR2011", "Expand repeats axes of size 1, but [3] to [2, 4] changes 3 to 4"), Pair(Fails("expand", [("shape", new[] { 2, 4 })], F32(3))));

    [Fact]
    public void A_normalization_counts_its_weights() =>
        Assert.Equal(("GR2012", "LayerNorm needs a weight of shape [6] (one number for each element of the last axis of [B, 6]), but got [5]"), Pair(Fails("layer_norm", [], F32(B, 6), F32(5))));

    [Fact]
    public void An_image_has_four_axes() =>
        Assert.Equal(("GR2007", "MaxPool2d needs x of shape [batch, channels, height, width], but x is [B, 64] with 2 axes"), Pair(Fails("max_pool2d", [("kernel", 2)], F32(B, 64))));

    [Fact]
    public void A_stride_needs_a_number() =>
        Assert.Equal(("GR2013", "AvgPool2d with stride 2 needs a number along axis 3, but [1, 1, 8, B] has B"), Pair(Fails("avg_pool2d", [("kernel", 2)], F32(1, 1, 8, B))));

    [Fact]
    public void Every_id_has_a_title_once() => Assert.Equal(Diagnostics.All.Count, Diagnostics.All.Select(d => d.Id).Distinct().Count());

    static (string?, string) Pair(ShapeException e) => (e.Id, e.Message);
}
