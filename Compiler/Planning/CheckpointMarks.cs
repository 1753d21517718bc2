using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Training;

namespace Graph.Compiler.Planning;

/// <summary>What modules that are marked [Checkpoint] compute for themselves in a training step is forgotten behind the forward pass and made again in the backward pass.</summary>
static class CheckpointMarks
{
    /// <summary>The launches of a function in the order in which its marks repeat some; null where they repeat none.</summary>
    public static ImmutableArray<int>? Order(LoweredFunction function, DimBinding binding)
    {
        var loss = function.Signature.Results.Select((r, i) => (r.Name, i)).Where(r => r.Name == TrainingSignature.Loss).Select(r => r.i).DefaultIfEmpty(-1).First();
        if (function.Checkpoints.IsEmpty || loss < 0) return null;
        var units = new LaunchUnits(function, binding, []);
        var drops = Drops(units, function.Results[loss]);
        // Of a step in micro-batches the forward and the backward pass are in one loop.
        if (drops.All(d => d < 0))
        {
            units = new(function, binding, Loops(units, function.Results[loss]));
            drops = Drops(units, function.Results[loss]);
        }
        if (drops.All(d => d < 0) || new EvictionSchedule(units, long.MaxValue, 1, drops).Run() is not { } steps || !steps.Repetitions.Exists(r => r > 0)) return null;
        return [.. steps.Steps.SelectMany(units.Launches)];
    }

    // For each intermediate that one module alone reads in the forward pass, and the backward pass too, the step behind which it is forgotten.
    static int[] Drops(LaunchUnits units, Kernels.Buffer loss)
    {
        var isForward = Forward(units, loss);
        var marks = Enumerable.Range(0, units.Steps.Length).Select(s => Mark(units, s)).ToArray();
        var drops = new int[units.Bytes.Length];
        for (var buffer = 0; buffer < drops.Length; buffer++)
        {
            drops[buffer] = -1;
            if (!units.IsTracked[buffer] || units.Producer[buffer] < 0) continue;
            var maker = units.Units[units.Producer[buffer]];
            if (marks[maker.Last] is not { } mark || !maker.Steps.TrueForAll(s => isForward[s] && marks[s] == mark)) continue;
            var forward = units.Uses[buffer].Where(s => s < units.Steps.Length && isForward[s]).ToList();
            if (forward.Count == units.Uses[buffer].Length || !forward.TrueForAll(s => marks[s] == mark)) continue;
            drops[buffer] = forward.Count == 0 ? maker.Last : Math.Max(maker.Last, forward[forward.Count - 1]);
        }
        return drops;
    }

    // Those that the loss is made in.
    static List<int> Loops(LaunchUnits units, Kernels.Buffer loss) => Forward(units, loss) is var isForward
        ? [.. units.Steps.Where((step, s) => isForward[s] && units.Function.Launches[step.First] is RepeatLaunch { Length: > 0 }).Select(step => step.First)] : [];

    // Where the loss is made. What is computed of its sum behind a loop may be one launch with what is computed of the gradients, so there it is where the numbers that this reads of the loop are.
    static List<int> Ends(LaunchUnits units, Kernels.Buffer loss)
    {
        var writers = Enumerable.Range(0, units.Steps.Length).Where(s => units.Launches(s).Any(l => units.Function.Launches[l].Operands.Any(o => o.IsWritten && o.Buffer == loss))).ToList();
        var carried = writers.SelectMany(units.Launches).SelectMany(l => units.Function.Launches[l].Operands).Where(o => !o.IsWritten && units.IsTracked[o.Buffer.Id] && o.Buffer.Elements.Is(1))
            .SelectMany(o => units.Units[units.Producer[o.Buffer.Id]].Steps.Where(s => units.Steps[s].Writes.Contains(o.Buffer.Id) && Array.Exists(units.Loops, l => l.Has(s)))).Distinct().ToList();
        return carried.Count > 0 ? carried : writers;
    }

    // What the loss is made of.
    static bool[] Forward(LaunchUnits units, Kernels.Buffer loss)
    {
        var isForward = new bool[units.Steps.Length];
        var open = new Stack<int>(Ends(units, loss));
        while (open.Count > 0)
        {
            var step = open.Pop();
            if (isForward[step]) continue;
            isForward[step] = true;
            // Not what an opened loop holds, nor what is cleared together: among both are the sums of gradients.
            foreach (var operand in units.Launches(step).SelectMany(l => units.Function.Launches[l].Operands))
                if (!operand.IsWritten && units.IsTracked[operand.Buffer.Id])
                    foreach (var maker in units.Units[units.Producer[operand.Buffer.Id]].Steps)
                        if (units.Steps[maker].Writes.Contains(operand.Buffer.Id)) open.Push(maker);
        }
        return isForward;
    }

    // The marked module that all of a step is of: the outermost.
    static string? Mark(LaunchUnits units, int step)
    {
        var paths = units.Launches(step).SelectMany(l => units.Function.Launches[l].Origins).Select(o => o.Path).Distinct().ToList();
        return paths.Count == 0 ? null : units.Function.Checkpoints.FirstOrDefault(mark => paths.TrueForAll(path => mark.Length == 0 || path == mark || path.StartsWith(mark + ".", StringComparison.Ordinal)));
    }
}
