using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph;

/// <summary>How many warps of a kernel a multiprocessor holds at once, and what keeps it from more.</summary>
/// <param name="Kernel">The function in the model's module.</param>
/// <param name="Module">Which of the model's modules that is: <c>sm_70</c> runs on every card, <c>sm_80</c> has the forms of kernels for tensor cores, of which a launch takes the one that its sizes choose.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="SharedBytes">Shared memory of a block.</param>
/// <param name="Registers">Registers of a thread; null where nobody could say.</param>
/// <param name="Warps">Resident warps; null without registers.</param>
/// <param name="Share">Of the most warps that a multiprocessor may have; null without registers.</param>
/// <param name="Limiter"><c>registers</c>, <c>shared memory</c>, <c>blocks</c> or <c>warps</c>; null without registers.</param>
public sealed record KernelOccupancy(string Kernel, string Module, int Threads, int SharedBytes, int? Registers, int? Warps, double? Share, string? Limiter);

/// <summary>The occupancy of a model's kernels on a generation of cards; as text, a table.</summary>
/// <param name="Card">The generation.</param>
/// <param name="RegistersFrom">Who said how many registers kernels take: <c>driver</c>, <c>ptxas</c> or <c>unknown</c>.</param>
/// <param name="Kernels">In the order of the modules that the card loads.</param>
public sealed record OccupancyTable(Sm Card, string RegistersFrom, ImmutableArray<KernelOccupancy> Kernels)
{
    public override string ToString()
    {
        var width = Kernels.Select(k => k.Kernel.Length).DefaultIfEmpty(0).Max();
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Card} (sm_{(int)Card}), registers from: {RegistersFrom}\n");
        text.Append(CultureInfo.InvariantCulture, $"{"kernel".PadRight(width)}  module  threads  shared  registers  warps  occupancy  limiter\n");
        foreach (var k in Kernels)
            text.Append(CultureInfo.InvariantCulture, $"{k.Kernel.PadRight(width)}  {k.Module,-6}  {k.Threads,7}  {k.SharedBytes,6}  {Number(k.Registers),9}  {Number(k.Warps),5}  {(k.Share is { } share ? share.ToString("0 %", CultureInfo.InvariantCulture) : "unknown"),9}  {k.Limiter ?? "unknown"}\n");
        return text.ToString();
    }

    static string Number(int? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "unknown";
}
