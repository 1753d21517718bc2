using System;
using Graph.Compiler.Ir;
using Xunit;

namespace Graph.Tests.Ops;

public class EagerTests
{
    static readonly Tensor Matrix = Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3);

    [Fact]
    public void Operators_take_numbers_in_the_type_of_the_tensor()
    {
        Assert.Equal([3f, 5, 7, 9, 11, 13], (Matrix * 2 + 1).ToArray());
        Assert.StartsWith("i32[2] ", (Tensor.From([1, 2]) * 2 + 1).ToString(), StringComparison.Ordinal);
        Assert.StartsWith("f32[2] ", (Tensor.From([1, 2]) * 0.5f).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_matrix_product_by_its_transpose_is_symmetric() => Assert.Equal([14f, 32, 32, 77], Matrix.MatMul(Matrix.T).ToArray());

    [Fact]
    public void A_tensor_prints_as_nested_rows()
    {
        Assert.Equal("f32[2, 3] [[1, 2, 3],\n [4, 5, 6]]", Matrix.ToString());
        Assert.Equal("bool[2, 2] [[ true, false],\n [ true,  true]]", Tensor.CausalMask(2, 2).ToString());
        Assert.Equal("i64[100] [ 0,  1,  2, …, 97, 98, 99]", Tensor.Arange(100).ToString());
    }

    [Fact]
    public void An_element_is_read_by_its_indices()
    {
        Assert.Equal(6, Matrix[1, -1]);
        Assert.Throws<IndexOutOfRangeException>(() => Matrix[2, 0]);
        Assert.Equal(21, Matrix.Sum().ToScalar());
    }

    [Fact]
    public void Splitting_gives_an_array_and_concatenation_undoes_it()
    {
        var parts = Matrix.Split(2, 1);
        Assert.Equal(2, parts.Length);
        Assert.Equal([2, 1], parts[1].Shape);
        Assert.Equal(Matrix.ToArray(), Tensor.Concat(parts, 1).ToArray());
    }

    [Fact]
    public void A_parameter_without_a_model_says_so() => Assert.Throws<InvalidOperationException>(() => new Parameter([2], Init.Zeros).Relu());

    [Fact]
    public void Inner_dimensions_that_differ_are_named()
    {
        var e = Assert.Throws<ShapeException>(() => Matrix.MatMul(Matrix));
        Assert.Equal("GR2003", e.Id);
        Assert.Equal("MatMul needs equal inner dimensions, but got [2, 3] and [2, 3]: 3 ≠ 2", e.Message);
    }

    [Fact]
    public void Dropout_keeps_the_expectation_while_training_and_does_nothing_after()
    {
        var x = Tensor.Ones(100, 100);
        Assert.Same(x.ToArray().GetType(), x.Dropout(0.5).ToArray().GetType());
        Assert.Equal(x.ToArray(), x.Dropout(0.5).ToArray());
        Mode.Training = true;
        try
        {
            Assert.InRange(x.Dropout(0.25).Mean().ToScalar(), 0.97, 1.03);
        }
        finally
        {
            Mode.Training = false;
        }
    }
}
