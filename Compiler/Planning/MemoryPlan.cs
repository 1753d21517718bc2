using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>Where every intermediate of a function lies in the arena, under one binding of its named dimensions, and what running it costs.</summary>
/// <param name="Function">The launches.</param>
/// <param name="Binding">The named dimensions.</param>
/// <param name="Offsets">Bytes from the arena's start, by <see cref="Kernels.Buffer.Id"/>; −1 for buffers without a place there (<see cref="LoweredFunction.IsPlanned"/>) or never used.</param>
/// <param name="Bytes">The size of every buffer, by id.</param>
/// <param name="Lives">When each buffer with a place in the arena lives, by id.</param>
/// <param name="TakesOver">For each buffer the id of the one whose memory it continues in place, or −1.</param>
/// <param name="ArenaBytes">Size of the arena.</param>
/// <param name="LowerBound">The most bytes that live at once, each buffer rounded up to the alignment: no placement needs less.</param>
/// <param name="PeakLaunch">The first launch at which so many live; −1 when nothing ever does.</param>
/// <param name="Flops">Floating-point operations of one run.</param>
/// <param name="Traffic">Bytes that one run must read and write once.</param>
/// <param name="Method">Which heuristic found the placement.</param>
public sealed record MemoryPlan(
    LoweredFunction Function, DimBinding Binding, ImmutableArray<long> Offsets, ImmutableArray<long> Bytes, ImmutableArray<Life> Lives, ImmutableArray<int> TakesOver,
    long ArenaBytes, long LowerBound, int PeakLaunch, long Flops, long Traffic, string Method)
{
    /// <summary>The most bytes that would live at once had the launches stayed in the order of the source; null when nobody asked (<see cref="Planner.PeakBytes"/> tells).</summary>
    public long? NaturalPeak { get; init; }

    /// <summary>The function as it was lowered: <see cref="Function"/> itself, or what it repeats launches of.</summary>
    public LoweredFunction Source { get; init; } = Function;

    /// <summary>The launches of <see cref="Source"/> in the order in which <see cref="Function"/> has them, some of them more than once; empty where none is repeated.</summary>
    public ImmutableArray<int> Order { get; init; } = [];

    /// <summary>Bytes of arena that it was planned for; null for as many as it takes.</summary>
    public long? Budget { get; init; }

    /// <summary>How many launches run again.</summary>
    public int Repeated => Order.IsEmpty ? 0 : Order.Length - Source.Launches.Length;

    /// <summary>What finding the placement cost, in steps of about two nanoseconds; the same on every machine.</summary>
    public long Work { get; init; }

    /// <summary>Bytes of the parameters, buffers and optimizer states that the function touches.</summary>
    public long StateBytes => Function.Buffers.Where(b => b.Kind == BufferKind.State).Sum(b => Bytes[b.Id]);

    /// <summary>Bytes that each thread of a session has for itself beside the arena: what the launch that needs the most of it asks for. How many threads there are is no part of a plan.</summary>
    public long ThreadBytes => Function.Launches.Select(l => l.ThreadBytes(Binding)).DefaultIfEmpty(0).Max();

    /// <summary>Bytes of the arena's buffers that are workspaces: packed operands and partial sums.</summary>
    public long WorkspaceBytes => Function.Launches.Sum(l => l.WorkspaceBytes(Binding));

    /// <summary>Arena ÷ lower bound; 1 is perfect.</summary>
    public double Ratio => LowerBound == 0 ? 1 : (double)ArenaBytes / LowerBound;

    /// <summary>The launch at the peak.</summary>
    public Launch? Peak => PeakLaunch < 0 || PeakLaunch >= Function.Launches.Length ? null : Function.Launches[PeakLaunch];

    /// <summary>Operation and source line of the peak, such as <c>#7 conv2d_grad_weight (Digits.cs:22 conv)</c>.</summary>
    public string PeakDescription => Peak is not { } launch ? "nowhere"
        : "#" + PeakLaunch.ToString(System.Globalization.CultureInfo.InvariantCulture) + " " + launch.Title + (launch.Origins.Length > 0 ? " (" + launch.Origins[0] + ")" : "");
}
