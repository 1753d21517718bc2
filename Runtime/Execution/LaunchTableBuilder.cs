using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Runtime.Cpu;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>Writes a launch table: evaluates sizes under the binding and resolves operands to addresses in arena and store.</summary>
sealed unsafe partial class LaunchTableBuilder
{
    readonly CompiledModel model;
    readonly CompiledFunction function;
    readonly MemoryPlan plan;
    readonly ParameterStore store;
    readonly byte* arena;
    readonly WorkerPool pool;
    readonly NativeBump memory;
    readonly int[] callers; // which argument or result of the call a buffer is, by its number; −1 for those of ours
    readonly Growing<Patch> patches = new();
    readonly Growing<Relocation> relocations = new();
    long scratchBytes;

    LaunchTableBuilder(CompiledModel model, CompiledFunction function, MemoryPlan plan, ParameterStore store, byte* arena, WorkerPool pool)
    {
        this.model = model;
        this.function = function;
        this.plan = plan;
        this.store = store;
        this.arena = arena;
        this.pool = pool;
        memory = new($"the launch table of {model.Name}.{function.Name}");
        var lowered = function.Lowered;
        callers = new int[lowered.Buffers.Length];
        Array.Fill(callers, -1);
        for (var i = 0; i < lowered.Arguments.Length; i++) callers[lowered.Arguments[i].Id] = i;
        for (var i = 0; i < lowered.Results.Length; i++)
            if (lowered.Results[i].Kind == BufferKind.Result && callers[lowered.Results[i].Id] < 0) callers[lowered.Results[i].Id] = lowered.Arguments.Length + i;
    }

    /// <summary>A table over parameters, an arena and a pool's scratch memory, which have to outlive it. When it cannot be made, nothing is left behind.</summary>
    public static LaunchTable Build(CompiledModel model, CompiledFunction function, MemoryPlan plan, long[] values, ParameterStore store, byte* arena, WorkerPool pool)
    {
        var builder = new LaunchTableBuilder(model, function, plan, store, arena, pool);
        try
        {
            return builder.Build(values);
        }
        catch
        {
            builder.memory.Dispose();
            throw;
        }
    }

    LaunchTable Build(long[] values)
    {
        var launches = function.Lowered.Launches;
        var table = new LaunchTable(memory, plan, values, function.Lengths(values), store, pool) { Entries = memory.Take<LaunchEntry>(launches.Length), Count = launches.Length };
        for (var i = 0; i < launches.Length; i++)
        {
            while (loops.Count > 0 && i > loops.Last.Last) End(&table.Entries[loops.Last.Launch]);
            Write(launches[i], &table.Entries[i]);
            if (launches[i] is RepeatLaunch repeat) loops.Add(new(i, i + repeat.Length, repeat.Index, new()));
        }
        while (loops.Count > 0) End(&table.Entries[loops.Last.Launch]);
        while (table.FirstWrite < launches.Length && !(function.IsTraining && WritesStates(launches[table.FirstWrite]))) table.FirstWrite++;
        // All memory that kernels need is there before a step begins.
        pool.EnsureScratch(scratchBytes);

        WriteLoads(table);
        WriteCopies(table);
        table.Patches = memory.Take<Patch>(patches.Count);
        table.PatchCount = patches.Count;
        for (var i = 0; i < patches.Count; i++) table.Patches[i] = patches[i];
        table.Relocations = memory.Take<Relocation>(relocations.Count);
        table.RelocationCount = relocations.Count;
        for (var i = 0; i < relocations.Count; i++) table.Relocations[i] = relocations[i];
        return table;
    }

    static bool WritesStates(Launch launch)
    {
        foreach (var operand in launch.Operands)
            if (operand.IsWritten && operand.Buffer.Kind == BufferKind.State) return true;
        return false;
    }

    long Evaluate(Dim dim) => dim.TryConstant(out var constant) ? constant : dim.Evaluate(plan.Binding);

    long* Evaluate(ImmutableArray<Dim> dims)
    {
        var place = memory.Take<long>(dims.Length);
        for (var i = 0; i < dims.Length; i++) place[i] = Evaluate(dims[i]);
        return place;
    }

    void Write(Launch launch, LaunchEntry* entry)
    {
        entry->Scratch = pool.ScratchTable;
        entry->Pointers = (void**)memory.Take<nint>(launch.Operands.Length);
        for (var i = 0; i < launch.Operands.Length; i++) Resolve(launch.Operands[i], &entry->Pointers[i]);
        switch (launch)
        {
            case LoopLaunch loop:
                entry->Kind = LaunchKind.Loop;
                entry->Kernel = (delegate*<void**, long*, long, long, float*, void>)model.Address(loop.Kernel);
                entry->Dims = Evaluate(loop.Dims);
                entry->Extent = Evaluate(loop.Extent);
                entry->Grain = Math.Max(1, Evaluate(loop.Grain));
                scratchBytes = Math.Max(scratchBytes, Evaluate(loop.ScratchBytes));
                break;
            case SegmentedLaunch segmented:
                WriteSegments(segmented, entry);
                break;
            case ContractLaunch contract:
                WriteContract(contract, entry);
                break;
            case ConvolutionLaunch convolution:
                WriteConvolution(convolution, entry);
                break;
            case AttentionLaunch attention:
                WriteAttention(attention, entry);
                break;
            case LibraryLaunch library:
                WriteLibrary(library, entry);
                break;
            case RepeatLaunch repeat:
                WriteRepeat(repeat, entry);
                break;
            case BranchLaunch branch:
                entry->Kind = LaunchKind.Branch;
                (entry->Then, entry->Else) = (branch.Then, branch.Else);
                break;
            default:
                throw new NotSupportedException($"{model.Name} has a launch of the unknown kind {launch.GetType().Name}.");
        }
    }

    // Writes the operand's address to a slot of the table, now or, for the caller's memory, at each call; what moves in a loop is written there by each of its iterations.
    void Resolve(Operand operand, void** slot)
    {
        var buffer = operand.Buffer;
        // Elements that are parts of bytes are counted by their pointers: see Nibbles.
        var shift = buffer.DType.Bits() < 8 ? 1 : 0;
        var unit = shift == 0 ? buffer.DType.Size() : 1;
        slot = Stepping(operand.Offset, unit, slot, out var start);
        var offset = Evaluate(start) * unit;
        if (function.Lowered.IsPlanned(buffer))
        {
            PointIntoArena((byte**)slot, (plan.Offsets[buffer.Id] << shift) + offset, shift);
            return;
        }
        switch (buffer.Kind)
        {
            case BufferKind.State:
                *slot = (byte*)(((nint)store[buffer.Name].Pointer << shift) + offset);
                break;
            case BufferKind.Argument or BufferKind.Result:
                patches.Add(new() { Slot = slot, Argument = callers[buffer.Id], Shift = shift, Offset = offset });
                break;
            default:
                throw new NotSupportedException($"{model.Name} has a buffer of the unknown kind {buffer.Kind}.");
        }
    }

    void PointIntoArena(byte** slot, long offset, int shift = 0)
    {
        *slot = (byte*)(((nint)arena << shift) + offset);
        relocations.Add(new() { Slot = slot, Shift = shift, Offset = offset });
    }

    void WriteSegments(SegmentedLaunch launch, LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Segmented;
        entry->Kernel = (delegate*<void**, long*, long, long, float*, void>)model.Address(launch.Kernel);
        entry->Grain = Math.Max(1, Evaluate(launch.Grain));
        entry->Segments = memory.Take<SegmentEntry>(launch.Segments.Length);
        entry->SegmentCount = launch.Segments.Length;
        scratchBytes = Math.Max(scratchBytes, Evaluate(launch.ScratchBytes));
        long chunks = 0;
        for (var i = 0; i < launch.Segments.Length; i++)
        {
            var segment = launch.Segments[i];
            var extent = Evaluate(segment.Extent);
            entry->Segments[i] = new() { Pointers = entry->Pointers + segment.FirstOperand, Dims = Evaluate(segment.Dims), Extent = extent, FirstChunk = chunks };
            chunks += (extent + entry->Grain - 1) / entry->Grain;
        }
        entry->Extent = chunks;
    }

    void WriteContract(ContractLaunch launch, LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Contract;
        Check(launch.Title, launch.Kernel.Sums, launch.Kernel.Accumulator, launch.Kernel.A, launch.Kernel.B, launch.Kernel.C, launch.Kernel.SumsOfA, launch.Kernel.SumsOfB);
        var call = entry->Contract = memory.Take<ContractCall>(1);
        *call = new(Evaluate(launch.M), Evaluate(launch.N), Evaluate(launch.K))
        {
            Sums = Sums(launch.Kernel.Accumulator),
            Batch0 = Evaluate(launch.Batch[0]),
            Batch1 = Evaluate(launch.Batch[1]),
            Batch2 = Evaluate(launch.Batch[2]),
        };
        if (launch.A is { } a)
        {
            Resolve(launch.Operands[a.Operand], (void**)&call->A);
            (call->AM, call->AK) = (Evaluate(a.RowStride), Evaluate(a.ColumnStride));
            (call->ABatch0, call->ABatch1, call->ABatch2) = BatchStrides(a);
        }
        if (launch.B is { } b)
        {
            Resolve(launch.Operands[b.Operand], (void**)&call->B);
            (call->BK, call->BN) = (Evaluate(b.RowStride), Evaluate(b.ColumnStride));
            (call->BBatch0, call->BBatch1, call->BBatch2) = BatchStrides(b);
        }
        if (launch.C is { } c)
        {
            Resolve(launch.Operands[c.Operand], (void**)&call->C);
            (call->CM, call->CN) = (Evaluate(c.RowStride), Evaluate(c.ColumnStride));
            (call->CBatch0, call->CBatch1, call->CBatch2) = BatchStrides(c);
        }
        if (launch.PrologueA is { } makesA)
        {
            call->TransposedA = makesA.Transposed;
            Write(makesA.Hook, entry, (nint*)&call->PrologueA, &call->PrologueAPointers, &call->PrologueADims);
        }
        if (launch.PrologueB is { } makesB)
        {
            call->TransposedB = makesB.Transposed;
            Write(makesB.Hook, entry, (nint*)&call->PrologueB, &call->PrologueBPointers, &call->PrologueBDims);
        }
        if (launch.Epilogue is { } takes) Write(takes, entry, (nint*)&call->Epilogue, &call->EpiloguePointers, &call->EpilogueDims);
        WriteSums(launch.SumsOfA, launch, &call->SumsOfA);
        WriteSums(launch.SumsOfB, launch, &call->SumsOfB);
        call->WorkspaceFloats = Workspace(launch, (void**)&call->Workspace);
        if (call->WorkspaceFloats < Contract.LeastWorkspace(call)) throw TooLittle(launch, Contract.LeastWorkspace(call), call->WorkspaceFloats);
        ReserveBlocks(launch, call->Sums);
    }

    void WriteSums(VectorView? view, ContractLaunch launch, OperandSums* sums)
    {
        if (view is null) return;
        Resolve(launch.Operands[view.Operand], (void**)&sums->To);
        (sums->Step, sums->Batch0, sums->Batch1, sums->Batch2) = (Evaluate(view.Stride), Evaluate(view.BatchStrides[0]), Evaluate(view.BatchStrides[1]), Evaluate(view.BatchStrides[2]));
    }

    // The floats that a launch has for what it packs, and where.
    long Workspace(Launch launch, void** slot)
    {
        if (launch.Workspace is not { Pointer: { } pointer }) return 0;
        var operand = launch.Operands[pointer];
        Resolve(operand, slot);
        return plan.Bytes[operand.Buffer.Id] / sizeof(float);
    }

    InvalidOperationException TooLittle(Launch launch, long needed, long given) =>
        new($"{model.Name}: the processor needs {needed} floats of workspace for {launch.Title}, but its kernel plans {given}.");

    // What a thread packs in for itself is planned, too.
    void ReserveBlocks(Launch launch, SumType sums)
    {
        var planned = launch.ThreadBytes(plan.Binding);
        if (sums != SumType.Float32 && planned < BlockedProduct<double>.ScratchBytes)
            throw new InvalidOperationException($"{model.Name}: each thread needs {BlockedProduct<double>.ScratchBytes} bytes for the blocks of {launch.Title}, but its kernel plans {planned}.");
        scratchBytes = Math.Max(scratchBytes, planned);
    }

    static SumType Sums(DType accumulator) => accumulator switch
    {
        DType.F32 => SumType.Float32,
        DType.F64 => SumType.Float64,
        DType.I32 => SumType.Int32,
        _ => throw new NotSupportedException($"The processor has no sums of {accumulator.Name()}."),
    };

    // The library adds up in one order, and reads and writes the type of the sums: what lies in memory in another is converted by a kernel's bodies. A kernel that asks for anything else is not for it.
    void Check(string title, ProductSums sums, DType accumulator, params ReadOnlySpan<Access?> operands)
    {
        if (sums != Numerics.Sums(accumulator)) throw new NotSupportedException($"{model.Name}: the processor adds {title} up by {Numerics.Sums(accumulator).Text}, but it was compiled for {sums.Text}.");
        foreach (var type in operands)
            if (type is not null && type.Type != accumulator) throw new NotSupportedException($"{model.Name}: the processor adds {title} up in {accumulator.Name()} and has no kernel over {type.Type.Name()}.");
    }

    (long, long, long) BatchStrides(MatrixView view) => (Evaluate(view.BatchStrides[0]), Evaluate(view.BatchStrides[1]), Evaluate(view.BatchStrides[2]));

    void Write(Hook? hook, LaunchEntry* entry, TileCall* call)
    {
        if (hook is not null) Write(hook, entry, (nint*)&call->Function, &call->Pointers, &call->Dims);
    }

    void Write(Hook hook, LaunchEntry* entry, nint* function, void*** pointers, long** dims)
    {
        *function = model.Address(hook.Kernel);
        *pointers = entry->Pointers + hook.FirstOperand;
        *dims = Evaluate(hook.Dims);
    }

    // Arguments that have places in the arena.
    void WriteLoads(LaunchTable table)
    {
        var planned = new Growing<Compiler.Kernels.Buffer>();
        foreach (var argument in function.Lowered.Arguments)
            if (function.Lowered.IsPlanned(argument)) planned.Add(argument);
        table.Loads = memory.Take<ArgumentCopy>(planned.Count);
        table.LoadCount = planned.Count;
        for (var i = 0; i < planned.Count; i++)
        {
            table.Loads[i] = new() { Argument = callers[planned[i].Id], Bytes = plan.Bytes[planned[i].Id] };
            PointIntoArena((byte**)&table.Loads[i].To, plan.Offsets[planned[i].Id]);
        }
    }

    void WriteCopies(LaunchTable table)
    {
        var lowered = function.Lowered;
        var copies = new Growing<ResultCopy>();
        for (var i = 0; i < lowered.Results.Length; i++)
        {
            var buffer = lowered.Results[i];
            var argument = lowered.Arguments.Length + i;
            var bytes = plan.Bytes[buffer.Id];
            if (buffer.Kind is (BufferKind.Argument or BufferKind.Result) && !lowered.IsPlanned(buffer))
            {
                if (callers[buffer.Id] != argument) copies.Add(new() { SourceArgument = callers[buffer.Id], Argument = argument, Bytes = bytes });
                continue;
            }
            copies.Add(new() { Source = buffer.Kind == BufferKind.State ? store[buffer.Name].Pointer : null, SourceArgument = -1, Argument = argument, Bytes = bytes });
        }
        table.Copies = memory.Take<ResultCopy>(copies.Count);
        table.CopyCount = copies.Count;
        for (var i = 0; i < copies.Count; i++)
        {
            table.Copies[i] = copies[i];
            if (lowered.Results[copies[i].Argument - lowered.Arguments.Length] is var inArena && lowered.IsPlanned(inArena)) PointIntoArena((byte**)&table.Copies[i].Source, plan.Offsets[inArena.Id]);
        }
    }
}
