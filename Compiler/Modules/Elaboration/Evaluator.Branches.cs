using System.Collections.Generic;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary><c>Tensor.If</c>: two bodies, of which a call runs one.</summary>
sealed partial class Evaluator
{
    // condition, yes, no
    object If(object?[] a, LibraryCallExpression call)
    {
        var builder = Builder(call.Location);
        var outer = function!;
        using var _ = builder.At(OriginOf(call.Location));
        var condition = Tensor(a[0], call.Arguments[0].Location);
        if (condition is not { DType: DType.Bool, Shape.Rank: 0 })
            throw Fail(DiagnosticIds.Condition, call.Arguments[0].Location, $"The condition is {condition.Type}, but has to be one bool: a comparison of scalars, or All and Any of many put together with Min, Max or Sum. Where chooses element by element.");
        var (yes, form) = Side(outer, a[1], call.Arguments[1], call.Location);
        var (no, other) = Side(outer, a[2], call.Arguments[2], call.Location);
        if (!SameForm(form, other)) throw Fail(DiagnosticIds.Sides, Returned(call.Arguments[2], []), $"One side gives {Form(form)}, the other {Form(other)}.");
        for (var i = 0; i < yes.Results.Count; i++)
            if (yes.Results[i].Type != no.Results[i].Type)
                throw Fail(DiagnosticIds.Sides, Returned(call.Arguments[2], Path(other, i)), $"Both sides give tensors of the same types, but one gives {yes.Results[i].Type} and the other {no.Results[i].Type}.");
        var results = BranchBuild.Close(condition, yes, no);
        foreach (var side in new[] { yes.Build, no.Build })
            foreach (var value in side.Values) iterations[value] = call.Location;
        return Like(form, new(results))!;
    }

    ((BranchBuild Build, List<Ir.Value> Results) Side, object? Form) Side(FunctionBuild outer, object? body, Expression expression, Location location)
    {
        var build = new BranchBuild(outer);
        function = build;
        try
        {
            using var _ = build.Builder.At(OriginOf(location));
            var form = Invoke(body, [], expression.Location);
            return ((build, Leaves(form, expression.Location, "A side gives")), form);
        }
        finally
        {
            function = outer;
        }
    }
}
