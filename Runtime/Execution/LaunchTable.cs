using System;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Runtime.Cpu;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>A function under one binding, ready to run: every pointer and size that does not change from call to call is in place.</summary>
sealed unsafe class LaunchTable : IBoundFunction
{
    readonly NativeBump memory;

    readonly ParameterStore store;
    readonly WorkerPool pool;

    readonly CompiledFunction function;
    readonly long? budget;

    internal LaunchTable(NativeBump memory, CompiledFunction function, long? budget, long[] values, long[] lengths, ParameterStore store, WorkerPool pool)
    {
        this.memory = memory;
        this.function = function;
        this.budget = budget;
        this.store = store;
        this.pool = pool;
        Values = values;
        Lengths = lengths;
    }

    public MemoryPlan Plan => field ??= function.Plan(Values, budget);

    /// <summary>The values of the function's symbols, by which tables are found.</summary>
    public long[] Values { get; }

    /// <summary>Elements that each argument and result must have.</summary>
    public long[] Lengths { get; }

    public LaunchEntry* Entries;
    public int Count { get; init; }

    /// <summary>The first launch that writes a parameter or state, or <see cref="Count"/>: when one before it fails, nothing has changed.</summary>
    public int FirstWrite;
    public Patch* Patches;
    public int PatchCount;
    public ArgumentCopy* Loads;
    public int LoadCount;
    public ResultCopy* Copies;
    public int CopyCount;

    public Relocation* Relocations;
    public int RelocationCount;

    /// <summary>Time of each launch so far; null until somebody asks for it.</summary>
    public long[]? Ticks { get; set; }

    /// <summary>Bytes that the table takes.</summary>
    public long Bytes => memory.Bytes + (Values.Length + Lengths.Length) * sizeof(long);

    /// <summary>Lets every pointer into the arena point into another one, which is as large as the plan needs. Cannot fail.</summary>
    public void MoveTo(IArena arena)
    {
        var start = (nint)((NativeBlock)arena).Pointer;
        for (var i = 0; i < RelocationCount; i++) *Relocations[i].Slot = (byte*)((start << Relocations[i].Shift) + Relocations[i].Offset);
    }

    /// <summary>Runs the launches in order. <paramref name="ticks"/>, when given, gets the time of each added.</summary>
    public void Run(CallArguments arguments, long[]? ticks)
    {
        for (var i = 0; i < PatchCount; i++)
            *Patches[i].Slot = (byte*)(((nint)arguments[Patches[i].Argument].Pointer << Patches[i].Shift) + Patches[i].Offset);
        for (var i = 0; i < LoadCount; i++) Buffer.MemoryCopy(arguments[Loads[i].Argument].Pointer, Loads[i].To, Loads[i].Bytes, Loads[i].Bytes);

        if (!isCompiled)
        {
            isCompiled = true;
            if (pool.Threads > 1) pool.Run(&CompileAhead, Entries, Count, 1);
        }
        var wasSound = store.IsSound;
        Run(0, Count, ticks);
        if (FirstWrite < Count) store.IsSound = wasSound;

        for (var i = 0; i < CopyCount; i++)
        {
            var source = Copies[i].SourceArgument < 0 ? Copies[i].Source : arguments[Copies[i].SourceArgument].Pointer;
            Buffer.MemoryCopy(source, arguments[Copies[i].Argument].Pointer, Copies[i].Bytes, Copies[i].Bytes);
        }
    }

    // Kernels are compiled when they are first called. One behind the other in the first run that would be the work of one thread; called for nothing before it, all threads share it.
    bool isCompiled;

    static void CompileAhead(void* context, long begin, long end, int worker)
    {
        for (var entry = (LaunchEntry*)context + begin; entry < (LaunchEntry*)context + end; entry++)
        {
            if (entry->Kernel != null) entry->Kernel(entry->Pointers, entry->Dims, 0, 0, entry->Scratch[worker]);
            if (entry->Contract != null) Contract.CompileAhead(entry->Contract, entry->Scratch[worker]);
            if (entry->Convolution != null)
            {
                var call = entry->Convolution;
                Tiles.Nothing(call->Epilogue, call->EpiloguePointers, call->EpilogueDims);
            }
        }
    }

    void Run(int from, int to, long[]? ticks)
    {
        for (var i = from; i < to; i++)
        {
            if (i >= FirstWrite) store.IsSound = false; // the first one may lie in a branch that is not taken
            var start = ticks is null ? 0 : System.Diagnostics.Stopwatch.GetTimestamp();
            var entry = &Entries[i];
            switch (entry->Kind)
            {
                case LaunchKind.Loop:
                    pool.Run(&LaunchEntry.RunLoop, entry, entry->Extent, entry->Grain);
                    break;
                case LaunchKind.Segmented:
                    pool.Run(&LaunchEntry.RunSegments, entry, entry->Extent, 1);
                    break;
                case LaunchKind.Contract:
                    Contract.Run(pool, entry->Contract);
                    break;
                case LaunchKind.Convolution:
                    RunConvolution(pool, entry);
                    break;
                case LaunchKind.Library:
                    RunLibrary(i);
                    break;
                case LaunchKind.Repeat:
                    Repeat(i, ticks);
                    i += entry->Repeat->Length;
                    continue;
                case LaunchKind.Branch:
                    if (*(byte*)entry->Pointers[0] != 0) Run(i + 1, i + 1 + entry->Then, ticks);
                    else Run(i + 1 + entry->Then, i + 1 + entry->Then + entry->Else, ticks);
                    i += entry->Then + entry->Else;
                    continue;
                default:
                    throw new InvalidOperationException($"A launch is of the unknown kind {entry->Kind}.");
            }
            if (ticks is not null) ticks[i] += System.Diagnostics.Stopwatch.GetTimestamp() - start;
        }
    }

    void Repeat(int launch, long[]? ticks)
    {
        var repeat = Entries[launch].Repeat;
        for (long iteration = 0; iteration < repeat->Count; iteration++)
        {
            if (repeat->Condition is not null && **repeat->Condition == 0) return;
            var index = repeat->Reverse ? repeat->Count - 1 - iteration : iteration;
            if (repeat->Index is not null) **repeat->Index = index;
            for (var s = 0; s < repeat->StepCount; s++) *repeat->Steps[s].Slot = (byte*)*repeat->Steps[s].Start + index * repeat->Steps[s].Bytes;
            Run(launch + 1, launch + 1 + repeat->Length, ticks);
        }
    }

    void RunLibrary(int launch)
    {
        try
        {
            Entries[launch].Library(pool, Entries[launch].Call);
        }
        catch (ArgumentOutOfRangeException e)
        {
            // A row that is not there: the kernel does not know whose table it reads.
            throw new ArgumentOutOfRangeException($"{function.Name}: {Launched(launch)}: {e.Message}", e);
        }
    }

    string Launched(int launch)
    {
        var launched = Plan.Function.Launches[launch];
        return ((launched as Compiler.Kernels.LibraryLaunch)?.Attributes.Text("what") ?? launched.Title) + (launched.Origins.IsEmpty ? "" : $" ({launched.Origins[0]})");
    }

    static void RunConvolution(WorkerPool pool, LaunchEntry* entry)
    {
        switch (entry->ConvolutionKind)
        {
            case Compiler.Kernels.ConvolutionKind.Forward: Convolution.Forward(pool, entry->Convolution); break;
            case Compiler.Kernels.ConvolutionKind.ImageGradient: Convolution.ImageGradient(pool, entry->Convolution); break;
            case Compiler.Kernels.ConvolutionKind.WeightGradient: Convolution.WeightGradient(pool, entry->Convolution); break;
            default: throw new InvalidOperationException($"A convolution is of the unknown kind {entry->ConvolutionKind}.");
        }
    }

    public void Dispose() => memory.Dispose();
}
