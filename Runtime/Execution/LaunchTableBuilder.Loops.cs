using System.Collections.Generic;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

// Loops: which pointers of their bodies move from iteration to iteration, and by how much.
sealed unsafe partial class LaunchTableBuilder
{
    /// <summary>A loop around the launch that is being written.</summary>
    sealed record LoopScope(int Launch, int Last, string Index, Growing<StepEntry> Steps);

    // The innermost last.
    readonly Growing<LoopScope> loops = new();

    void WriteRepeat(RepeatLaunch launch, LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Repeat;
        var repeat = entry->Repeat = memory.Take<RepeatEntry>(1);
        *repeat = new() { Count = Evaluate(launch.Count), Reverse = launch.Reverse, Length = launch.Length };
        if (launch.ReadsIndex) repeat->Index = (long**)&entry->Pointers[0];
        if (launch.IsConditional) repeat->Condition = (byte**)&entry->Pointers[launch.Operands.Length - 1];
    }

    // All launches of the innermost loop are written.
    void End(LaunchEntry* entry)
    {
        var steps = loops.Last.Steps;
        loops.RemoveLast();
        entry->Repeat->Steps = memory.Take<StepEntry>(steps.Count);
        entry->Repeat->StepCount = steps.Count;
        for (var i = 0; i < steps.Count; i++) entry->Repeat->Steps[i] = steps[i];
    }

    // The slot for the address in iteration 0 of every loop whose index an offset has, and what is left of the offset there. An offset grows by the same with every iteration.
    void** Stepping(Dim offset, int elementBytes, void** slot, out Dim start)
    {
        for (var depth = loops.Count - 1; depth >= 0; depth--)
        {
            var loop = loops[depth];
            var from = offset.Substitute(new Dictionary<string, Dim> { [loop.Index] = Dim.Zero });
            if (from == offset) continue;
            var step = offset.Substitute(new Dictionary<string, Dim> { [loop.Index] = Dim.One }) - from;
            var first = (void**)memory.Take<nint>(1);
            loop.Steps.Add(new() { Slot = slot, Start = first, Bytes = Evaluate(step) * elementBytes });
            offset = from;
            slot = first;
        }
        start = offset;
        return slot;
    }
}
