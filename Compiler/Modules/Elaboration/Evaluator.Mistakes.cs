using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>What stands in a variable or field whose value a mistake kept from being computed.</summary>
sealed class Poison
{
    public static Poison Value { get; } = new();
}

/// <summary>Ends what needs a value that is not there because of a mistake. That is reported already, so this says nothing; it never leaves the elaborator.</summary>
sealed class PoisonedException : Exception;

/// <summary>
/// Mistakes that do not depend on each other are all reported: in operands and arguments beside each other, in statements after each other, in fields. A mistake ends the
/// statement that it is in; what that would have given a value is poison, and whatever reads poison ends likewise, without a word.
/// </summary>
sealed partial class Evaluator
{
    /// <summary>How often the evaluation goes on after something that went wrong, so that a loop over poison ends.</summary>
    const int MostGivenUp = 500;

    readonly List<GraphDiagnostic> mistakes = [];
    int givenUp;

    /// <summary>What went wrong since the last call, one report a place.</summary>
    public ImmutableArray<GraphDiagnostic> TakeMistakes()
    {
        var taken = mistakes.ToImmutableArray();
        mistakes.Clear();
        return taken;
    }

    /// <summary>Whether what stands beside something that failed is still worth a look. Not where the model's own code refuses to go on, nor where evaluating takes too much.</summary>
    bool GoesOn(Exception failure) => failure is PoisonedException
        or ElaborationException { Diagnostic.Id: not (DiagnosticIds.Thrown or DiagnosticIds.OutOfFuel or DiagnosticIds.TooDeep or DiagnosticIds.TooLarge or DiagnosticIds.Internal) } && ++givenUp <= MostGivenUp;

    void Keep(Exception failure)
    {
        if (failure is ElaborationException mistake) Keep(mistake.Diagnostic);
    }

    // A loop, or a module that is used twice, comes to the same place again.
    void Keep(GraphDiagnostic mistake)
    {
        if (mistakes.All(m => m.Id != mistake.Id || m.Location != mistake.Location)) mistakes.Add(mistake);
    }

    /// <summary>Evaluates one of several things beside each other; false when that failed.</summary>
    bool TryEvaluate(Expression expression, Scope scope, out object? value)
    {
        try
        {
            value = Evaluate(expression, scope);
            return true;
        }
        catch (Exception failure) when (GoesOn(failure))
        {
            Keep(failure);
            value = null;
            return false;
        }
    }

    /// <summary>The values of expressions beside each other: what is wrong with any of them is reported.</summary>
    object?[] Evaluate(IReadOnlyList<Expression> expressions, Scope scope)
    {
        if (expressions.Count == 0) return [];
        var values = new object?[expressions.Count];
        var isSound = true;
        for (var i = 0; i < values.Length; i++) isSound &= TryEvaluate(expressions[i], scope, out values[i]);
        return isSound ? values : throw new PoisonedException();
    }

    /// <summary>A value that is there.</summary>
    static object? Sound(object? value) => value is Poison or ArrayValue { IsPoisoned: true } or ListValue { IsPoisoned: true } ? throw new PoisonedException() : value;

    /// <summary>Takes everything that a statement would have changed for unknown, and goes on behind it where it cannot have ended the body.</summary>
    Completion GiveUp(Statement statement, Scope scope, Exception failure)
    {
        Keep(failure);
        var effects = new Effects(statement, scope);
        foreach (var container in effects.Containers)
            if (Known(container, scope) is ArrayValue array) array.IsPoisoned = true;
        foreach (var container in effects.Containers.Concat(effects.Arguments))
            if (Known(container, scope) is ListValue list) list.IsPoisoned = true;
        foreach (var name in effects.Variables) scope.Assign(name, Poison.Value);
        foreach (var field in effects.Fields)
            if (frame.This is { IsOpen: true } self) self[field.Owner, field.Field] = Poison.Value;
        if (!effects.Leaves) return Completion.Normal;
        returned = Poison.Value;
        return Completion.Return;
    }

    object? Known(Expression expression, Scope scope) => expression switch
    {
        VariableExpression variable => scope.TryGet(variable.Name, out var value) ? value : null,
        FieldExpression { Target: ThisExpression } field => frame.This?[field.Owner, field.Field],
        _ => null,
    };
}
