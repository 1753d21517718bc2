using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>
    /// Goes along an axis step by step: <paramref name="step"/> takes what the step before left, and one slice of <paramref name="inputs"/>; it gives what it leaves for the next, and what is kept.
    /// However long the axis is, and whether it has a number or a name, a model compiles the step once.
    /// </summary>
    /// <example>
    /// A recurrence over [batch, time, inputs], with all its states [batch, time, hidden] and the last:
    /// <code>
    /// var (last, all) = Tensor.Scan(Tensor.Zeros(batch, hidden), x, (h, x) =>
    /// {
    ///     h = (x.MatMul(input) + h.MatMul(recurrent)).Tanh();
    ///     return (h, h);
    /// }, axis: 1);
    /// </code>
    /// </example>
    /// <remarks>
    /// Carries, inputs and what is kept are tensors, or tuples and arrays of them, in any depth. The step may use tensors and parameters from around it, and assign states. Gradients flow through all of it: what the
    /// backward pass reads of a step is kept or computed again. In eager code the steps run one after another. A start whose C# type is narrower than what the step gives, a Parameter or a Tensor&lt;float&gt;, is written as
    /// <c>(Tensor)start</c>.
    /// </remarks>
    /// <param name="start">The carry of the first step. Each has one shape and element type in all steps.</param>
    /// <param name="inputs">What is gone along: all as long as each other along the axis.</param>
    /// <param name="step">One step: (carry, slice without the axis) → (next carry, what is kept).</param>
    /// <param name="axis">The axis of the inputs, and of what comes back. Negative counts from the end.</param>
    /// <param name="reverse">From the end to the beginning; what is kept lies where its input lies.</param>
    /// <param name="lengths">One whole number a row, [rows]: behind it a row of padding keeps its carry, and 0 is kept of it. The first axis of carries and of what is kept is the rows. In reverse each row begins at its own end.</param>
    /// <returns>The carry that the last step left, and what was kept of all steps, put together along the axis.</returns>
    /// <exception cref="ArgumentException">In eager code: something does not fit. In a model that is an error under the expression that is wrong.</exception>
    public static (TCarry Last, TKept Kept) Scan<TCarry, TInput, TKept>(
        TCarry start, TInput inputs, Func<TCarry, TInput, (TCarry, TKept)> step, int axis = 0, bool reverse = false, Tensor? lengths = null)
    {
        if (step is null) throw new ArgumentNullException(nameof(step));
        var sequences = TensorTree.Leaves(inputs, nameof(inputs));
        if (sequences.Count == 0) throw new ArgumentException("There is nothing to scan: give a tensor, or several of one length along the axis.", nameof(inputs));
        foreach (var sequence in sequences)
            if (axis < -sequence.Rank || axis >= sequence.Rank) throw new ArgumentException($"The axis is {axis}, but [{string.Join(", ", sequence.Shape)}] has {sequence.Rank}.", nameof(axis));
        var places = sequences.Select(s => axis < 0 ? axis + s.Rank : axis).Distinct().ToArray();
        if (places.Length > 1) throw new ArgumentException($"Axis {axis} is another one in each of the inputs: count it from the front.", nameof(axis));
        var counts = sequences.Select(s => s.Shape[places[0]]).Distinct().ToArray();
        if (counts.Length > 1) throw new ArgumentException($"The inputs are {string.Join(" and ", counts)} long along axis {axis}, expected one length.", nameof(inputs));
        if (counts[0] == 0) throw new ArgumentException("The axis is empty, so no step says what is kept.", nameof(inputs));

        var carry = start;
        TKept? form = default;
        var kept = new List<Tensor>[counts[0]];
        for (var k = 0; k < kept.Length; k++)
        {
            var i = reverse ? kept.Length - 1 - k : k;
            var (next, output) = step(carry, TensorTree.Like(inputs, sequences.Select(s => s.Select(places[0], i))));
            var (before, after) = (TensorTree.Leaves(carry, nameof(start)), TensorTree.Leaves(next, nameof(step)));
            CheckCarry(before, after);
            kept[i] = TensorTree.Leaves(output, nameof(step));
            if (lengths is not null)
            {
                var isOn = Less(i, lengths);
                carry = TensorTree.Like(next, after.Select((a, c) => Where(OfRows(isOn, a), a, before[c])));
                kept[i] = [.. kept[i].Select(o => Where(OfRows(isOn, o), o, o * 0))];
            }
            else carry = next;
            form = output;
        }
        return (carry, TensorTree.Like(form!, Enumerable.Range(0, kept[0].Count).Select(n => Stack([.. kept.Select(k => k[n])], places[0]))));
    }

    static void CheckCarry(List<Tensor> before, List<Tensor> after)
    {
        if (before.Count != after.Count) throw new ArgumentException($"The carry is {before.Count} tensors, but the step makes {after.Count} of them.", "step");
        for (var c = 0; c < before.Count; c++)
            if (!before[c].Shape.SequenceEqual(after[c].Shape) || before[c].Numbers.DType != after[c].Numbers.DType)
                throw new ArgumentException($"A carry begins as {Type(before[c])}, but the step makes {Type(after[c])} of it.", "step");
    }

    static string Type(Tensor x) => $"{Graph.Compiler.Ir.DTypes.Name(x.Numbers.DType)}[{string.Join(", ", x.Shape)}]";

    static Tensor Less(int i, Tensor lengths) => lengths > i;

    static Tensor OfRows(Tensor isOn, Tensor x) => x.Rank > 0 && x.Shape[0] == isOn.Shape[0] ? isOn.Reshape([isOn.Shape[0], .. Enumerable.Repeat(1, x.Rank - 1)])
        : throw new ArgumentException($"There are {isOn.Shape[0]} lengths, one a row, but a carry or what is kept is [{string.Join(", ", x.Shape)}].", "lengths");
}
