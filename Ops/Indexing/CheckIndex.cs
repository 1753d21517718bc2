using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>
/// The operand itself, once each of its elements was seen to lie in [0, <c>below</c>) or to be <c>except</c>. For numbers that a model computes, which no call can look at beforehand: where the operand is an argument, the
/// call checks it and the operation goes.
/// </summary>
sealed class CheckIndexOperation : Operation
{
    public override string Name => "check_index";
    public override OpKind Kind => OpKind.Library;
    public override bool IsCheck => true;

    /// <summary>The checked operand.</summary>
    /// <param name="b">Where the operation goes.</param>
    /// <param name="index">Integers.</param>
    /// <param name="below">How many there are to pick from.</param>
    /// <param name="except">A number that picks nothing; null when there is none.</param>
    /// <param name="what">What picks, for messages.</param>
    public static Value Of(Builder b, Value index, Dim below, long? except, string what)
    {
        var attributes = AttributeMap.Of(("below", Attributes.List(below)), ("what", what));
        return b.Node("check_index", [index], except is { } number ? attributes.With("except", number) : attributes).Output;
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        Rules.Index(context.Attributes.Text("what") ?? Name, "indices", context[0].DType);
        return [context[0]];
    }

    public override LibraryTraits Library(Node node) => new() { Types = [DType.I64, DType.I32], InPlace = [new(0, 0)] };

    public override IEnumerable<IndexRule> IndexRules(Node node) => [new(0, node.Attributes.Dim("below"), Except(node.Attributes), node.Attributes.Text("what") ?? Name)];

    static long? Except(AttributeMap attributes) => attributes.Has("except") ? attributes.Int("except") : null;

    public override string? Undefined(Node node) => "an exception for a number that the model computes is more than arithmetic";

    public override void Evaluate(Evaluation e)
    {
        var (index, below, except) = (e[0], e.Attributes.Dim("below").Evaluate(e.Binding), Except(e.Attributes));
        foreach (var id in index.Int)
            if ((id < 0 || id >= below) && id != except) throw new ArgumentOutOfRangeException(null, $"{e.Attributes.Text("what")} {id} lies outside of 0 to {below - 1}{(except is { } other and < 0 ? $" and is not {other}" : "")}.");
        Array.Copy(index.Int, e.Create(0).Int, index.Size);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [null];

    public override Dim Flops(Node node) => Dim.Zero;
}
