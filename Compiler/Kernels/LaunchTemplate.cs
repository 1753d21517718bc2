using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Kernels;

/// <summary>
/// Puts the launches of a called function into a caller, over buffers of the caller's: lowering does it for each call, and so does whoever reads a text, so that both give the same. What is the same for all
/// calls is made once.
/// </summary>
public sealed class LaunchTemplate
{
    readonly int[][] origins; // of each launch, by number
    readonly Origin[] places; // distinct ones

    /// <param name="body">The called function. It has no states.</param>
    public LaunchTemplate(LoweredFunction body)
    {
        Body = body;
        var numbers = new Dictionary<Origin, int>();
        origins = new int[body.Launches.Length][];
        for (var i = 0; i < origins.Length; i++)
        {
            var list = body.Launches[i].Origins;
            origins[i] = new int[list.Length];
            for (var j = 0; j < list.Length; j++)
            {
                if (!numbers.TryGetValue(list[j], out origins[i][j])) numbers.Add(list[j], origins[i][j] = numbers.Count);
            }
        }
        places = new Origin[numbers.Count];
        foreach (var origin in numbers) places[origin.Value] = origin.Key;
        foreach (var buffer in body.Buffers)
            if (buffer.Kind == BufferKind.Arena) Intermediates++;
    }

    /// <summary>The called function.</summary>
    public LoweredFunction Body { get; }

    /// <summary>How many buffers of its own a call needs.</summary>
    public int Intermediates { get; }

    /// <summary>Appends the buffers of a call's intermediates.</summary>
    public void AddBuffers(List<Buffer> buffers)
    {
        foreach (var buffer in Body.Buffers)
            if (buffer.Kind == BufferKind.Arena) buffers.Add(new(buffers.Count, buffer.Name, BufferKind.Arena, buffer.DType, buffer.Elements));
    }

    /// <summary>Appends the launches of a call.</summary>
    /// <param name="launches">Those of the caller so far.</param>
    /// <param name="buffers">The caller's buffers, the call's among them.</param>
    /// <param name="firstBuffer">The first of these.</param>
    /// <param name="at">Where its arguments lie, then where its results go.</param>
    /// <param name="path">The path of the module that it is called on.</param>
    /// <exception cref="ArgumentException">There are more or fewer places than arguments and results.</exception>
    public LaunchCall AddLaunches(IList<Launch> launches, IReadOnlyList<Buffer> buffers, int firstBuffer, ImmutableArray<Operand> at, string path)
    {
        if (at.Length != Body.Arguments.Length + Body.Results.Length) throw new ArgumentException($"{Body.Name} takes {Body.Arguments.Length} and gives {Body.Results.Length} tensors, but a call of it names {at.Length}.", nameof(at));
        var call = new LaunchCall(launches.Count, Body, firstBuffer, at, path);
        // By the number of a buffer of the body: what is read at its begin, and what is written there.
        var (read, written) = (new Operand[Body.Buffers.Length], new Operand[Body.Buffers.Length]);
        void Map(Buffer of, Buffer buffer, Dim offset) => (read[of.Id], written[of.Id]) = (new(buffer, offset, false), new(buffer, offset, true));
        for (var i = 0; i < at.Length; i++) Map(i < Body.Arguments.Length ? Body.Arguments[i] : Body.Results[i - Body.Arguments.Length], at[i].Buffer, at[i].Offset);
        foreach (var buffer in Body.Buffers)
            if (buffer.Kind == BufferKind.Arena) Map(buffer, buffers[firstBuffer++], Dim.Zero);

        var under = new Origin[places.Length];
        for (var i = 0; i < under.Length; i++) under[i] = places[i].Under(path);
        for (var number = 0; number < Body.Launches.Length; number++)
        {
            var launch = Body.Launches[number];
            var operands = new Operand[launch.Operands.Length];
            var incoming = ImmutableArray<string>.Empty;
            for (var i = 0; i < operands.Length; i++)
            {
                var operand = launch.Operands[i];
                var mapped = (operand.IsWritten ? written : read)[operand.Buffer.Id];
                operands[i] = operand.Offset.Is(0) ? mapped : new(mapped.Buffer, mapped.Offset + operand.Offset, operand.IsWritten);
                // What it reads of the body's arguments is from before the call.
                if (!operand.IsWritten && operand.Buffer.Kind == BufferKind.Argument && mapped.Buffer is { Kind: BufferKind.State, Name: var state } && !incoming.Contains(state)) incoming = incoming.Add(state);
            }
            var from = new Origin[origins[number].Length];
            for (var i = 0; i < from.Length; i++) from[i] = under[origins[number][i]];
            launches.Add(launch with { Origins = ImmutableCollectionsMarshal.AsImmutableArray(from), Operands = ImmutableCollectionsMarshal.AsImmutableArray(operands), Incoming = incoming });
        }
        return call;
    }
}
