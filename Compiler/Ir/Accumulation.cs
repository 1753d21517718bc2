using System;

namespace Graph.Compiler.Ir;

/// <summary>
/// What a reduction computes, as an accumulator that every order of the elements may fill: each element becomes an accumulator of its own, two accumulators become one, and the result is read from the last.
/// The accumulator is one number (a sum, a maximum) or several (a maximum and its place; count, mean and squared distances). An operation answers with it (<see cref="Operation.Reduce"/>).
/// </summary>
/// <param name="Neutral">The accumulator of no elements, one constant a component. ±∞ in a type of integers stands for its least and greatest number.</param>
/// <param name="Element">The accumulator of one element, one expression a component; <c>Scalar.Input(0)</c> is the element, <c>Scalar.Input(1)</c>, an i64, its number along the reduced axes.</param>
/// <param name="Combine">The accumulator of two: with n components, inputs 0 to n − 1 are the earlier one's, n to 2n − 1 the later one's. Associative up to rounding.</param>
/// <param name="Result">The result; its inputs are the components.</param>
public sealed record Accumulation(EquatableArray<Scalar> Neutral, EquatableArray<Scalar> Element, EquatableArray<Scalar> Combine, Scalar Result)
{
    /// <summary>A reduction by one scalar operation on two operands: sum, product, maximum, minimum.</summary>
    /// <param name="combine">The operation, which is associative but for rounding.</param>
    /// <param name="neutral">What changes nothing beside it.</param>
    /// <param name="element">The type of the operand's elements.</param>
    /// <param name="accumulator">The type that it is computed in.</param>
    /// <param name="result">The type of the result.</param>
    public static Accumulation Of(Func<Scalar, Scalar, Scalar> combine, double neutral, DType element, DType accumulator, DType result) => new(
        [Scalar.Of(neutral, accumulator)], [Scalar.Cast(Scalar.Input(0, element), accumulator)],
        [combine(Scalar.Input(0, accumulator), Scalar.Input(1, accumulator))], Scalar.Cast(Scalar.Input(0, accumulator), result));

    /// <summary>The scalar operation that combines two accumulators of one number; null for anything else.</summary>
    public ScalarOp? Operation => Components == 1 && Combine[0].AppliesToInputs(2) ? Combine[0].Op : null;

    /// <summary>Whether every order of the elements gives the same bits: the operation says so of an accumulator of several numbers; of one, it follows from how two are combined.</summary>
    public bool IsExact { get; init; } =
        Neutral.Length == 1 && (!Neutral[0].Type.IsFloat() || (Combine[0].AppliesToInputs(2) && Combine[0].Op is ScalarOp.Max or ScalarOp.Min));

    /// <summary>How many numbers the accumulator has.</summary>
    public int Components => Neutral.Length;
}
