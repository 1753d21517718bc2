using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

enum LaunchKind
{
    Loop,
    Segmented,
    Contract,
    Convolution,
    Library,
    Repeat,
    Branch,
}

/// <summary>One line of a launch table: all that running a launch takes, in unmanaged memory.</summary>
unsafe struct LaunchEntry
{
    public LaunchKind Kind;

    /// <summary>The generated kernel of a loop or of segments.</summary>
    public delegate*<void**, long*, long, long, float*, void> Kernel;

    /// <summary>The operands of all hooks, segments and the launch itself.</summary>
    public void** Pointers;
    public long* Dims;
    public long Extent, Grain;

    /// <summary>The worker pool's scratch memory, by worker.</summary>
    public float** Scratch;

    public SegmentEntry* Segments;
    public int SegmentCount;

    public ContractCall* Contract;
    public ConvolutionCall* Convolution;
    public Compiler.Kernels.ConvolutionKind ConvolutionKind;

    /// <summary>A kernel of the library and its call: operands and sizes.</summary>
    public delegate*<WorkerPool, void*, void> Library;
    public void* Call;

    /// <summary>The launches behind this one that it repeats.</summary>
    public RepeatEntry* Repeat;

    /// <summary>Of the launches behind this one so many run when its operand is true, else so many behind those.</summary>
    public int Then, Else;

    /// <summary>One chunk of a loop.</summary>
    public static void RunLoop(void* context, long begin, long end, int worker)
    {
        var entry = (LaunchEntry*)context;
        entry->Kernel(entry->Pointers, entry->Dims, begin, end, entry->Scratch[worker]);
    }

    /// <summary>Some chunks of segments, numbered through: chunk c belongs to the last segment that begins at or before c.</summary>
    public static void RunSegments(void* context, long begin, long end, int worker)
    {
        var entry = (LaunchEntry*)context;
        for (var chunk = begin; chunk < end; chunk++)
        {
            int low = 0, high = entry->SegmentCount - 1;
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                if (entry->Segments[middle].FirstChunk <= chunk) low = middle;
                else high = middle - 1;
            }
            var segment = &entry->Segments[low];
            var first = (chunk - segment->FirstChunk) * entry->Grain;
            entry->Kernel(segment->Pointers, segment->Dims, first, long.Min(first + entry->Grain, segment->Extent), entry->Scratch[worker]);
        }
    }
}

/// <summary>One set of operands of a segmented launch.</summary>
unsafe struct SegmentEntry
{
    public void** Pointers;
    public long* Dims;
    public long Extent;

    /// <summary>The chunks of the segments before it.</summary>
    public long FirstChunk;
}

/// <summary>How often the next launches run, and what changes from iteration to iteration.</summary>
unsafe struct RepeatEntry
{
    public long Count;
    public bool Reverse;
    public int Length;

    /// <summary>Where the number of the iteration goes; null when nobody reads it.</summary>
    public long** Index;

    /// <summary>What is looked at before each iteration, and ends the loop when it is false; null when nothing does.</summary>
    public byte** Condition;

    public StepEntry* Steps;
    public int StepCount;
}

/// <summary>A pointer that moves from iteration to iteration.</summary>
unsafe struct StepEntry
{
    /// <summary>Where the table holds it.</summary>
    public void** Slot;

    /// <summary>Where the table holds what it is in iteration 0.</summary>
    public void** Start;

    /// <summary>Bytes from one iteration to the next, or halves of them for elements of 4 bits.</summary>
    public long Bytes;
}

/// <summary>A pointer into the arena, which moves when it grows.</summary>
unsafe struct Relocation
{
    /// <summary>Where the table holds it.</summary>
    public byte** Slot;

    /// <summary>1 for elements of 4 bits, whose pointers count halves of bytes; 0 for all others.</summary>
    public int Shift;

    /// <summary>Bytes from the arena's start, or halves of them.</summary>
    public long Offset;
}

/// <summary>A pointer that changes from call to call: it lies in the caller's memory.</summary>
unsafe struct Patch
{
    /// <summary>Where the table holds it.</summary>
    public void** Slot;

    /// <summary>Which argument of the call (results after arguments).</summary>
    public int Argument;

    /// <inheritdoc cref="Relocation.Shift"/>
    public int Shift;

    /// <summary>Bytes from the argument's first element, or halves of them.</summary>
    public long Offset;
}

/// <summary>An argument that launches read in a place of its own in the arena: it is copied there before the first of them.</summary>
unsafe struct ArgumentCopy
{
    /// <summary>The place; it moves with the arena.</summary>
    public void* To;
    public int Argument;
    public long Bytes;
}

/// <summary>A result that lies somewhere else when the last launch is done: it is copied to the caller.</summary>
unsafe struct ResultCopy
{
    public void* Source;

    /// <summary>Which argument of the call is the source; −1 when it is <see cref="Source"/>.</summary>
    public int SourceArgument;
    public int Argument;
    public long Bytes;
}
