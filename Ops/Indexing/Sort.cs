using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The elements along an axis in ascending or descending order, and where each of them stood (i64). Equal elements keep their order; not a number counts as the largest, as in PyTorch.</summary>
    /// <remarks>Of the largest or smallest alone, see <see cref="TopK"/>.</remarks>
    [Operation("sort")]
    public (Tensor Values, Tensor Indices) Sort(int axis = -1, bool descending = false)
    {
        var results = Eager.RunAll("sort", [this], ("axis", axis), ("descending", descending));
        return (results[0], results[1]);
    }
}

/// <summary>Operand: x. Results: the sorted elements, and their indices along <c>axis</c>.</summary>
sealed class SortOperation : Operation
{
    public override string Name => "sort";
    public override OpKind Kind => OpKind.Library;

    // It reads a line and writes a line, each at a step of its own.
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.AnyType, Strided = [0], StridedResults = [0, 1], ThreadBytes = Entries(node.Inputs[0].Type, node.Attributes.Axis(node.Inputs[0].Shape)) };

    // The keys of a line with their places, twice.
    static Dim Entries(TensorType type, int axis) => type.Shape[axis] * (2 * 2 * System.Math.Max(32, type.DType.Bits()) / 8);

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("axis", attributes.Axis(operands[0].Shape)), ("descending", attributes.Bool("descending"))));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        context.Attributes.Axis(context.Shape(0));
        return [context[0], new(DType.I64, context.Shape(0))];
    }

    public override void Evaluate(Evaluation e)
    {
        var (x, values, indices) = (e[0], e.Create(0), e.Create(1));
        var axis = e.Attributes.Axis(e.Node.Inputs[0].Shape);
        var (extent, inner) = (x.Shape[axis], x.Strides()[axis]);
        var sign = e.Attributes.Bool("descending") ? -1 : 1;
        for (long line = 0; line < x.Size / Math.Max(1, extent); line++)
        {
            var start = line / inner * extent * inner + line % inner;
            var order = Enumerable.Range(0, (int)extent).ToArray();
            Array.Sort(order, Comparer<int>.Create((i, k) => sign * Compare(x, start + i * inner, start + k * inner) is var c and not 0 ? c : i.CompareTo(k)));
            for (long k = 0; k < extent; k++)
            {
                var from = start + order[k] * inner;
                if (x.Real is { } real) values.Real[start + k * inner] = real[from];
                else values.Int[start + k * inner] = x.Int[from];
                indices.Int[start + k * inner] = order[k];
            }
        }
    }

    static int Compare(TensorData x, long a, long b) => x.Real is not { } real ? x.Int[a].CompareTo(x.Int[b])
        : double.IsNaN(real[a]) || double.IsNaN(real[b]) ? double.IsNaN(real[a]).CompareTo(double.IsNaN(real[b]))
        : real[a] < real[b] ? -1 : real[a] > real[b] ? 1 : 0;

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var axis = g.Attributes.Axis(g.X.Shape);
        return [g.For(0, () => g.Of(g.Builder.Emit("gather_grad", [g.OutputGradient, g.Result(1)], ("axis", axis), ("size", Attributes.List(g.X.Shape[axis])))))];
    }

    public override Dim Flops(Node node) => node.Outputs[0].Shape.Size;
}
