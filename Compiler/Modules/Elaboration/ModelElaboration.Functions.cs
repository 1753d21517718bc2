using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Modules.Elaboration;

sealed partial class ModelElaboration
{
    /// <summary>What a function is compiled for.</summary>
    enum FunctionMode
    {
        /// <summary>Mode.Training is false; an entry keeps what it assigns to states, a loss does not.</summary>
        Evaluation,
        /// <summary>An entry in training mode: it keeps nothing.</summary>
        TrainingEntry,
        /// <summary>The loss as a training step computes it.</summary>
        Step,
    }

    Function Build(MethodDef method, ClassDef type, string name, FunctionMode mode)
    {
        evaluator.Enter(ShortName, model.Name, instance, method.Location);
        if (method.IsStatic) throw evaluator.Fail(DiagnosticIds.EntryParameter, method.Location, $"{method.Name} is static, so it cannot use the model's parameters. Remove static.");
        var builder = new Builder(program, name);
        var arguments = method.Parameters.Select(p => (object?)builder.Argument(ArgumentType(method, p), p.Name)).ToArray();
        Func<Value> seed;
        if (mode == FunctionMode.Step)
        {
            if (method.Parameters.FirstOrDefault(p => p.Name is "seed" or "learning_rate" or "step") is { } reserved)
                throw evaluator.Fail(DiagnosticIds.EntryParameter, reserved.Location, $"A training step has an argument named {reserved.Name} of its own. Rename this one.");
            var argument = builder.Argument(new(DType.I64, Shape.Scalar), "seed");
            seed = () => argument;
        }
        else seed = () => builder.Argument(new(DType.I64, Shape.Scalar), TrainingSignature.CallSeed);
        var build = evaluator.Function = new(builder, mode != FunctionMode.Evaluation, seed, keepsStates: mode == FunctionMode.Step || (mode == FunctionMode.Evaluation && method.Role == MethodRole.Entry));
        foreach (var argument in arguments) build.Give((Value)argument!);
        evaluator.Substitute();
        var returned = evaluator.Call(method, instance, type.Name, type.IsOwn, arguments, method.Location);
        var results = Results(method, returned);
        if (method.Role == MethodRole.Loss) results = [Loss(method, builder, results)];
        var names = method.Role == MethodRole.Loss ? ["loss"] : ResultNames(method, results.Length);
        var function = builder.Build(results, build.Updates, names);
        evaluator.Function = null;
        CheckClosed(method, function);
        (function, var calls) = Repeats.Unfold(function, build.Calls, program, out var unfolded);
        function = Prune(function, out var number, out var pruned);
        program = program with { Requirements = [.. program.Requirements, .. Needs.Sizes(function, program.Dims)], Ranges = [.. program.Ranges, .. Needs.Indices(function)] };
        function = WithoutChecks(function, number, out var withoutChecks);
        return outline.Run(function, number, calls, value => unfolded(value) is { } first && pruned(first) is { } second ? withoutChecks(second) : null);
    }

    /// <summary>Without the operations that nothing needs; numbers and sizes that met no other element type get their own.</summary>
    /// <param name="function">The function as it was built.</param>
    /// <param name="number">The number of each node that is left when it was built.</param>
    /// <param name="now">What the function's values are in the result; null for one that is gone.</param>
    Function Prune(Function function, out Dictionary<Node, int> number, out Func<Value, Value?> now)
    {
        number = [];
        var live = new HashSet<Value>(function.Roots);
        foreach (var node in function.Nodes.Reverse())
            if (node.Outputs.Any(live.Contains)) live.UnionWith(node.Inputs);
        var rewriter = new Rewriter(program, function.Name);
        foreach (var p in function.Parameters)
            if (p.Name != TrainingSignature.CallSeed || live.Contains(p)) rewriter.Map[p] = rewriter.Builder.Argument(p.Type, p.Name!);
        foreach (var s in function.States)
            if (live.Contains(s)) rewriter.Map[s] = rewriter.Builder.State(s);
        for (var i = 0; i < function.Nodes.Length; i++)
            if (function.Nodes[i] is var node && node.Outputs.Any(live.Contains))
                number[rewriter.Emit(node, node.Operation.IsUntyped(node.Attributes) ? node.Attributes.With("dtype", node.Output.DType) : node.Attributes, node.Regions)] = i;
        now = Now(rewriter);
        return rewriter.Finish(function);
    }

    // What the caller gives is checked before a call; an operation that would look at it again goes.
    Function WithoutChecks(Function function, Dictionary<Node, int> number, out Func<Value, Value?> now)
    {
        static bool IsChecked(Node node) => node.Operation.IsCheck && Arguments.Are(node.Inputs[0]);
        now = value => value;
        if (!function.Nodes.Any(IsChecked)) return function;
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
            if (IsChecked(node)) rewriter.Map[node.Output] = rewriter[node.Inputs[0]];
            else number[rewriter.Copy(node)] = number[node];
        now = Now(rewriter);
        return rewriter.Finish(function);
    }

    static Func<Value, Value?> Now(Rewriter rewriter) => value => rewriter.Map.TryGetValue(value, out var mine) ? mine : null;

    TensorType ArgumentType(MethodDef method, ParameterDef parameter)
    {
        var type = parameter.Type.Kind == TypeKind.Nullable ? parameter.Type.Arguments[0] : parameter.Type;
        if (type.Kind != TypeKind.Tensor)
            throw evaluator.Fail(DiagnosticIds.EntryParameter, parameter.Location, $"{method.Name} is called from outside of the model, so it takes tensors, but {parameter.Name} is {parameter.Type}. Make it a hyper-parameter of the model.");
        if (!parameter.HasShape)
            throw evaluator.Fail(DiagnosticIds.EntryParameter, parameter.Location, $"{parameter.Name} comes from outside of the model, so its shape has to be said: [Shape(…)] Tensor {parameter.Name}.");
        var sizes = new List<Dim>();
        foreach (var dim in parameter.Shape)
        {
            if (dim.Symbol is { } symbol)
            {
                if (!dims.ContainsKey(symbol))
                    throw evaluator.Fail(DiagnosticIds.UndeclaredDimension, parameter.Location,
                        $"The dimension {symbol} of {parameter.Name} is not declared. Add [Dim(\"{symbol}\", Max = …)] to {ShortName}{(dims.Count > 0 ? ", which declares " + string.Join(", ", dims.Keys) : "")}.");
                sizes.Add(Dim.Symbol(symbol));
            }
            else
            {
                if (dim.Value < 1) throw evaluator.Fail(DiagnosticIds.EntryParameter, parameter.Location, $"A size of {parameter.Name} is {dim}, but sizes are at least 1.");
                sizes.Add(dim.Value);
            }
        }
        var element = Element(parameter, type);
        if (evaluator.Refuse(element) is { } reason) throw evaluator.Fail(DiagnosticIds.ElementType, parameter.Location, $"{parameter.Name} holds {type.Arguments[0]}. {reason}.");
        if (evaluator.TooLarge(parameter.Name, new(sizes), isSeen: true) is { } size) throw evaluator.Fail(DiagnosticIds.TooManyElements, parameter.Location, size);
        return new(element, new(sizes));
    }

    DType Element(ParameterDef parameter, TypeRef type) => ElementTypes.Of(type) ?? throw evaluator.Fail(
        DiagnosticIds.EntryParameter, parameter.Location, $"{parameter.Name} holds {type.Arguments[0]}, which is no element type: use float, double, Half, long, int, sbyte, byte or bool.");

    ImmutableArray<Value> Results(MethodDef method, object? returned) => returned switch
    {
        TupleValue tuple => [.. tuple.Items.Select(item => Result(method, item))],
        ArrayValue array => [.. array.Items.Select(item => Result(method, item))],
        ListValue list => [.. list.Items.Select(item => Result(method, item))],
        _ => [Result(method, returned)],
    };

    Value Result(MethodDef method, object? value) => value is Value or Handle or ScalarValue or null
        ? Seen(method, evaluator.Tensor(value, method.Location))
        : throw evaluator.Fail(DiagnosticIds.EntryResult, method.Location, $"{method.Name} is called from outside of the model, so it returns a Tensor or a tuple of tensors, but what it returns is {evaluator.Name(value)}.");

    Value Seen(MethodDef method, Value result) =>
        result.DType == DType.BF16 ? throw evaluator.Fail(DiagnosticIds.ElementType, method.Location, $"{method.Name} returns bf16, for which C# has no type: Cast(ElementType.F32) converts it.") :
        evaluator.TooLarge($"The result of {method.Name}", result.Shape, isSeen: true) is { } size ? throw evaluator.Fail(DiagnosticIds.TooManyElements, method.Location, size) : result;

    static ImmutableArray<string> ResultNames(MethodDef method, int count)
    {
        var names = method.Returns.Kind == TypeKind.Tuple && method.Returns.Name.Length > 0 ? method.Returns.Name.Split(',') : [];
        return names.Length == count && names.All(n => n.Length > 0) ? [.. names] : [];
    }

    Value Loss(MethodDef method, Builder builder, ImmutableArray<Value> results)
    {
        if (results.Length != 1)
            throw evaluator.Fail(DiagnosticIds.LossResult, method.Location, $"The loss {method.Name} returns {results.Length} tensors, but a loss is one number.");
        var loss = results[0];
        if (!loss.Shape.Size.Is(1))
            throw evaluator.Fail(DiagnosticIds.LossResult, method.Location, $"The loss {method.Name} returns a tensor of shape {loss.Shape}, but a loss is one number. Reduce it with Mean() or Sum().");
        if (!loss.DType.IsFloat())
            throw evaluator.Fail(DiagnosticIds.LossResult, method.Location, $"The loss {method.Name} returns {loss.DType.Name()}, which has no gradient. A loss is a real number.");
        return builder.Reshape(loss, Shape.Scalar);
    }

    // Lists and static fields outlive a function: a tensor kept in one must not turn up in another function.
    void CheckClosed(MethodDef method, Function function)
    {
        var defined = new HashSet<Value>(function.Parameters.Concat(function.States));
        foreach (var node in function.Nodes)
        {
            foreach (var input in node.Inputs)
                if (!defined.Contains(input)) throw Foreign(method, node.Origins.FirstOrDefault());
            foreach (var output in node.Outputs) defined.Add(output);
        }
        if (function.Roots.Any(r => !defined.Contains(r))) throw Foreign(method, null);
    }

    ElaborationException Foreign(MethodDef method, Origin? origin) => evaluator.Fail(DiagnosticIds.ForeignTensor, method.Location,
        $"{method.Name} uses a tensor that was computed in another function of the model{(origin is null ? "" : $" ({evaluator.PlaceOf(origin)})")}. Tensors do not outlive a call: keep running values in a State.");
}
