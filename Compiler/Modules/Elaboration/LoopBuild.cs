using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>The body of a loop while it is built. What it captures is the same in all iterations; a state is a carry, for whether the body assigns it is known at its end.</summary>
/// <param name="around">The function that the loop is in, or the body around it.</param>
/// <param name="count">How many iterations there are.</param>
sealed class LoopBuild(FunctionBuild around, Dim count) : BodyBuild(around)
{
    Value? index;

    readonly List<(Value Inside, Value Whole)> slices = [];
    readonly Dictionary<(Value, int), Value> sliced = [];

    /// <summary>The number of the iteration, counted from 0.</summary>
    public Value Index => index ??= Argument(new(DType.I64, Shape.Scalar), "i");

    public override Value? Iteration => Around.Iteration is { } outer ? Builder.Add(Builder.Mul(Own(outer), Builder.Size(count, DType.I64)), Index) : Index;

    /// <summary>What <see cref="Slice"/> gave.</summary>
    public IReadOnlyList<(Value Inside, Value Whole)> Slices => slices;

    /// <summary>What belongs to an iteration of a tensor from around the loop, without the axis; null for a tensor of the loop itself.</summary>
    /// <param name="value">The tensor.</param>
    /// <param name="axis">The axis that is gone along.</param>
    /// <param name="first">The element of the first iteration.</param>
    public Value? Slice(Value value, int axis, Dim first)
    {
        if (IsOwn(value)) return null;
        if (sliced.TryGetValue((value, axis), out var known)) return known;
        var b = Around.Builder;
        var whole = b.Slice(Around.Own(value), axis, first, first + count);
        whole = b.Transpose(whole, [axis, .. Enumerable.Range(0, whole.Shape.Rank).Where(i => i != axis)]);
        var inside = Argument(whole.Type.With(whole.Shape.Remove(0)), value.Name ?? "slice");
        slices.Add((inside, whole));
        return sliced[(value, axis)] = inside;
    }

    /// <summary>Adds the loop to the function around it and gives its carries and stacks there.</summary>
    /// <param name="carries">Parameters, what they begin with and what an iteration makes of them.</param>
    /// <param name="slices">Parameters, and the tensors along whose leading axis they go.</param>
    /// <param name="stacks">What is kept of every iteration.</param>
    /// <param name="reverse">From the last to the first.</param>
    /// <param name="isConditional">The first carry says whether there is another iteration.</param>
    public (ImmutableArray<Value> Carries, ImmutableArray<Value> Stacks) Close(
        IReadOnlyList<(Value Inside, Value Start, Value Next)> carries, IReadOnlyList<(Value Inside, Value Whole)> slices, IReadOnlyList<Value> stacks, bool reverse, bool isConditional = false)
    {
        var all = carries.Concat(States.Select(s => (s.Inside, s.Outside, Current[s.Handle]))).ToList();
        var body = Region([Index, .. all.Select(c => c.Item1), .. slices.Select(s => s.Inside), .. Invariants.Select(i => i.Inside)], all.Select(c => c.Item3).Concat(stacks));
        ImmutableArray<Value> operands = [.. all.Select(c => c.Item2), .. slices.Select(s => s.Whole), .. Invariants.Select(i => i.Outside)];
        var attributes = AttributeMap.Of(("carries", all.Count), ("scanned", slices.Count), ("count", new Attr.List([count])));
        if (reverse) attributes = attributes.With("reverse", true);
        if (isConditional) attributes = attributes.With("conditional", true);
        var loop = Around.Builder.Node(StructureOperations.Loop, operands, attributes, [body]);
        foreach (var handle in Written) Around.Write(handle, loop.Outputs[carries.Count + States.FindIndex(s => s.Handle == handle)]);
        return ([.. loop.Outputs.Take(carries.Count)], [.. loop.Outputs.Skip(all.Count)]);
    }
}
