using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Tests.Planning;

/// <summary>Hand-made launch lists for planner tests: named buffers and launches that read and write them.</summary>
sealed class LaunchList
{
    sealed record NoKernel() : Kernel("none")
    {
        public override string Text => "none";
    }

    readonly List<Buffer> buffers = [];
    readonly List<Launch> launches = [];
    readonly FunctionSignature function = new("f", [], [], []);

    public Buffer Buffer(string name, BufferKind kind, Dim elements, DType type = DType.F32)
    {
        var buffer = new Buffer(buffers.Count, name, kind, type, elements);
        buffers.Add(buffer);
        return buffer;
    }

    public Buffer Arena(Dim elements) => Buffer("t", BufferKind.Arena, elements);

    /// <summary>A launch that reads, then writes; <paramref name="inPlace"/> pairs each written buffer with a read one.</summary>
    public LaunchList Launch(Buffer[] reads, Buffer[] writes, params (Buffer Written, Buffer Read)[] inPlace)
    {
        ImmutableArray<Operand> operands = [.. reads.Select(r => new Operand(r, 0, false)), .. writes.Select(w => new Operand(w, 0, true))];
        ImmutableArray<InPlace> pairs = [.. inPlace.Select(p => new InPlace(Find(p.Written, true), Find(p.Read, false)))];
        var origin = new Origin(System.FormattableString.Invariant($"Model.cs:{launches.Count + 1}"), "");
        launches.Add(new LoopLaunch([origin], operands, pairs, new NoKernel(), [], 1, 1, 0) { Flops = 10, Traffic = 100 });
        return this;
        int Find(Buffer buffer, bool written) => operands.IndexOf(operands.First(o => o.Buffer == buffer && o.IsWritten == written));
    }

    public LoweredFunction Build(params Buffer[] results) => new(function, [.. buffers], [.. launches], [.. buffers.Where(b => b.Kind == BufferKind.Argument)], [.. results]) { Alignment = 64 };

    /// <summary>A random program: forward values kept for a backward sweep, short-lived ones, in-place pairs, sizes over four decades.</summary>
    public static LoweredFunction Random(int seed, int length)
    {
        var random = new Random(seed);
        var list = new LaunchList();
        var input = list.Buffer("x", BufferKind.Argument, 1000);
        var live = new List<Buffer> { input };
        for (var i = 0; i < length; i++)
        {
            var reads = Enumerable.Range(0, random.Next(1, 4)).Select(_ => live[live.Count - 1 - Math.Min(live.Count - 1, (int)(-Math.Log(1 - random.NextDouble()) * 4))]).Distinct().ToArray();
            var source = reads[0];
            var sameSize = random.Next(3) > 0 && source.Kind == BufferKind.Arena;
            var written = list.Arena(sameSize ? source.Elements : (long)Math.Pow(10, random.NextDouble() * 4) + 1);
            list.Launch(reads, [written], sameSize ? [(written, source)] : []);
            live.Add(written);
            if (random.Next(8) == 0) live.RemoveAt(random.Next(live.Count));
        }
        return list.Build(live[^1]);
    }

    /// <summary>What training looks like: each layer keeps its activation until its gradient is made, with a few temporaries around it.</summary>
    public static LoweredFunction Training(int layers, Func<int, long> size)
    {
        var list = new LaunchList();
        var x = list.Buffer("x", BufferKind.Argument, size(0));
        var kept = new List<Buffer> { x };
        for (var i = 0; i < layers; i++)
        {
            var product = list.Arena(size(i));
            var activation = list.Arena(size(i));
            var statistics = list.Arena(Math.Max(1, size(i) / 64));
            list.Launch([kept[^1]], [product]);
            list.Launch([product], [activation, statistics], (activation, product));
            kept.Add(activation);
        }
        var gradient = list.Arena(size(layers - 1));
        list.Launch([kept[^1]], [gradient]);
        for (var i = layers - 1; i >= 0; i--)
        {
            var masked = list.Arena(size(i));
            list.Launch([gradient, kept[i + 1]], [masked], (masked, gradient));
            var weight = list.Arena(size(i) / 3 + 1);
            list.Launch([masked, kept[i]], [weight]);
            list.Launch([weight], [list.Buffer("w" + i, BufferKind.State, size(i) / 3 + 1)]);
            gradient = list.Arena(size(Math.Max(0, i - 1)));
            list.Launch([masked], [gradient]);
        }
        return list.Build(gradient);
    }
}
