using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>A function some of whose launches run again: the same kernels over the same operands, into memory of their own, so that what they made need not be kept in between.</summary>
public static class RepeatedLaunches
{
    /// <summary>
    /// The function with its launches in an order in which some occur more than once. What a launch makes when it runs again lies in new buffers, which those behind it read; all that writes one buffer is repeated together.
    /// </summary>
    /// <param name="function">The function.</param>
    /// <param name="order">Numbers of its launches: each of them, in the order that they have, and between them those that run again.</param>
    public static LoweredFunction In(LoweredFunction function, IReadOnlyList<int> order)
    {
        var firstWriter = FirstWriters(function);
        var buffers = function.Buffers.ToList();
        var current = function.Buffers.ToArray();
        var seen = new bool[function.Launches.Length];
        var madeAt = new Dictionary<Kernels.Buffer, int>();
        var launches = ImmutableArray.CreateBuilder<Launch>(order.Count);
        foreach (var number in order)
        {
            var launch = function.Launches[number];
            if (seen[number])
                foreach (var operand in launch.Operands)
                    if (operand.IsWritten && operand.Buffer.Kind == BufferKind.Arena && firstWriter[operand.Buffer.Id] == number && !IsNew(operand.Buffer, launches.Count))
                        Copy(operand.Buffer, launches.Count);
            seen[number] = true;
            launches.Add(launch.Operands.Any(o => current[o.Buffer.Id] != o.Buffer) ? launch with { Operands = [.. launch.Operands.Select(o => o with { Buffer = current[o.Buffer.Id] })] } : launch);
        }
        for (var i = 0; i < launches.Count; i++)
            if (launches[i] is RepeatLaunch loop) launches[i] = loop with { Length = Body(i, loop.Length) };
        if (seen.Contains(false)) throw new ArgumentException($"The launch #{Array.IndexOf(seen, false)} of {function.Name} is not in the order.", nameof(order));
        return function with { Checkpoints = [], Buffers = [.. buffers], Launches = launches.ToImmutable(), Results = [.. function.Results.Select(r => current[r.Id])] };

        // What stands behind the beginning of a loop and is of its body, once or again.
        int Body(int at, int length)
        {
            var last = at + 1;
            while (last < order.Count && order[last] > order[at] && order[last] <= order[at] + length) last++;
            return last - at - 1;
        }

        // One operand of the launch made it already.
        bool IsNew(Kernels.Buffer buffer, int at) => madeAt.TryGetValue(current[buffer.Id], out var made) && made == at;

        void Copy(Kernels.Buffer buffer, int at)
        {
            var copy = new Kernels.Buffer(buffers.Count, buffer.Name, buffer.Kind, buffer.DType, buffer.Elements);
            buffers.Add(copy);
            current[buffer.Id] = copy;
            madeAt.Add(copy, at);
        }
    }

    /// <summary>For each buffer the number of the launch that first writes it; −1 where none does.</summary>
    static int[] FirstWriters(LoweredFunction function)
    {
        var first = new int[function.Buffers.Length];
        for (var i = 0; i < first.Length; i++) first[i] = -1;
        for (var i = function.Launches.Length - 1; i >= 0; i--)
            foreach (var operand in function.Launches[i].Operands)
                if (operand.IsWritten) first[operand.Buffer.Id] = i;
        return first;
    }
}
