using System;
using System.Linq;
using Graph.Compiler.Ir;
using Xunit;

namespace Graph.Tests.Ir;

public sealed class ShapeTests
{
    static Shape Parse(string text) => new(text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Dim.Parse));

    [Theory]
    [InlineData("B,1,3", "4,1", "B,4,3")]
    [InlineData("", "B,2", "B,2")]
    [InlineData("B,2", "1,1,1", "1,B,2")]
    [InlineData("B*T,3", "B*T,1", "B*T,3")]
    public void Shapes_broadcast_from_the_last_axis(string a, string b, string expected)
    {
        Assert.Equal(Parse(expected), Shape.Broadcast(Parse(a), Parse(b)));
        Assert.Equal(Parse(expected), Shape.Broadcast(Parse(b), Parse(a)));
    }

    [Theory]
    [InlineData("B,2", "B,3", "2 ≠ 3")]
    [InlineData("B", "T", "B ≠ T")]
    public void What_does_not_broadcast_names_the_sizes(string a, string b, string sizes)
    {
        var e = Assert.Throws<ShapeException>(() => Shape.Broadcast(Parse(a), Parse(b)));
        Assert.Contains(sizes, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Strides_are_row_major_polynomials() => Assert.Equal("12*T 12 4 1", string.Join(" ", Parse("B,T,3,4").Strides));

    [Fact]
    public void Negative_axes_count_from_the_end()
    {
        var shape = Parse("B,2,3");
        Assert.Equal(2, shape.Axis(-1));
        Assert.Equal(0, shape.Axis(-3));
        Assert.Throws<ShapeException>(() => shape.Axis(3));
        Assert.Throws<ShapeException>(() => shape.Axis(-4));
    }

    [Fact]
    public void Types_print_and_measure()
    {
        var type = new TensorType(DType.BF16, Parse("B,10"));
        Assert.Equal("bf16[B,10]", type.ToString());
        Assert.Equal(Dim.Parse("20*B"), type.Bytes);
    }

    // torch.promote_types of each pair, row by row; but i8 with u8, which is int16 there, is i32.
    [Theory]
    [InlineData(DType.F64, "f64 f64 f64 f64 f64 f64 f64 f64 f64")]
    [InlineData(DType.F32, "f64 f32 f32 f32 f32 f32 f32 f32 f32")]
    [InlineData(DType.F16, "f64 f32 f16 f32 f16 f16 f16 f16 f16")]
    [InlineData(DType.BF16, "f64 f32 f32 bf16 bf16 bf16 bf16 bf16 bf16")]
    [InlineData(DType.I64, "f64 f32 f16 bf16 i64 i64 i64 i64 i64")]
    [InlineData(DType.I32, "f64 f32 f16 bf16 i64 i32 i32 i32 i32")]
    [InlineData(DType.I8, "f64 f32 f16 bf16 i64 i32 i8 i32 i8")]
    [InlineData(DType.U8, "f64 f32 f16 bf16 i64 i32 i32 u8 u8")]
    [InlineData(DType.Bool, "f64 f32 f16 bf16 i64 i32 i8 u8 bool")]
    public void Promotion_is_PyTorchs(DType type, string row)
    {
        DType[] types = [DType.F64, DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.Bool];
        Assert.Equal(row, string.Join(" ", types.Select(other => DTypes.Promote(type, other).Name())));
        Assert.All(types, other => Assert.Equal(DTypes.Promote(type, other), DTypes.Promote(other, type)));
    }
}
