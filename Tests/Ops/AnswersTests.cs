using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>What operations say of themselves, which is all that passes, lowering and targets know of them.</summary>
public sealed class AnswersTests
{
    static readonly Program Empty = new("p", [], [], [], OperationTable.Set);

    static Node Node(string operation, Shape[] operands, params (string, Attr)[] attributes)
    {
        var b = new Builder(Empty, "f");
        return b.Node(operation, [.. operands.Select((s, i) => b.Argument(new(DType.F32, s), "x" + i))], AttributeMap.Of(attributes));
    }

    static ViewMap.Strided Strided(Node view) => Assert.IsType<ViewMap.Strided>(view.Operation.View(view));

    [Fact]
    public void Every_operation_answers_for_its_kind()
    {
        foreach (var operation in OperationTable.Set.All)
        {
            // Answers need a node; that the question is answered at all is seen by who answers it.
            bool Answers(string question) => operation.GetType().GetMethod(question)!.DeclaringType != typeof(Operation);
            Assert.True(Answers(nameof(Operation.View)) == (operation.Kind == OpKind.View), $"{operation}.View");
            Assert.True(Answers(nameof(Operation.Reduce)) == (operation.Kind == OpKind.Reduce), $"{operation}.Reduce");
            Assert.True(Answers(nameof(Operation.Convolution)) == (operation.Kind == OpKind.Convolution), $"{operation}.Convolution");
            Assert.True(Answers(nameof(Operation.Library)) == operation.Kind is OpKind.Library or OpKind.Contract or OpKind.Convolution, $"{operation}.Library");
        }
    }

    [Fact]
    public void A_view_has_an_offset_and_strides_over_any_operand()
    {
        var n = Dim.Symbol("N");
        var slice = Node("slice", [Shape.Of(n, 8)], ("axis", 0), ("start", new[] { 2 }), ("end", new Attr.List([n])));
        Assert.Equal("20", Strided(slice).Offset([10, 1]).ToString());
        Assert.Equal([10, 1], Strided(slice).Strides([10, 1]).Select(d => d.Constant));
        Assert.False(Strided(slice).ShowsAll(slice.Inputs[0].Shape, slice.Output.Shape));

        var expand = Node("expand", [Shape.Of(3, 1)], ("shape", Shape.Of(2, 3, 4)));
        Assert.Equal([0, 7, 0], Strided(expand).Strides([7, 5]).Select(d => d.Constant));
        Assert.True(Strided(expand).Repeats(expand.Output.Shape) && Strided(expand).ShowsAll(expand.Inputs[0].Shape, expand.Output.Shape));
        Assert.Null(Strided(expand).Invert(expand.Inputs[0].Shape, expand.Output.Shape, 0, [12, 4, 1]));

        var transpose = Node("transpose", [Shape.Of(2, 3, 4)], ("order", new[] { 2, 0, 1 }));
        Assert.Equal([2, 0, 1], Strided(transpose).Order(transpose.Inputs[0].Shape, transpose.Output.Shape).AsEnumerable());
        Assert.Equal([1, 12, 4], Strided(transpose).Strides([12, 4, 1]).Select(d => d.Constant));
        Assert.Equal([12, 4, 1], Strided(transpose).Invert(transpose.Inputs[0].Shape, transpose.Output.Shape, 0, [1, 12, 4])!.Value.Strides.Select(d => d.Constant));
        Assert.True(Strided(slice).Order(slice.Inputs[0].Shape, slice.Output.Shape).IsDefault);
    }

    // Reversed axes have no operation of their own here: the map itself is asked.
    [Fact]
    public void A_reversed_axis_is_a_negative_step_from_the_last_element()
    {
        var shape = Shape.Of(4, 6);
        var reversed = new ViewMap.Strided([3, 0], [new ViewAxis(0, -1), ViewAxis.Of(1)]);
        Assert.Equal("18", reversed.Offset([6, 1]).ToString());
        Assert.Equal([-6, 1], reversed.Strides([6, 1]).Select(d => d.Constant));
        var inverse = reversed.Invert(shape, shape, 100, [6, 1])!.Value;
        Assert.Equal((118, -6, 1), (inverse.Offset.Constant, inverse.Strides[0].Constant, inverse.Strides[1].Constant));
        Assert.True(reversed.ShowsAll(shape, shape) && reversed.Order(shape, shape).IsDefault && !reversed.Follows(shape, shape, 0) && reversed.Follows(shape, shape, 1));
        // One element short of the axis: an element is not shown.
        Assert.Null(reversed.Invert(Shape.Of(5, 6), shape, 0, [6, 1]));
        Assert.False(reversed.ShowsAll(Shape.Of(5, 6), shape));
    }

    [Fact]
    public void A_part_of_a_concatenation_is_a_view_of_the_whole()
    {
        var concat = Node("concat", [Shape.Of(2, 3), Shape.Of(2, 5), Shape.Of(2, 1)], ("axis", 1));
        var parts = concat.Operation.Library(concat)!.Parts.Cast<ViewMap.Strided>();
        Assert.Equal([0, 3, 8], parts.Select(p => p.Offset([9, 1]).Constant));
        Assert.All(parts, p => Assert.Equal([9, 1], p.Strides([9, 1]).Select(d => d.Constant)));
    }

    [Fact]
    public void A_scatter_takes_what_it_is_added_to_and_then_lies_there()
    {
        var b = new Builder(Empty, "f");
        var (rows, ids, table) = (b.Argument(new(DType.F32, Shape.Of(4, 3)), "dy"), b.Argument(new(DType.I64, Shape.Of(4)), "ids"), b.Argument(new(DType.F32, Shape.Of(9, 3)), "table"));
        var alone = b.Node("embedding_grad", [rows, ids], AttributeMap.Of(("rows", new[] { 9 })));
        var onto = b.Node("embedding_grad", [rows, ids, table], AttributeMap.Of(("rows", new[] { 9 })));
        Assert.Equal((LibraryHooks.Addend, 0), (alone.Operation.Library(alone)!.Hooks, alone.Operation.Library(alone)!.InPlace.Length));
        Assert.Equal((LibraryHooks.None, new Shared(0, 2)), (onto.Operation.Library(onto)!.Hooks, onto.Operation.Library(onto)!.InPlace[0]));
    }

    public static TheoryData<string, bool> Commuting => new()
    {
        { "add", true }, { "mul", true }, { "equal", true }, { "logical_and", true }, { "logical_or", true },
        { "sub", false }, { "div", false }, { "pow", false }, { "less", false }, { "less_equal", false }, { "remainder", false },
        // The second operand's zero wins over one of the other sign.
        { "maximum", false }, { "minimum", false },
    };

    [Theory]
    [MemberData(nameof(Commuting))]
    public void An_operation_that_commutes_gives_the_same_bits_in_either_order(string name, bool commutes)
    {
        var operation = OperationTable.Set[name];
        Assert.Equal(commutes, operation.Commutes);
        if (!commutes) return;
        var type = name.StartsWith("logical", System.StringComparison.Ordinal) ? DType.Bool : DType.F32;
        var value = ((ElementwiseOperation)operation).Value([Scalar.Input(0, type), Scalar.Input(1, type)], AttributeMap.Empty);
        double[] numbers = type == DType.Bool ? [0, 1] : [0.0, -0.0, 1, -3.5, 1e300, double.PositiveInfinity, double.NaN];
        foreach (var x in numbers)
            foreach (var y in numbers)
                Assert.Equal(System.BitConverter.DoubleToInt64Bits(ScalarEvaluator.Apply(value, x, y, 0)), System.BitConverter.DoubleToInt64Bits(ScalarEvaluator.Apply(value, y, x, 0)));
    }

    [Fact]
    public void A_number_is_known_by_what_it_computes()
    {
        var b = new Builder(Empty, "f");
        Assert.True(b.Constant(2.5, DType.F32).TryConstant(out var number) && number == 2.5);
        Assert.True(b.Size(Dim.Symbol("N"), DType.F32).TrySize(out var size) && size == Dim.Symbol("N"));
        Assert.False(b.Iota(Shape.Of(3), 0).TryConstant(out _) || b.Argument(new(DType.F32, Shape.Scalar), "x").TryConstant(out _));
        Assert.True(b.Add(b.Constant(1, DType.F32), b.Argument(new(DType.F32, Shape.Of(3)), "y")).Producer!.Is(ScalarOp.Add));
        Assert.False(b.Add(b.Constant(1, DType.I64), b.Argument(new(DType.F32, Shape.Of(3)), "z")).Producer!.Is(ScalarOp.Add)); // one operand is cast
    }
}
