using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary><c>Tensor.Scan</c> and <c>Tensor.While</c>: a body that is evaluated once, for every iteration.</summary>
sealed partial class Evaluator
{
    readonly Dictionary<Ir.Value, Location> iterations = []; // values of bodies that are done, and their loops

    // start, inputs, step, axis, reverse, lengths
    object Scan(object?[] a, LibraryCallExpression call)
    {
        var (startAt, inputsAt, stepAt, lengthsAt) = (call.Arguments[0].Location, call.Arguments[1].Location, call.Arguments[2], call.Arguments[5].Location);
        var builder = Builder(call.Location);
        var outer = function!;
        var reverse = Truth(a[4], call.Arguments[4].Location);
        using var _ = builder.At(OriginOf(call.Location));
        var starts = Leaves(a[0], startAt, "The carry begins with");
        var (whole, count, axis) = Sequences(Leaves(a[1], inputsAt, "What is scanned is"), Int(a[3], call.Arguments[3].Location, "The axis"), inputsAt);
        var lengths = a[5] is null ? null : Lengths(Tensor(a[5], lengthsAt), lengthsAt);

        var body = new LoopBuild(outer, count);
        function = body;
        try
        {
            using var inside = body.Builder.At(OriginOf(call.Location));
            var carries = starts.Select((s, i) => body.Argument(s.Type, "carry" + i)).ToList();
            var slices = whole.Select((s, i) => body.Argument(s.Type.With(s.Shape.Remove(0)), "slice" + i)).ToList();
            var step = Invoke(a[2], [Like(a[0], new(carries)), Like(a[1], new(slices))], stepAt.Location);
            var (next, outputs) = step is TupleValue { Items.Length: 2 } pair ? (pair.Items[0], pair.Items[1])
                : throw Fail(DiagnosticIds.ScanStep, stepAt.Location, $"The step gives {Describe(step)}, but has to give a pair: the carry for the next iteration, and what is kept of this one.");
            var nexts = Leaves(next, stepAt.Location, "The next carry is");
            if (nexts.Count != carries.Count || !SameForm(a[0], next))
                throw Fail(DiagnosticIds.ScanStep, Returned(stepAt, [0]), $"The carry begins with {Form(a[0])}, but the step makes {Form(next)} of it.");
            for (var i = 0; i < carries.Count; i++) CheckCarry(carries[i], nexts[i], Returned(stepAt, [0, .. Path(a[0], i)]));
            var kept = Leaves(outputs, stepAt.Location, "What is kept is");
            foreach (var output in kept)
                if (axis > output.Shape.Rank)
                    throw Fail(DiagnosticIds.ScanStep, Returned(stepAt, [1]), $"What is kept of an iteration is {output.Shape}, so the iterations cannot be put together along axis {axis}: there are at most {output.Shape.Rank + 1} axes.");
            if (lengths is not null) (nexts, kept) = Masked(body, body.Index, lengths, carries, nexts, kept, stepAt, lengthsAt);

            function = outer;
            var (last, stacks) = body.Close([.. carries.Select((c, i) => (c, starts[i], nexts[i]))], [.. slices.Select((s, i) => (s, whole[i]))], kept, reverse);
            foreach (var value in body.Values) iterations[value] = call.Location;
            foreach (var stack in stacks)
                if (TooLarge("What Scan keeps of all iterations", stack.Shape) is { } size) throw Fail(DiagnosticIds.TooManyElements, Returned(stepAt, [1]), size);
            return new TupleValue([Like(a[0], new(last)), Like(outputs, new(stacks.Select(s => MoveFirst(builder, s, axis))))]);
        }
        finally
        {
            function = outer;
        }
    }

    // start, condition, step, most
    object While(object?[] a, LibraryCallExpression call)
    {
        var (startAt, conditionAt, stepAt, mostAt) = (call.Arguments[0].Location, call.Arguments[1], call.Arguments[2], call.Arguments[3].Location);
        var builder = Builder(call.Location);
        var outer = function!;
        if (Size(a[3]) is not { } most) throw Fail(DiagnosticIds.Unsupported, mostAt, $"The most iterations are a whole number or a size, but this is {Describe(a[3])}.");
        if (most.Range(symbol => dims.TryGetValue(symbol, out var dim) ? (1, dim.Max) : (1, long.MaxValue)).High < 1) throw WouldThrow(mostAt, $"A loop of at most {most} iterations never runs.");
        using var _ = builder.At(OriginOf(call.Location));
        var starts = Leaves(a[0], startAt, "The carry begins with");
        Ir.Value Goes(object? carry) => Tensor(Invoke(a[1], [carry], conditionAt.Location), conditionAt.Location) is var flag && flag is { DType: DType.Bool, Shape.Rank: 0 } ? flag
            : throw Fail(DiagnosticIds.Condition, Returned(conditionAt, []), $"The condition is {flag.Type}, but has to be one bool.");
        var first = Goes(Like(a[0], new(starts)));

        var body = new LoopBuild(outer, most);
        function = body;
        try
        {
            using var inside = body.Builder.At(OriginOf(call.Location));
            var flag = body.Argument(first.Type, "go");
            var carries = starts.Select((s, i) => body.Argument(s.Type, "carry" + i)).ToList();
            var next = Invoke(a[2], [Like(a[0], new(carries))], stepAt.Location);
            var nexts = Leaves(next, stepAt.Location, "The next carry is");
            if (!SameForm(a[0], next)) throw Fail(DiagnosticIds.ScanStep, Returned(stepAt, []), $"The carry begins with {Form(a[0])}, but the step makes {Form(next)} of it.");
            for (var i = 0; i < carries.Count; i++) CheckCarry(carries[i], nexts[i], Returned(stepAt, Path(a[0], i)));
            var again = Goes(Like(a[0], new(nexts)));

            function = outer;
            var (last, _) = body.Close([(flag, first, again), .. carries.Select((c, i) => (c, starts[i], nexts[i]))], [], [], reverse: false, isConditional: true);
            foreach (var value in body.Values) iterations[value] = call.Location;
            return Like(a[0], new(last.Skip(1)))!;
        }
        finally
        {
            function = outer;
        }
    }

    // Every tensor in tuples, arrays and lists, in order.
    List<Ir.Value> Leaves(object? value, Location location, string what)
    {
        var leaves = new List<Ir.Value>();
        void Add(object? item)
        {
            switch (Sound(item))
            {
                case TupleValue tuple: foreach (var i in tuple.Items) Add(i); break;
                case ArrayValue or ListValue: foreach (var i in Items(item, location)) Add(i); break;
                case Ir.Value or Handle or ScalarValue: leaves.Add(Tensor(item, location)); break;
                case null: throw Fail(DiagnosticIds.NullTensor, location, $"{what} null. {NoTensor}");
                default: throw Fail(DiagnosticIds.ScanStep, location, $"{what} {Describe(item)}, but has to be a tensor, or a tuple or array of tensors.");
            }
        }
        Add(value);
        return leaves;
    }

    // The same form with other tensors.
    static object? Like(object? form, Queue<Ir.Value> leaves) => form switch
    {
        TupleValue tuple => new TupleValue([.. tuple.Items.Select(i => Like(i, leaves))]),
        ArrayValue array => new ArrayValue([.. array.Items.Select(i => Like(i, leaves))], array.Element, array.Lengths),
        ListValue list => new ListValue([.. list.Items.Select(i => Like(i, leaves))], list.Element),
        _ => leaves.Dequeue(),
    };

    static bool SameForm(object? a, object? b) => (a, b) switch
    {
        (TupleValue x, TupleValue y) => x.Items.Length == y.Items.Length && x.Items.Zip(y.Items, SameForm).All(same => same),
        (ArrayValue x, ArrayValue y) => x.Items.Length == y.Items.Length && x.Items.Zip(y.Items, SameForm).All(same => same),
        (ListValue x, ListValue y) => x.Items.Count == y.Items.Count && x.Items.Zip(y.Items, SameForm).All(same => same),
        _ => a is not (TupleValue or ArrayValue or ListValue) && b is not (TupleValue or ArrayValue or ListValue),
    };

    string Form(object? value) => value switch
    {
        TupleValue tuple => "(" + string.Join(", ", tuple.Items.Select(Form)) + ")",
        ArrayValue array => "[" + string.Join(", ", array.Items.Select(Form)) + "]",
        ListValue list => "[" + string.Join(", ", list.Items.Select(Form)) + "]",
        _ => Describe(value),
    };

    // Where in nested tuples the n-th tensor is.
    static ImmutableArray<int> Path(object? form, int leaf)
    {
        var seen = 0;
        ImmutableArray<int>? Find(object? value, ImmutableArray<int> path)
        {
            if (value is TupleValue tuple)
            {
                for (var i = 0; i < tuple.Items.Length; i++)
                    if (Find(tuple.Items[i], path.Add(i)) is { } found) return found;
                return null;
            }
            return seen++ == leaf ? path : null;
        }
        return Find(form, []) ?? [];
    }

    // Where a step returns what it gives at a path in nested tuples, as far as that can be told from its text.
    static Location Returned(Expression step, ImmutableArray<int> path)
    {
        if (step is not LambdaExpression lambda) return step.Location;
        var returns = lambda.Body.Statements.OfType<ReturnStatement>().ToList();
        if (returns.Count != 1 || returns[0].Value is not { } value) return step.Location;
        foreach (var place in path)
        {
            if (value is not TupleExpression tuple || place >= tuple.Elements.Count) break;
            value = tuple.Elements[place];
        }
        return value.Location;
    }

    void CheckCarry(Ir.Value before, Ir.Value after, Location location)
    {
        if (before.Type == after.Type) return;
        if (before.Shape != after.Shape)
            throw Fail(DiagnosticIds.CarryShape, location, $"A carry has one shape in all iterations: it begins as {before.Shape}, but the step makes {after.Shape} of it."
                + (Broadcasts(before.Shape, after.Shape) ? $" Begin with {after.Shape}: x.Expand(…) or Tensor.Zeros(…) makes it." : ""));
        throw Fail(DiagnosticIds.CarryType, location, $"A carry has one element type in all iterations: it begins as {before.DType.Name()}, but the step makes {after.DType.Name()} of it. Begin with that type, or convert what the step gives with Cast.");
    }

    static bool Broadcasts(Shape from, Shape to)
    {
        try
        {
            return Shape.Broadcast(from, to) == to;
        }
        catch (ShapeException)
        {
            return false;
        }
    }

    // What is scanned, with its axis in front.
    (List<Ir.Value> Whole, Dim Count, int Axis) Sequences(List<Ir.Value> sequences, int axis, Location location)
    {
        if (sequences.Count == 0) throw Fail(DiagnosticIds.ScanStep, location, "There is nothing to scan: give a tensor, or several of one length along the axis.");
        Dim? count = null;
        var first = -1;
        var whole = new List<Ir.Value>();
        foreach (var sequence in sequences)
        {
            var rank = sequence.Shape.Rank;
            if (axis < -rank || axis >= rank) throw Fail("GR2002", location, $"Scan goes along axis {axis}, but {sequence.Shape} has {rank} axes.");
            var along = sequence.Shape.Axis(axis);
            if (first >= 0 && along != first) throw Fail(DiagnosticIds.ScanStep, location, $"Axis {axis} is another one in each of the tensors that are scanned: count it from the front.");
            first = along;
            if (count is not null && sequence.Shape[along] != count)
                throw Fail(DiagnosticIds.Shape, location, $"What is scanned together has one length along axis {axis}, but one is {count} long and another {sequence.Shape[along]}: {string.Join(", ", sequences.Select(s => s.Shape))}.");
            count = sequence.Shape[along];
            whole.Add(function!.Builder.Transpose(sequence, [along, .. Enumerable.Range(0, rank).Where(i => i != along)]));
        }
        return (whole, count!, first);
    }

    static Ir.Value MoveFirst(Builder builder, Ir.Value stack, int axis)
    {
        var order = Enumerable.Range(1, stack.Shape.Rank - 1).ToList();
        order.Insert(axis, 0);
        return builder.Transpose(stack, order);
    }

    Ir.Value Lengths(Ir.Value lengths, Location location) => lengths.Shape.Rank == 1 && lengths.DType.IsInteger() ? lengths
        : throw Fail(DiagnosticIds.ScanLengths, location, $"Lengths are one whole number a row, but these are {lengths.Type}.");

    // Rows that are at their end keep their carries, and nothing is kept of them.
    (List<Ir.Value> Nexts, List<Ir.Value> Kept) Masked(
        LoopBuild body, Ir.Value index, Ir.Value lengths, List<Ir.Value> carries, List<Ir.Value> nexts, List<Ir.Value> kept, Expression step, Location location)
    {
        var b = body.Builder;
        var rows = lengths.Shape[0];
        var isOn = b.Less(index, b.Cast(body.Own(lengths), DType.I64));
        Ir.Value Choose(Ir.Value yes, Ir.Value no, int place)
        {
            if (yes.Shape.Rank == 0 || yes.Shape[0] != rows)
                throw Fail(DiagnosticIds.ScanLengths, location, $"There are {rows} lengths, one a row, but {(place == 0 ? "a carry" : "what is kept of an iteration")} is {yes.Shape}: its first axis has to be the rows.");
            var shape = new Shape([rows, .. Enumerable.Repeat(Dim.One, yes.Shape.Rank - 1)]);
            return b.Where(b.Reshape(isOn, shape), yes, no);
        }
        return ([.. nexts.Select((n, i) => Choose(n, carries[i], 0))], [.. kept.Select(k => Choose(k, b.Zeros(k.Type), 1))]);
    }
}
