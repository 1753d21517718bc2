using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>
/// Applies an optimizer's rule, the function <c>callee</c> of one row of any length, to many parameters. Operands: the rule's numbers, then for each parameter what the rule takes as rows, in its order and of the
/// parameter's shape; results: for each parameter what the rule gives. One operation from the moment that training asks for it until it is lowered to one launch, so that no pass pays for each parameter.
/// </summary>
public sealed class UpdateOperation : Operation
{
    public override string Name => "update";
    public override OpKind Kind => OpKind.Structure;

    public override bool MayThrow(Node node, Program program) => CallOperation.Callee(program, node.Attributes).Nodes.Any(n => n.Operation.MayThrow(n, program));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        var rule = CallOperation.Callee(context.Program, context.Attributes);
        var types = ImmutableArray.CreateBuilder<TensorType>();
        for (var part = 0; part < Count(rule, context.Inputs.Length); part++)
        {
            TensorType? like = null;
            for (var i = 0; i < rule.Parameters.Length; i++)
            {
                var (expected, given) = (rule.Parameters[i].Type, context[Operand(rule, part, i)]);
                if (!IsNumber(rule.Parameters[i])) like ??= given;
                if (given.DType != expected.DType || given.Shape != (IsNumber(rule.Parameters[i]) ? expected.Shape : like!.Shape))
                    throw new ShapeException($"operand {Operand(rule, part, i)} of update is {given}, expected {expected.DType.Name()}{(IsNumber(rule.Parameters[i]) ? expected.Shape : like!.Shape)}");
            }
            foreach (var result in rule.Results) types.Add(result.Type.With(like!.Shape));
        }
        return types.ToImmutable();
    }

    public override void Evaluate(Evaluation e)
    {
        var rule = CallOperation.Callee(e.Program, e.Attributes);
        for (var part = 0; part < Count(rule, e.Inputs.Length); part++)
        {
            var operands = Enumerable.Range(0, rule.Parameters.Length).Select(i => e[Operand(rule, part, i)]).ToList();
            var whole = operands[FirstRow(rule)];
            var binding = e.Binding.With(Length(rule), whole.Size);
            if (Number(rule) is { } number) binding = binding.With(number, part + 1);
            var results = e.Run(rule, [.. operands.Select((o, i) => IsNumber(rule.Parameters[i]) ? o : Shaped(o, [o.Size]))], binding);
            for (var i = 0; i < results.Length; i++) e.Outputs[part * results.Length + i] = Shaped(results[i], whole.Shape);
        }
    }

    static TensorData Shaped(TensorData data, long[] shape) => data.Real is { } real ? new(data.DType, shape, real) : new(data.DType, shape, data.Int);

    /// <summary>Whether a rule takes a parameter as a number, the same for all that it is applied to.</summary>
    public static bool IsNumber(Value parameter) => parameter.Shape.Rank == 0;

    /// <summary>Whether a function is a rule that can be applied: its operands are numbers and rows of one named length, its results such rows.</summary>
    public static bool IsRule(Function function) =>
        function.Parameters.FirstOrDefault(p => !IsNumber(p)) is { Shape: { Rank: 1 } row } && row[0].IsSymbol(out _)
        && function.Parameters.All(p => IsNumber(p) || p.Shape == row) && function.Results.All(r => r.Shape == row) && function.States.IsEmpty;

    /// <summary>The name of the length of a rule's rows.</summary>
    public static string Length(Function rule) =>
        rule.Parameters[FirstRow(rule)].Shape[0].IsSymbol(out var symbol) ? symbol : throw new ArgumentException($"The rows of the rule {rule.Name} have no named length.", nameof(rule));

    /// <summary>The name of the size that stands in a rule for the number of the parameter that it is applied to, from 1 on: the only one beside <see cref="Length"/>; null where it does not ask.</summary>
    public static string? Number(Function rule)
    {
        var length = Length(rule);
        foreach (var node in rule.Nodes)
            if (node.Outputs.Length == 1 && node.Output.TrySize(out var size) && size.IsSymbol(out var symbol) && symbol != length) return symbol;
        return null;
    }

    /// <summary>To how many parameters a rule is applied by so many operands.</summary>
    /// <exception cref="ShapeException">The function is no rule, or these operands are not those of some parameters.</exception>
    public static int Count(Function rule, int operands)
    {
        if (!IsRule(rule)) throw new ShapeException($"{rule.Name} is no rule for rows of any length");
        var (numbers, rows) = (rule.Parameters.Count(IsNumber), rule.Parameters.Count(p => !IsNumber(p)));
        return operands >= numbers && (operands - numbers) % rows == 0 ? (operands - numbers) / rows
            : throw new ShapeException($"update by {rule.Name} takes {numbers} numbers and {rows} operands for each parameter, but got {operands}");
    }

    /// <summary>The number of the operand that the rule takes for a parameter of its own.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="part">Which of those that it is applied to.</param>
    /// <param name="parameter">The number of the rule's parameter.</param>
    public static int Operand(Function rule, int part, int parameter)
    {
        int numbers = 0, before = 0, rows = 0;
        for (var i = 0; i < rule.Parameters.Length; i++)
        {
            var isNumber = IsNumber(rule.Parameters[i]);
            if (isNumber) numbers++;
            else rows++;
            if (i < parameter && isNumber == IsNumber(rule.Parameters[parameter])) before++;
        }
        return IsNumber(rule.Parameters[parameter]) ? before : numbers + part * rows + before;
    }

    static int FirstRow(Function rule) => Enumerable.Range(0, rule.Parameters.Length).First(i => !IsNumber(rule.Parameters[i]));
}
