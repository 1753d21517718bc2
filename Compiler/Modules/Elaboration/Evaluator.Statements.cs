using System;

namespace Graph.Compiler.Modules.Elaboration;

sealed partial class Evaluator
{
    Completion Execute(Statement statement, Scope scope)
    {
        Step(statement.Location);
        try
        {
            return Run(statement, scope);
        }
        catch (Exception failure) when (GoesOn(failure))
        {
            return GiveUp(statement, scope, failure);
        }
    }

    Completion Run(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case BlockStatement block:
                return Execute(block.Statements, new Scope(scope));
            case DeclareStatement declare:
                scope.Declare(declare.Name, declare.Value is null ? null : Evaluate(declare.Value, scope));
                return Completion.Normal;
            case ExpressionStatement expression:
                Evaluate(expression.Expression, scope);
                return Completion.Normal;
            case IfStatement branch:
                if (Condition(branch.Condition, scope)) return Execute(branch.Then, scope);
                return branch.Else is null ? Completion.Normal : Execute(branch.Else, scope);
            case ReturnStatement result:
                returned = result.Value is null ? null : Evaluate(result.Value, scope);
                return Completion.Return;
            case ForStatement loop:
                return Execute(loop, new Scope(scope));
            case ForEachStatement loop:
                return Execute(loop, scope);
            case WhileStatement loop:
                while (Condition(loop.Condition, scope))
                    if (Ends(Execute(loop.Body, new Scope(scope)), out var completion)) return completion;
                return Completion.Normal;
            case DoStatement loop:
                do
                {
                    if (Ends(Execute(loop.Body, new Scope(scope)), out var completion)) return completion;
                }
                while (Condition(loop.Condition, scope));
                return Completion.Normal;
            case SwitchStatement choice:
                return Execute(choice, scope);
            case BreakStatement:
                return Completion.Break;
            case ContinueStatement:
                return Completion.Continue;
            case LocalFunctionStatement:
                return Completion.Normal;
            default:
                throw Fail(DiagnosticIds.Unsupported, statement.Location, $"A {statement.GetType().Name} cannot be evaluated while a model is compiled.");
        }
    }

    /// <summary>Statements that share a scope; their local functions are known from the start.</summary>
    Completion Execute(EquatableArray<Statement> statements, Scope scope)
    {
        foreach (var statement in statements)
            if (statement is LocalFunctionStatement function) scope.Declare(new Closure(function.Parameters, function.Body, scope, frame, function.Name));
        foreach (var statement in statements)
        {
            var completion = Execute(statement, scope);
            if (completion != Completion.Normal) return completion;
        }
        return Completion.Normal;
    }

    // Whether a body's completion ends the loop around it, and how the loop then completes.
    static bool Ends(Completion body, out Completion completion)
    {
        completion = body == Completion.Return ? Completion.Return : Completion.Normal;
        return body is Completion.Break or Completion.Return;
    }

    Completion Execute(ForStatement loop, Scope scope)
    {
        Execute(loop.Initializers, scope);
        if (Counts(loop, scope) is { } counted)
        {
            Repeat(loop, counted, scope);
            return Completion.Normal;
        }
        while (loop.Condition is null || Condition(loop.Condition, scope))
        {
            Step(loop.Location);
            if (Ends(Execute(loop.Body, new Scope(scope)), out var completion)) return completion;
            foreach (var update in loop.Updates) Execute(update, scope);
        }
        return Completion.Normal;
    }

    Completion Execute(ForEachStatement loop, Scope scope)
    {
        var sequence = Evaluate(loop.Sequence, scope);
        // Lists are walked live, as C# does, except that growing one while walking it is an error there.
        var items = Items(sequence, loop.Sequence.Location);
        var count = items.Count;
        for (var i = 0; i < count; i++)
        {
            if (items.Count != count) throw WouldThrow(loop.Sequence.Location, "The list changes while a foreach walks it.");
            var inner = new Scope(scope);
            Assign(loop.Target, items[i], inner);
            if (Ends(Execute(loop.Body, inner), out var completion)) return completion;
        }
        return Completion.Normal;
    }

    Completion Execute(SwitchStatement choice, Scope scope)
    {
        var value = Evaluate(choice.Value, scope);
        var inner = new Scope(scope);
        SwitchSection? chosen = null;
        foreach (var section in choice.Sections)
        {
            foreach (var label in section.Labels)
                if (label.Pattern is not null && Matches(value, label.Pattern, inner) && (label.When is null || Condition(label.When, inner)))
                {
                    chosen = section;
                    break;
                }
            if (chosen is not null) break;
        }
        if (chosen is null)
            foreach (var section in choice.Sections)
                foreach (var label in section.Labels)
                    if (label.Pattern is null) chosen = section;
        if (chosen is null) return Completion.Normal;
        var completion = Execute(chosen.Body, inner);
        return completion == Completion.Break ? Completion.Normal : completion;
    }

    bool Condition(Expression condition, Scope scope) => Evaluate(condition, scope) switch
    {
        bool value => value,
        Ir.Value or Handle or ScalarValue => throw NotKnown(condition.Location,
            "The condition depends on the numbers in a tensor, which are not known while the model is compiled. Compute both sides and choose between them with Where(condition, yes, no)."),
        null => throw WouldThrow(condition.Location, "The condition is null."),
        var other => throw Fail(DiagnosticIds.Unsupported, condition.Location, $"The condition is {Describe(other)}, not a bool."),
    };
}
