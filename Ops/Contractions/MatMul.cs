using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Operations.Reference;

namespace Graph;

public partial class Tensor
{
    /// <summary>
    /// Matrix product of real tensors of one element type: [..., m, k] · [..., k, n] → [..., m, n], the axes before the last two broadcast. A vector is a row on the left and a column on the right.
    /// Integers of up to 32 bits, of one type or of two, are added up as 32-bit ones, which wrap around, and that is the result's type; they have no gradient.
    /// </summary>
    [Operation("matmul")]
    public Tensor MatMul(Tensor other) => Eager.Run("matmul", [this, other]);
}

sealed class MatMulOperation : Operation
{
    public override string Name => "matmul";
    public override OpKind Kind => OpKind.Contract;
    public override LibraryTraits Library(Node node) => new() { Types = [.. LibraryTraits.RealType, .. Rules.SummedAsIntegers], Strided = [0, 1], StridedResults = [0], Hooks = LibraryHooks.Prologue | LibraryHooks.Epilogue | LibraryHooks.Sums | LibraryHooks.ResultSums };

    /// <summary>All axes but the last merged: the tensor as a matrix of rows.</summary>
    public static Value Rows(Builder b, Value x) => x.Shape.Rank == 2 ? x : b.Reshape(x, Shape.Of(Batch(x.Shape, 1).Size, x.Shape[x.Shape.Rank - 1]));

    static Shape Batch(Shape shape, int inner) => new(shape.Dims.Take(shape.Rank - inner));

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var (x, y) = (operands[0], operands[1]);
        if (x.Shape.Rank == 0 || y.Shape.Rank == 0) throw new ShapeException($"MatMul needs tensors with axes, but got {x.Shape} and {y.Shape}", Diagnostics.Rank);
        var (row, column) = (x.Shape.Rank == 1, y.Shape.Rank == 1);
        if (row) x = b.Reshape(x, x.Shape.Insert(0, 1));
        if (column) y = b.Reshape(y, y.Shape.Insert(1, 1));
        var product = Product(b, x, y);
        if (column) product = b.Reshape(product, product.Shape.Remove(product.Shape.Rank - 1));
        if (row) product = b.Reshape(product, product.Shape.Remove(product.Shape.Rank - (column ? 1 : 2)));
        return [product];
    }

    /// <summary>The product; a batch on the left of one matrix is one tall matrix.</summary>
    public static Value Product(Builder b, Value x, Value y)
    {
        if (x.Shape.Rank <= 2 || y.Shape.Rank != 2) return b.MatMul(x, y);
        CheckInner(x.Shape, y.Shape);
        return b.Reshape(b.MatMul(Rows(b, x), y), x.Shape.With(x.Shape.Rank - 1, y.Shape[1]));
    }

    static void CheckInner(Shape x, Shape y)
    {
        var (left, right) = (x[x.Rank - 1], y[y.Rank - 2]);
        if (left != right) throw new ShapeException($"MatMul needs equal inner dimensions, but got {x} and {y}: {left} ≠ {right}", Diagnostics.Inner);
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        var (x, y) = (context.Shape(0), context.Shape(1));
        if (x.Rank < 2 || y.Rank < 2) throw new ShapeException($"matmul needs matrices, but got {x} and {y}", Diagnostics.Rank);
        CheckInner(x, y);
        Shape batch;
        try
        {
            batch = Shape.Broadcast(Batch(x, 2), Batch(y, 2));
        }
        catch (ShapeException)
        {
            throw new ShapeException($"MatMul needs batch axes that broadcast, but got {x} and {y}: {Batch(x, 2)} and {Batch(y, 2)} do not", Diagnostics.Broadcast);
        }
        var shape = new Shape([.. batch, x[x.Rank - 2], y[y.Rank - 1]]);
        if (Rules.IsSummedAsInteger(context[0].DType) && Rules.IsSummedAsInteger(context[1].DType)) return [new(DType.I32, shape)];
        Rules.SameReal("MatMul", "the left matrix", context[0].DType, "the right one", context[1].DType);
        return [context[0].With(shape)];
    }

    public override string? Undefined(Node node) => null;

    // All products of a row and a column, added up as they are made.
    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var (x, y, result) = (node.Inputs[0], node.Inputs[1], node.Output);
        var sums = result.DType.Accumulator();
        var rows = b.Reshape(b.Cast(x, sums), x.Shape.Insert(x.Shape.Rank, 1));
        var columns = b.Reshape(b.Cast(y, sums), y.Shape.Insert(y.Shape.Rank - 2, 1));
        return [b.Cast(b.Sum(b.Mul(rows, columns), result.Shape.Rank - 1, keep: false), result.DType)];
    }

    public override void Evaluate(Evaluation e)
    {
        var c = e.Create(0);
        var (a, b) = (e[0], e[1]);
        var (m, n, k) = ((int)c.Shape[c.Rank - 2], (int)c.Shape[c.Rank - 1], (int)a.Shape[a.Rank - 1]);
        var batch = 1L;
        for (var i = 0; i < c.Rank - 2; i++) batch *= c.Shape[i];
        if (!c.DType.IsFloat())
        {
            for (long i = 0; i < batch; i++) Integers(a.Int, Index(i, c.Shape, a.Shape) * m * k, b.Int, Index(i, c.Shape, b.Shape) * k * n, c.Int, i * m * n, (m, n, k));
            return;
        }
        for (long i = 0; i < batch; i++)
            Gemm.Run(
                Matrix.RowMajor(a.Real, Index(i, c.Shape, a.Shape) * m * k, k), Matrix.RowMajor(b.Real, Index(i, c.Shape, b.Shape) * k * n, n), c.Real, i * m * n, n, m, n, k, accumulate: false);
    }

    static void Integers(long[] a, long atA, long[] b, long atB, long[] c, long atC, (int M, int N, int K) size)
    {
        for (var i = 0; i < size.M; i++)
            for (var j = 0; j < size.N; j++)
            {
                var sum = 0;
                for (var k = 0; k < size.K; k++) unchecked { sum += (int)a[atA + i * size.K + k] * (int)b[atB + k * size.N + j]; }
                c[atC + i * size.N + j] = sum;
            }
    }

    // Which matrix of an operand with broadcast batch axes belongs to matrix i of the result.
    static long Index(long i, long[] result, long[] operand)
    {
        long index = 0, stride = 1;
        for (var axis = 3; axis <= result.Length; axis++)
        {
            var size = result[result.Length - axis];
            if (axis <= operand.Length)
            {
                var mine = operand[operand.Length - axis];
                if (mine != 1) index += i % size * stride;
                stride *= mine;
            }
            i /= size;
        }
        return index;
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var b = g.Builder;
        var (x, y, dy) = (g.Input(0), g.Input(1), g.OutputGradient);
        return
        [
            g.For(0, () => g.Of(Product(b, dy, b.TransposeLast(y)))),
            // One matrix for a whole batch: its gradient is one long product instead of a sum of many.
            g.For(1, () => y.Shape.Rank == 2
                ? g.Of(b.MatMul(b.TransposeLast(Rows(b, x.Expand(Batched(x.Shape, dy.Shape)))), Rows(b, dy)))
                : x.TransposeLast().MatMul(dy)),
        ];
    }

    static Shape Batched(Shape x, Shape result) => new([.. result.Dims.Take(result.Rank - 1), x[x.Rank - 1]]);

    public override Dim Flops(Node node) => node.Output.Shape.Size * node.Inputs[0].Shape[node.Inputs[0].Shape.Rank - 1] * 2;
}
