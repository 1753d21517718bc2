using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes.Typing;

/// <summary>Why numbers may leave float16.</summary>
public enum RangeRisk
{
    /// <summary>An exponential whose argument has no bound.</summary>
    Exponential,
    /// <summary>A square, or a sum of many.</summary>
    Squares,
    /// <summary>A number of the source beyond 65504.</summary>
    Huge,
    /// <summary>A quotient whose divisor is kept from 0 by a small number alone.</summary>
    Quotient,
    /// <summary>A product of activations that nothing normalizes.</summary>
    Product,
}

/// <summary>An operation whose numbers may leave float16, in which they are stored.</summary>
/// <param name="Risk">Why.</param>
/// <param name="Node">The operation.</param>
public sealed record RangeFinding(RangeRisk Risk, Node Node);

/// <summary>
/// Looks for what overflows in a program that computes in float16, by what is known of how large its numbers are (<see cref="Magnitude"/>). Flows in: a program whose types are assigned. Flows out: operations, each once a reason.
/// Only what is stored in 16 bits counts: what is computed in 32 and stays there is right. Of what a loop carries it knows what holds in every iteration: bounds that do not stay are none. It never says anything of parameters,
/// normalized and bounded values; it is no proof that nothing overflows, for which the scale of the loss and skipped steps are there.
/// </summary>
public sealed class NarrowRanges
{
    // Of squares that are 1 in the mean, or up to 16 where an activation is four times as large as it should be.
    const double ManySquares = Magnitude.Largest / 16;

    readonly Program program;
    readonly DimBinding typical;
    readonly HashSet<RangeFinding> found = [];
    readonly List<RangeFinding> findings = [];
    readonly Dictionary<string, (ImmutableArray<Magnitude> Given, ImmutableArray<Magnitude> Gives)> called = new(StringComparer.Ordinal);
    readonly Dictionary<string, Function> spelled = new(StringComparer.Ordinal);
    int trials; // iterations that are looked at only for what they leave

    NarrowRanges(Program program) => (this.program, typical) = (program, DimBinding.Typical(program.Dims));

    /// <summary>What may leave float16, in the order of the program.</summary>
    /// <param name="typed">A program behind <see cref="AssignTypes"/>.</param>
    public static IReadOnlyList<RangeFinding> Of(Program typed)
    {
        var ranges = new NarrowRanges(typed);
        var called = Callees.Of(typed);
        foreach (var function in typed.Functions)
            if (!called.Contains(function.Name) && !TrainingSignature.IsRule(typed, function.Name) && function.Name != DerivedStates.Function)
                ranges.Run(ranges.Spelled(function), [.. function.Parameters.Select(_ => Magnitude.Unknown(0) with { IsData = true })]);
        return ranges.findings;
    }

    // What normalizes, and what multiplies in 16 bits, is known by its row of the table; everything else is what it is made of.
    Function Spelled(Function function)
    {
        if (!spelled.TryGetValue(function.Name, out var known)) spelled[function.Name] = known = Composites.Replace(function, program, n => n.Operation.Policy(n) is not (TypePolicy.Narrow or TypePolicy.Inside));
        return known;
    }

    ImmutableArray<Magnitude> Run(Function function, ImmutableArray<Magnitude> given)
    {
        var known = new Dictionary<Value, Magnitude>();
        for (var i = 0; i < given.Length; i++) known[function.Parameters[i]] = given[i];
        Magnitude Of(Value value) => known.TryGetValue(value, out var magnitude) ? magnitude : Magnitude.Unknown(0); // a state
        foreach (var node in function.Nodes)
        {
            var gives = Gives(node, [.. node.Inputs.Select(Of)]);
            for (var i = 0; i < gives.Length; i++) known[node.Outputs[i]] = Stored(node.Outputs[i], gives[i].Settled);
        }
        return [.. function.Results.Select(Of)];
    }

    Magnitude Stored(Value value, Magnitude magnitude)
    {
        if (value.DType != DType.F16) return magnitude;
        Say(RangeRisk.Exponential, magnitude.Exponential);
        Say(RangeRisk.Huge, magnitude.Huge);
        Say(RangeRisk.Quotient, magnitude.Quotient);
        Say(RangeRisk.Squares, magnitude.Squares);
        if (magnitude.Order >= 2) Say(magnitude.IsSquare ? RangeRisk.Squares : RangeRisk.Product, magnitude.Product);
        return magnitude.Told;
    }

    void Say(RangeRisk risk, Node? node)
    {
        if (trials == 0 && node is not null && found.Add(new(risk, node))) findings.Add(new(risk, node));
    }

    ImmutableArray<Magnitude> Gives(Node node, Magnitude[] given)
    {
        if (node.Operation.Kind == OpKind.Structure) return Structure(node, given);
        if (node.Operation is ElementwiseOperation operation) return [Elementwise(node, operation, given)];
        var all = node.Inputs.Zip(given, (v, m) => (v, m)).Where(p => p.v.DType.IsFloat()).Select(p => p.m).DefaultIfEmpty(Magnitude.Unknown(0)).Aggregate(Magnitude.Either);
        if (node.Operation.Attention(node) is not null) return [.. node.Outputs.Select(_ => Magnitude.Unknown(given[AttentionForm.Value].Order))];
        if (node.Operation.Policy(node) == TypePolicy.Inside) return [.. node.Outputs.Select((_, i) => Magnitude.Unknown(i == 0 ? 0 : all.Order))];
        if (node.Operation.Policy(node) == TypePolicy.Narrow)
        {
            var product = Magnitude.Multiplied(node, given[0], given[1], isSquare: false);
            // Of data alone it is data still; with parameters, an activation.
            var (isData, order) = given[0].IsData == given[1].IsData ? (given[0].IsData, product.Order) : (false, Math.Max(product.Order, 1));
            return [.. node.Outputs.Select(_ => Magnitude.Unknown(order) with { Product = product.Product, IsData = isData })];
        }
        if (node.Operation.Reduce(node) is { } reduction) return [.. node.Outputs.Select(_ => Reduced(node, reduction, given[0]))];
        return [.. node.Outputs.Select(_ => all)]; // views, and what moves numbers or picks among them
    }

    Magnitude Reduced(Node node, Accumulation reduction, Magnitude x)
    {
        switch (reduction.Operation)
        {
            case ScalarOp.Max or ScalarOp.Min:
                return x;
            case ScalarOp.Add:
                var count = (double)node.Inputs[0].Shape.Size.Evaluate(typical) / Math.Max(1, node.Output.Shape.Size.Evaluate(typical));
                var sum = x with { Least = x.Least < 0 ? x.Least * count : x.Least, Most = x.Most > 0 ? x.Most * count : x.Most };
                return x.IsSquare && !x.Fits && count >= ManySquares ? sum with { Squares = node } : sum;
            case ScalarOp.Mul:
                return Magnitude.Multiplied(node, x, x, isSquare: false);
            default:
                return Magnitude.Unknown(x.Order);
        }
    }

    Magnitude Elementwise(Node node, ElementwiseOperation operation, Magnitude[] given)
    {
        var root = operation.Expression(node);
        var result = Magnitude.Of(node, root, given);
        // Functions of several steps compute in 32 bits and are what they say, whatever their steps are.
        if (node.Operation.Policy(node) == TypePolicy.Inside) return new(result.Least, result.Most, result.Fits ? 0 : given.Max(m => m.Order)) { IsData = !result.Fits && given.Any(m => m.IsData) };
        if (root.Op == ScalarOp.Sub && node.Inputs.Length == 2 && IsLargestOf(node.Inputs[1], node.Inputs[0])) result = result with { Most = 0 };
        if (root.Op is ScalarOp.Div or ScalarOp.Mul && node.Inputs.Length == 2 && IsNormalized(node.Inputs[0], node.Inputs[1], root.Op))
            result = Magnitude.Unknown(0) with { Exponential = result.Exponential };
        return result;
    }

    // Whether a value is the largest element of the other, along some axes.
    static bool IsLargestOf(Value value, Value of) =>
        Unviewed(value).Producer is { } node && node.Operation.Reduce(node)?.Operation == ScalarOp.Max && Unviewed(node.Inputs[0]) == Unviewed(of);

    static Value Unviewed(Value value)
    {
        while (value.Producer is { Inputs.Length: 1 } node && (node.Operation.Kind == OpKind.View || IsCast(node))) value = node.Inputs[0];
        return value;
    }

    static bool IsCast(Node node) => node.Operation is ElementwiseOperation operation && operation.Expression(node) is { Op: ScalarOp.Cast or ScalarOp.Input };

    static bool IsNormalized(Value a, Value b, ScalarOp op) => op == ScalarOp.Div ? IsMeasuredBy(a, b) : IsInverse(a) && IsMeasuredBy(b, a) || IsInverse(b) && IsMeasuredBy(a, b);

    static bool IsInverse(Value value) => Unviewed(value).Producer is { Operation: ElementwiseOperation operation } node && operation.Expression(node).Op is ScalarOp.Div or ScalarOp.Rsqrt or ScalarOp.Pow;

    // Whether a value is divided by a size of its own, such as its norm: what comes of it is normalized.
    static bool IsMeasuredBy(Value value, Value measure)
    {
        var made = new HashSet<Value>();
        var isReduced = false;
        void Collect(Value v, HashSet<Value> into, bool isMeasure)
        {
            if (!v.DType.IsFloat() || v.State is not null || v.TryConstant(out _) || v.TrySize(out _) || into.Count > 64 || !into.Add(v) || v.Producer is not { } node) return;
            var isReduction = node.Operation.Kind == OpKind.Reduce;
            if (isMeasure) isReduced |= isReduction;
            if (isReduction && isMeasure || node.Operation.Kind is OpKind.View or OpKind.Elementwise)
                foreach (var input in node.Inputs) Collect(input, into, isMeasure);
        }
        Collect(measure, made, isMeasure: true);
        if (!isReduced) return false;
        var own = new HashSet<Value>();
        Collect(value, own, isMeasure: false);
        return own.Overlaps(made);
    }

    ImmutableArray<Magnitude> Structure(Node node, Magnitude[] given)
    {
        if (CallOperation.CalleeName(node) is { } callee) return Call(callee, [.. given]);
        if (node.Operation == StructureOperations.Loop) return Loop(node, given);
        if (node.Operation == StructureOperations.If)
        {
            var sides = node.Regions.Select(r => Run(r, [.. given.Skip(1)])).ToList();
            return [.. sides[0].Select((m, i) => sides.Skip(1).Aggregate(m, (all, side) => Magnitude.Either(all, side[i])))];
        }
        throw new InvalidOperationException($"{node.Name} comes behind the assignment of types.");
    }

    // What is carried is what the loop begins with, or what an iteration leaves of that: widened until one more iteration says nothing new.
    ImmutableArray<Magnitude> Loop(Node node, Magnitude[] given)
    {
        var carries = LoopOperation.Shape(node.Attributes).Carries;
        ImmutableArray<Magnitude> carried = [.. given.Take(carries)];
        ImmutableArray<Magnitude> Iteration() => Run(node.Regions[0], [Magnitude.Unknown(0), .. carried, .. given.Skip(carries)]);
        trials++;
        for (var round = 0; ; round++)
        {
            var left = Iteration();
            ImmutableArray<Magnitude> next = [.. carried.Select((m, i) => round == 0 ? Magnitude.Either(m, left[i]) : Magnitude.Widened(m, Magnitude.Either(m, left[i])))];
            if (next.SequenceEqual(carried)) break;
            carried = next;
        }
        trials--;
        return [.. carried, .. Iteration().Skip(carries)];
    }

    // Layers are called one after another: after the first, with the same magnitudes.
    ImmutableArray<Magnitude> Call(string name, ImmutableArray<Magnitude> given)
    {
        if (called.TryGetValue(name, out var last) && last.Given.SequenceEqual(given)) return last.Gives;
        var gives = Run(Spelled(program.Find(name)!), given);
        if (trials == 0) called[name] = (given, gives);
        return gives;
    }
}
