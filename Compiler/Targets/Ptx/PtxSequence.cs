using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>One emitted function as it runs in a call.</summary>
/// <param name="Launch">The number of the launch that it belongs to.</param>
/// <param name="Call">What is started.</param>
/// <param name="Binding">The sizes, and the numbers of the iterations around it: what offsets of operands are computed with.</param>
public sealed record PtxStep(int Launch, PtxLaunch Call, DimBinding Binding);

/// <summary>
/// The launches of a function one behind the other, loops and branches written out: a loop's body once for each iteration, both sides of a branch. Whether launches of a side, or of an iteration behind a condition,
/// run is a flag in memory: a byte that is written before them, and that they ask first. Flag 0 is always 1.
/// </summary>
public static class PtxSequence
{
    /// <summary>The most that a call may be.</summary>
    public const int Most = 1 << 18;

    /// <summary>Under a binding.</summary>
    /// <param name="function">The function.</param>
    /// <param name="binding">The sizes.</param>
    /// <param name="variant">What the card runs; what every card does when left out.</param>
    /// <exception cref="NotSupportedException">There are more than <see cref="Most"/>.</exception>
    public static List<PtxStep> Of(LoweredFunction function, DimBinding binding, PtxVariant? variant = null)
    {
        var steps = new List<PtxStep>();
        Range(0, function.Launches.Length, binding, 0, 0);
        return steps;

        void Add(int launch, PtxLaunch call, DimBinding at)
        {
            if (steps.Count == Most) throw new NotSupportedException($"{function.Name} is more than {Most} kernels in a row with {binding}: loops on the GPU are written out, so give this one fewer iterations.");
            steps.Add(new(launch, call, at));
        }

        // Behind `depth` flags, of which the innermost is `flag`.
        void Range(int from, int to, DimBinding at, int depth, int flag)
        {
            var (then, otherwise) = (1 + 2 * depth, 2 + 2 * depth);
            for (var i = from; i < to; i++)
                switch (function.Launches[i])
                {
                    case RepeatLaunch repeat:
                        var count = repeat.Count.Evaluate(at);
                        for (long step = 0; step < count; step++)
                        {
                            var inner = at.With(repeat.Index, repeat.Reverse ? count - 1 - step : step);
                            if (repeat.IsConditional) Add(i, PtxControl.SetFlag(then, repeat.Operands.Length - 1, isInverted: false, flag), inner);
                            if (repeat.ReadsIndex) Add(i, PtxControl.SetNumber(0, inner[repeat.Index]), inner);
                            Range(i + 1, i + 1 + repeat.Length, inner, repeat.IsConditional ? depth + 1 : depth, repeat.IsConditional ? then : flag);
                        }
                        i += repeat.Length;
                        break;
                    case BranchLaunch branch:
                        // Both before either side: the condition's memory may be another's then.
                        Add(i, PtxControl.SetFlag(then, 0, isInverted: false, flag), at);
                        Add(i, PtxControl.SetFlag(otherwise, 0, isInverted: true, flag), at);
                        Range(i + 1, i + 1 + branch.Then, at, depth + 1, then);
                        Range(i + 1 + branch.Then, i + 1 + branch.Then + branch.Else, at, depth + 1, otherwise);
                        i += branch.Then + branch.Else;
                        break;
                    default:
                        foreach (var call in PtxLaunches.Of(function.Launches[i], at, variant))
                            Add(i, flag == 0 ? call : call with { Function = PtxTarget.Guarded(call.Function), Arguments = call.Arguments.Add(PtxValue.Flag(flag)) }, at);
                        break;
                }
        }
    }

    /// <summary>Whether each launch is behind a flag.</summary>
    public static bool[] Guarded(LoweredFunction function)
    {
        var guarded = new bool[function.Launches.Length];
        for (var i = 0; i < guarded.Length; i++)
        {
            var length = function.Launches[i] switch { RepeatLaunch { IsConditional: true } repeat => repeat.Length, BranchLaunch branch => branch.Then + branch.Else, _ => 0 };
            for (var k = i + 1; k <= i + length; k++) guarded[k] = true;
        }
        return guarded;
    }

    /// <summary>How many flags launches refer to.</summary>
    public static int Flags(IEnumerable<PtxStep> steps) => 1 + (int)steps.SelectMany(s => s.Call.Arguments).Where(a => a.IsFlag).Select(a => a.Number).DefaultIfEmpty(0).Max();
}
