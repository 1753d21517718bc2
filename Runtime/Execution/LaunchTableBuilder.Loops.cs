using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

// Loops: which pointers of their bodies move from iteration to iteration, and by how much.
sealed unsafe partial class LaunchTableBuilder
{
    /// <summary>A loop around the launch that is being written.</summary>
    sealed class LoopScope(int launch, int last)
    {
        public int Launch { get; } = launch;

        public int Last { get; } = last;

        public Growing<StepEntry> Steps { get; } = new();
    }

    // The innermost last.
    readonly Growing<LoopScope> loops = new();

    void WriteRepeat(LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Repeat;
        var repeat = entry->Repeat = memory.Take<RepeatEntry>(1);
        *repeat = new() { Count = Next(), Reverse = NextBool(), Length = NextInt() };
        if (NextBool()) repeat->Index = (long**)&entry->Pointers[0];
        if (NextBool()) repeat->Condition = (byte**)&entry->Pointers[code[2] - 1];
        loops.Add(new(launch, launch + repeat->Length));
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

    // The slot for the address in iteration 0 of every loop that the operand moves with: depths and steps stand from a place on.
    void** Stepping(int from, int count, void** slot)
    {
        for (var i = 0; i < count; i++)
        {
            var first = (void**)memory.Take(sizeof(void*));
            loops[(int)code[from + 2 * i]].Steps.Add(new() { Slot = slot, Start = first, Bytes = code[from + 2 * i + 1] });
            slot = first;
        }
        return slot;
    }
}
