using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>When each buffer of a function that has a place in the arena lives and which buffers take over another one's memory, under one binding.</summary>
/// <remarks>Views are placements in their source's buffer, so an alias extends its life by itself: every operand names the buffer it lies in.</remarks>
sealed class Liveness
{
    readonly LoweredFunction function;

    public Liveness(LoweredFunction function, DimBinding binding)
    {
        this.function = function;
        Launches = function.Launches.Length;
        Bytes = function.BytesOf(binding);
        Lives = new Life[function.Buffers.Length];
        TakesOver = new int[function.Buffers.Length];
        for (var i = 0; i < Bytes.Length; i++)
        {
            if (Bytes[i] < 0) throw new ArgumentException($"The buffer {function.Buffers[i]} has {Bytes[i]} bytes at {binding}.", nameof(binding));
            Lives[i] = Life.None;
            TakesOver[i] = -1;
        }
        foreach (var argument in function.Arguments) Touch(argument, 0); // it is there before the first launch
        for (var launch = 0; launch < Launches; launch++)
            foreach (var operand in function.Launches[launch].Operands)
                Touch(operand.Buffer, launch);
        foreach (var result in function.Results) Touch(result, Launches);
        Repeats(function);
        ChooseInPlace(function, binding);
    }

    readonly List<(int First, int Last, bool[] Crosses)> repeats = [];

    public int Launches { get; }

    /// <summary>Bytes of each buffer, as they are.</summary>
    public long[] Bytes { get; }

    public Life[] Lives { get; }

    /// <summary>For each buffer the one whose memory it takes over, or −1. The predecessor's last launch is then the successor's first.</summary>
    public int[] TakesOver { get; }

    void Touch(Kernels.Buffer buffer, int launch)
    {
        if (!function.IsPlanned(buffer)) return;
        ref var life = ref Lives[buffer.Id];
        life = life.Exists ? life with { Last = Math.Max(life.Last, launch) } : new(launch, launch);
    }

    // What an iteration finds or leaves is there in all of them; what it makes and uses up itself is packed with what the others make.
    void Repeats(LoweredFunction function)
    {
        for (var launch = 0; launch < Launches; launch++)
        {
            if (function.Launches[launch] is not RepeatLaunch repeat) continue;
            int first = launch + 1, last = launch + repeat.Length;
            var crosses = new bool[Lives.Length];
            for (var i = 0; i < Lives.Length; i++)
            {
                crosses[i] = Lives[i].Exists && Lives[i].First <= last && Lives[i].Last >= first && (Lives[i].First < first || Lives[i].Last > last);
                if (crosses[i]) Lives[i] = new(Math.Min(Lives[i].First, first), Math.Max(Lives[i].Last, last));
            }
            repeats.Add((first, last, crosses));
        }
    }

    // Whether a buffer that seems to die or to be born at a launch does so in every iteration of the loops around it.
    bool IsInside(int launch, int buffer) => !repeats.Exists(r => r.First <= launch && launch <= r.Last && r.Crosses[buffer]);

    void ChooseInPlace(LoweredFunction function, DimBinding binding)
    {
        var taken = new bool[Bytes.Length];
        for (var index = 0; index < Launches; index++)
        {
            var launch = function.Launches[index];
            // The largest saving first; of equal ones the order of the launch.
            foreach (var pair in launch.InPlace.OrderByDescending(p => Bytes[launch.Operands[p.Written].Buffer.Id]))
            {
                var written = launch.Operands[pair.Written];
                var read = launch.Operands[pair.Read];
                int w = written.Buffer.Id, r = read.Buffer.Id;
                if (w == r || written.Buffer.Kind != BufferKind.Arena || read.Buffer.Kind != BufferKind.Arena || taken[r] || TakesOver[w] >= 0) continue;
                if (Lives[w].First != index || Lives[r].Last != index || Lives[r].First == index || !IsInside(index, w) || !IsInside(index, r)) continue;
                if (Bytes[w] > Bytes[r] || written.Buffer.DType.Bits() != read.Buffer.DType.Bits()) continue;
                if (!AreEqual(written.Offset, read.Offset, binding)) continue;
                if (!EveryUseAllows(launch, pair.Written, w, r)) continue;
                TakesOver[w] = r;
                taken[r] = true;
            }
        }
    }

    // In every iteration, too: what differs by a loop's index is never equal.
    static bool AreEqual(Dim a, Dim b, DimBinding binding) => a - b is var difference && !difference.Symbols.Any(RepeatLaunch.IsIndex) && difference.Evaluate(binding) == 0;

    // The launch may read the dying buffer by another operand, at other places; then each of them must be declared too. The written buffer may be written once.
    static bool EveryUseAllows(Launch launch, int written, int w, int r)
    {
        for (var i = 0; i < launch.Operands.Length; i++)
        {
            var id = launch.Operands[i].Buffer.Id;
            if (id == w && i != written) return false;
            if (id == r && (launch.Operands[i].IsWritten || !launch.InPlace.Any(p => p.Written == written && p.Read == i))) return false;
        }
        return true;
    }

    /// <summary>Bytes that live at each launch, every buffer rounded up to the alignment; memory that is taken over counts once, as the larger.</summary>
    public long[] LiveBytes()
    {
        var change = new long[Launches + 2];
        for (var i = 0; i < Bytes.Length; i++)
        {
            if (!Lives[i].Exists) continue;
            change[Lives[i].First] += function.Align(Bytes[i]);
            change[Lives[i].Last + 1] -= function.Align(Bytes[i]);
            if (TakesOver[i] < 0) continue;
            change[Lives[i].First] -= function.Align(Bytes[i]); // within the predecessor's, which lives to this launch and is no smaller
            change[Lives[i].First + 1] += function.Align(Bytes[i]);
        }
        for (var i = 1; i < change.Length; i++) change[i] += change[i - 1];
        return change;
    }

    /// <summary>What has to be placed: chains of buffers that take over each other's memory, with the bytes each launch needs.</summary>
    /// <param name="inPlace">False places every buffer on its own.</param>
    public List<Piece> Pieces(bool inPlace)
    {
        var successor = new int[Bytes.Length];
        for (var i = 0; i < successor.Length; i++) successor[i] = -1;
        if (inPlace)
            for (var i = 0; i < successor.Length; i++)
                if (TakesOver[i] >= 0) successor[TakesOver[i]] = i;

        var pieces = new List<Piece>();
        for (var head = 0; head < Bytes.Length; head++)
        {
            if (!Lives[head].Exists || (inPlace && TakesOver[head] >= 0)) continue;
            var members = new List<int>();
            var spans = new List<PieceSpan>();
            for (var i = head; i >= 0; i = successor[i])
            {
                members.Add(i);
                var first = i == head ? Lives[i].First : Lives[i].First + 1; // at the shared launch the predecessor's size holds
                if (first > Lives[i].Last) continue;
                if (spans.Count > 0 && spans[spans.Count - 1].Bytes == function.Align(Bytes[i])) spans[spans.Count - 1] = spans[spans.Count - 1] with { Last = Lives[i].Last };
                else spans.Add(new(first, Lives[i].Last, function.Align(Bytes[i])));
            }
            pieces.Add(new(members.ToImmutableArray(), spans.ToArray()));
        }
        return pieces;
    }
}

/// <summary>The bytes that a piece needs from one launch to another.</summary>
readonly record struct PieceSpan(int First, int Last, long Bytes);

/// <summary>One or more buffers at one offset, one after another in time. Sizes never grow along a chain.</summary>
sealed class Piece(ImmutableArray<int> members, PieceSpan[] spans)
{
    public ImmutableArray<int> Members { get; } = members;
    public PieceSpan[] Spans { get; } = spans;
    public int First { get; } = spans[0].First;
    public int Last { get; } = spans[spans.Length - 1].Last;

    /// <summary>The most it needs, which is what it begins with.</summary>
    public long Bytes { get; } = spans[0].Bytes;

    /// <summary>Bytes × launches.</summary>
    public double Area { get; } = spans.Sum(s => (double)s.Bytes * (s.Last - s.First + 1));

    /// <summary>The most bytes that each of two pieces needs while both live; false when they never meet.</summary>
    public bool Meets(Piece other, out long mine, out long theirs)
    {
        mine = theirs = 0;
        if (First > other.Last || other.First > Last) return false;
        if (Spans.Length == 1 && other.Spans.Length == 1)
        {
            mine = Bytes;
            theirs = other.Bytes;
            return true;
        }
        var met = false;
        foreach (var a in Spans)
        {
            foreach (var b in other.Spans)
            {
                if (a.First > b.Last || b.First > a.Last) continue;
                mine = Math.Max(mine, a.Bytes);
                theirs = Math.Max(theirs, b.Bytes);
                met = true;
            }
        }
        return met;
    }
}
