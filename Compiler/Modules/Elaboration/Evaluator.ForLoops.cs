using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary><c>for (var t = 0; t &lt; x.Shape[1]; t++)</c> over an axis that has a name: a loop of the program, whose carries are the tensors that its body assigns.</summary>
sealed partial class Evaluator
{
    /// <summary>A loop whose count is a size with a name: from <paramref name="First"/> on, or down to it.</summary>
    sealed record Counted(string Variable, Dim First, Dim Count, bool Reverse);

    // What a for statement counts when it does so in steps of one and to a size that only a call knows; null for one that is evaluated turn by turn.
    Counted? Counts(ForStatement loop, Scope scope)
    {
        if (function is null || loop.Initializers.Count != 1 || loop.Updates.Count != 1 || loop.Initializers[0] is not DeclareStatement { Name: var variable }) return null;
        if (loop.Condition is not BinaryExpression { Operator: var op, Right: var right } condition || !IsVariable(condition.Left, variable)) return null;
        if (loop.Updates[0] is not ExpressionStatement { Expression: UpdateExpression { Operation: var step } update } || !IsVariable(update.Target, variable)) return null;
        while (step is ConvertExpression convert) step = convert.Operand;
        if (step is not BinaryExpression { Operator: BinaryOperator.Add or BinaryOperator.Subtract } by || !IsVariable(by.Left, update.Variable) || !IsOne(by.Right)) return null;
        var reverse = by.Operator == BinaryOperator.Subtract;
        if (reverse ? op is not (BinaryOperator.GreaterOrEqual or BinaryOperator.Greater) : op is not (BinaryOperator.Less or BinaryOperator.LessOrEqual)) return null;

        if (!scope.TryGet(variable, out var start) || Size(start) is not { } from || Size(Evaluate(right, scope)) is not { } to) return null;
        if (op is BinaryOperator.LessOrEqual) to += 1;
        if (op is BinaryOperator.Greater) to += 1;
        var (first, count) = reverse ? (to, from - to + 1) : (from, to - from);
        return first.IsConstant && !count.IsConstant ? new(variable, first, count, reverse) : null;
    }

    static bool IsVariable(Expression expression, string name)
    {
        while (expression is ConvertExpression convert) expression = convert.Operand;
        return expression is VariableExpression variable && variable.Name == name;
    }

    static bool IsOne(Expression expression)
    {
        while (expression is ConvertExpression convert) expression = convert.Operand;
        return expression is LiteralExpression { Value: var value } && Numbers.IsInteger(value) && Numbers.ToBits(value!) == 1;
    }

    void Repeat(ForStatement loop, Counted counted, Scope scope)
    {
        var outer = function!;
        if (Leaving(loop.Body) is { } leaving)
            throw Fail(DiagnosticIds.NamedLoop, leaving.Location, $"A loop over {counted.Count} goes through all of its iterations: it has a length only when the model is called, so nothing in it can end it here. Compute with Where what shall not count.");
        var carried = Assigned(loop, counted, scope);
        using var _ = outer.Builder.At(OriginOf(loop.Location));
        var starts = carried.Select(c => Leaves(c.Start, loop.Location, $"{Plain(c.Name)} is")).ToList();

        var body = new LoopBuild(outer, counted.Count);
        function = body;
        try
        {
            using var inside = body.Builder.At(OriginOf(loop.Location));
            scope.Assign(counted.Variable, new IterationValue(body, body.Index, counted.First, counted.Count, Plain(counted.Variable)));
            var carries = starts.Select((list, c) => list.Select(s => body.Argument(s.Type, Plain(carried[c].Name))).ToList()).ToList();
            for (var c = 0; c < carried.Count; c++) scope.Assign(carried[c].Name, Like(carried[c].Start, new(carries[c])));
            Execute(loop.Body, new Scope(scope));
            var nexts = new List<List<Ir.Value>>();
            foreach (var (carry, c) in carried.Select((carry, c) => (carry, c)))
            {
                scope.TryGet(carry.Name, out var next);
                next = Sound(next);
                var location = LastAssignment(loop.Body, carry.Name) ?? loop.Location;
                if (!SameForm(carry.Start, next)) throw Fail(DiagnosticIds.ScanStep, location, $"{Plain(carry.Name)} begins as {Form(carry.Start)}, but an iteration makes {Form(next)} of it.");
                nexts.Add(Leaves(next, location, $"{Plain(carry.Name)} is"));
                for (var i = 0; i < nexts[c].Count; i++) CheckCarry(carries[c][i], nexts[c][i], location);
            }
            function = outer;
            var flat = carries.SelectMany((list, c) => list.Select((v, i) => (v, starts[c][i], nexts[c][i]))).ToList();
            var (last, _) = body.Close(flat, body.Slices, [], counted.Reverse);
            foreach (var value in body.Values) iterations[value] = loop.Location;
            var results = new Queue<Ir.Value>(last);
            foreach (var (carry, c) in carried.Select((carry, c) => (carry, c)))
                scope.Assign(carry.Name, Like(carry.Start, new(starts[c].Select(_ => results.Dequeue()))));
        }
        finally
        {
            function = outer;
        }
    }

    // What ends the loop before its time: a return, or a break that is its own.
    static Statement? Leaving(Statement body)
    {
        static bool IsFunction(object node) => node is LambdaExpression or LocalFunctionStatement;
        return SyntaxWalk.All(body, IsFunction).OfType<ReturnStatement>().FirstOrDefault()
            ?? (Statement?)SyntaxWalk.All(body, n => IsFunction(n) || n is ForStatement or ForEachStatement or WhileStatement or DoStatement or SwitchStatement).OfType<BreakStatement>().FirstOrDefault();
    }

    // The variables from around the loop that its body gives new values.
    List<(string Name, object? Start)> Assigned(ForStatement loop, Counted counted, Scope scope)
    {
        var found = new List<(string, object?)>();
        foreach (var (name, location) in Assignments(loop.Body))
        {
            if (name == counted.Variable) throw Fail(DiagnosticIds.NamedLoop, location, $"{Plain(name)} counts the iterations of a loop over {counted.Count}, so its body cannot assign it.");
            if (!scope.TryGet(name, out var start) || found.Exists(f => f.Item1 == name)) continue;
            if (Sound(start) is not (Ir.Value or Handle or ScalarValue or TupleValue or ArrayValue or ListValue or null))
                throw Fail(DiagnosticIds.NamedLoop, location, $"{Plain(name)} is {Describe(start)} and assigned in a loop over {counted.Count}. What goes from iteration to iteration is a tensor, or a tuple or array of tensors: make it one.");
            found.Add((name, start));
        }
        return found;
    }

    static IEnumerable<(string Name, Location Location)> Assignments(Statement body)
    {
        foreach (var node in SyntaxWalk.All(body))
            switch (node)
            {
                case AssignExpression assign:
                    foreach (var target in Targets(assign.Target)) yield return (target, assign.Value.Location);
                    break;
                case UpdateExpression { Target: VariableExpression target } update: yield return (target.Name, update.Location); break;
                case CoalesceAssignExpression { Target: VariableExpression target } assign: yield return (target.Name, assign.Value.Location); break;
            }
    }

    static IEnumerable<string> Targets(Expression target) => target switch
    {
        VariableExpression variable => [variable.Name],
        TupleExpression tuple => tuple.Elements.SelectMany(Targets),
        _ => [],
    };

    static Location? LastAssignment(Statement body, string name) => Assignments(body).Where(a => a.Name == name).Select(a => a.Location).LastOrDefault();

    // x.1 is an x of the source.
    static string Plain(string variable) => variable.Split('.')[0];

    /// <summary><c>x.Select(axis, t)</c> in a loop over t: the slice of x that belongs to the iteration. Null for any other call.</summary>
    object? Picked(OperationExpression e, Operation operation, Scope scope)
    {
        if (operation.PicksBy is not { } name || e.Operands.Count != 1) return null;
        var by = e.Attributes.First(a => a.Name == name).Value;
        if (Evaluate(by, scope) is not IterationValue iteration) return null;
        var operand = Evaluate(e.Operands[0], scope);
        // The tensor as the loop's surroundings see it: nothing of it is read but its slices.
        var whole = operand is Handle handle ? Read(iteration.Loop.Around, handle, e.Operands[0].Location) : operand as Ir.Value ?? Tensor(operand, e.Operands[0].Location);
        var axis = Int(Evaluate(e.Attributes.First(a => a.Name == "axis").Value, scope), e.Location, "The axis");
        if (axis < -whole.Shape.Rank || axis >= whole.Shape.Rank) throw Fail("GR2002", e.Location, $"Select picks along axis {axis}, but {whole.Shape} has {whole.Shape.Rank} axes.");
        axis = whole.Shape.Axis(axis);
        var (low, _) = (whole.Shape[axis] - iteration.First - iteration.Count).Range(symbol => dims.TryGetValue(symbol, out var dim) ? (1, dim.Max) : (1, long.MaxValue));
        if (low < 0)
            throw Fail("GR2009", by.Location, $"{iteration.Name} goes to {iteration.First + iteration.Count - 1}, but axis {axis} of {whole.Shape} ends at {whole.Shape[axis] - 1}.");
        return function!.Own(iteration.Loop.Slice(whole, axis, iteration.First) ?? throw Fail(DiagnosticIds.NamedLoop, e.Operands[0].Location,
            $"The tensor is computed in the loop, so only its iteration's own is there: {iteration.Name} picks from tensors that come from around the loop."));
    }
}
