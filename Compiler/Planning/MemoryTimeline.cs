using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>What an intermediate is for.</summary>
public enum IntermediateKind
{
    /// <summary>A value of the forward or backward pass.</summary>
    Activation,
    /// <summary>The gradient of a parameter: as large as one, and read by a launch that writes it.</summary>
    Gradient,
    /// <summary>What one launch works in beside its operands.</summary>
    Workspace,
    /// <summary>A copy of what the caller gives or gets, where the target wants one.</summary>
    Argument,
}

/// <summary>Bytes that live at one launch, by what they are for, each buffer rounded up to the alignment.</summary>
public readonly record struct LiveMemory(long Activations, long Gradients, long Workspaces, long Arguments)
{
    public long Total => Activations + Gradients + Workspaces + Arguments;

    internal LiveMemory With(IntermediateKind kind, long bytes) => kind switch
    {
        IntermediateKind.Activation => this with { Activations = Activations + bytes },
        IntermediateKind.Gradient => this with { Gradients = Gradients + bytes },
        IntermediateKind.Workspace => this with { Workspaces = Workspaces + bytes },
        IntermediateKind.Argument => this with { Arguments = Arguments + bytes },
        _ => throw new System.ArgumentOutOfRangeException(nameof(kind), kind, "There is no such kind of intermediate."),
    };
}

/// <summary>A buffer that lives at the peak.</summary>
/// <param name="Buffer">The buffer.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Bytes">Its size, rounded up to the alignment.</param>
/// <param name="MadeBy">The launch that first writes it; −1 for an argument.</param>
public sealed record LiveBuffer(Buffer Buffer, IntermediateKind Kind, long Bytes, int MadeBy);

/// <summary>What lives in the arena at each launch of a plan. Memory that is taken over in place counts once.</summary>
public sealed class MemoryTimeline
{
    readonly IntermediateKind[] kinds;

    /// <param name="plan">The plan.</param>
    /// <param name="states">The states of its program: they tell parameters from others.</param>
    public MemoryTimeline(MemoryPlan plan, ImmutableArray<StateDecl> states)
    {
        Plan = plan;
        var function = plan.Function;
        kinds = KindsOf(function, states);
        var moments = new LiveMemory[function.Launches.Length];
        var peak = new List<LiveBuffer>();
        foreach (var buffer in function.Buffers)
        {
            var life = plan.Lives[buffer.Id];
            if (!life.Exists) continue;
            var bytes = function.Align(plan.Bytes[buffer.Id]);
            var first = plan.TakesOver[buffer.Id] >= 0 ? life.First + 1 : life.First; // at its first launch it lies within the one that it continues
            for (var i = first; i <= life.Last && i < moments.Length; i++) moments[i] = moments[i].With(kinds[buffer.Id], bytes);
            if (first <= plan.PeakLaunch && plan.PeakLaunch <= life.Last) peak.Add(new(buffer, kinds[buffer.Id], bytes, buffer.Kind == BufferKind.Argument ? -1 : life.First));
        }
        Moments = [.. moments];
        AtPeak = [.. peak.OrderByDescending(b => b.Bytes).ThenBy(b => b.Buffer.Id)];
    }

    public MemoryPlan Plan { get; }

    /// <summary>What lives at each launch.</summary>
    public ImmutableArray<LiveMemory> Moments { get; }

    /// <summary>What lives at the peak, by kind; nothing in a function without intermediates.</summary>
    public LiveMemory Peak => Plan.Peak is null ? default : Moments[Plan.PeakLaunch];

    /// <summary>The buffers that live at the peak, the largest first.</summary>
    public ImmutableArray<LiveBuffer> AtPeak { get; }

    static IntermediateKind[] KindsOf(LoweredFunction function, ImmutableArray<StateDecl> states)
    {
        var parameters = new HashSet<string>(states.Where(s => s.Kind == StateKind.Parameter).Select(s => s.Path));
        var kinds = new IntermediateKind[function.Buffers.Length];
        foreach (var buffer in function.Buffers)
            if (buffer.Kind is (BufferKind.Argument or BufferKind.Result)) kinds[buffer.Id] = IntermediateKind.Argument;
        foreach (var launch in function.Launches)
        {
            if (launch.Workspace is { Pointer: { } pointer }) kinds[launch.Operands[pointer].Buffer.Id] = IntermediateKind.Workspace;
            var sizes = new HashSet<Dim>(launch.Operands.Where(o => o.IsWritten && o.Buffer.Kind == BufferKind.State && parameters.Contains(o.Buffer.Name)).Select(o => o.Buffer.Elements));
            if (sizes.Count == 0) continue;
            foreach (var operand in launch.Operands)
                if (!operand.IsWritten && operand.Buffer.Kind == BufferKind.Arena && sizes.Contains(operand.Buffer.Elements)) kinds[operand.Buffer.Id] = IntermediateKind.Gradient;
        }
        return kinds;
    }
}
