using System;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Runtime.Cpu;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>Writes a launch table from the numbers of a bound function (<see cref="BoundFunction"/> says which stand where): operands become addresses in arena and store, kernels those of their code.</summary>
sealed unsafe partial class LaunchTableBuilder
{
    readonly CompiledModel model;
    readonly CompiledFunction function;
    readonly BoundFunction bound;
    readonly long? budget;
    readonly long[] values;
    readonly ParameterStore store;
    readonly byte* arena;
    readonly WorkerPool pool;
    readonly NativeBump memory;
    readonly Growing<Patch> patches = new();
    readonly Growing<Relocation> relocations = new();
    long scratchBytes;

    // The launch that is being written: its number, what it consists of, and where in that its operands begin.
    int launch;
    long[] code = [];
    int at;
    int[] operands = new int[16];
    long threadBytes;

    LaunchTableBuilder(CompiledModel model, CompiledFunction function, BoundFunction bound, long? budget, long[] values, ParameterStore store, byte* arena, WorkerPool pool)
    {
        this.model = model;
        this.function = function;
        this.bound = bound;
        this.budget = budget;
        this.values = values;
        this.store = store;
        this.arena = arena;
        this.pool = pool;
        memory = new($"the launch table of {model.Name}.{function.Name}");
    }

    /// <summary>A table over parameters, an arena and a pool's scratch memory, which have to outlive it. When it cannot be made, nothing is left behind.</summary>
    public static LaunchTable Build(CompiledModel model, CompiledFunction function, BoundFunction bound, long? budget, long[] values, ParameterStore store, byte* arena, WorkerPool pool)
    {
        var builder = new LaunchTableBuilder(model, function, bound, budget, values, store, arena, pool);
        try
        {
            return builder.Build();
        }
        catch
        {
            builder.memory.Dispose();
            throw;
        }
    }

    LaunchTable Build()
    {
        var launches = bound.Launches;
        var table = new LaunchTable(memory, function, budget, values, function.Lengths(values), store, pool) { Entries = memory.Take<LaunchEntry>(launches.Length), Count = launches.Length, FirstWrite = bound.FirstWrite };
        for (launch = 0; launch < launches.Length; launch++)
        {
            while (loops.Count > 0 && launch > loops.Last.Last) End(&table.Entries[loops.Last.Launch]);
            (code, at) = (launches[launch], 0);
            Write(&table.Entries[launch]);
        }
        while (loops.Count > 0) End(&table.Entries[loops.Last.Launch]);
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

    long Next() => code[at++];

    int NextInt() => (int)code[at++];

    bool NextBool() => code[at++] != 0;

    double NextReal() => BitConverter.Int64BitsToDouble(code[at++]);

    // For messages.
    string Title => function.Plan(values, budget).Function.Launches[launch].Title;

    void Write(LaunchEntry* entry)
    {
        var kind = (BoundKind)Next();
        threadBytes = Next();
        entry->Scratch = pool.ScratchTable;
        WriteOperands(entry);
        switch (kind)
        {
            case BoundKind.Loop:
                entry->Kind = LaunchKind.Loop;
                entry->Kernel = (delegate*<void**, long*, long, long, float*, void>)model.Address(NextInt());
                entry->Dims = Sizes();
                entry->Extent = Next();
                entry->Grain = Math.Max(1, Next());
                scratchBytes = Math.Max(scratchBytes, threadBytes);
                break;
            case BoundKind.Segments:
                WriteSegments(entry);
                break;
            case BoundKind.Product:
                WriteProduct(entry);
                break;
            case BoundKind.Convolution:
                WriteConvolution(entry);
                break;
            case BoundKind.Attention:
                WriteAttention(entry);
                break;
            case BoundKind.Pack:
                WritePack(entry);
                break;
            case BoundKind.Library:
                WriteLibrary(entry);
                break;
            case BoundKind.Repeat:
                WriteRepeat(entry);
                break;
            case BoundKind.Branch:
                entry->Kind = LaunchKind.Branch;
                (entry->Then, entry->Else) = (NextInt(), NextInt());
                break;
            default:
                throw new NotSupportedException($"{model.Name} has a launch of the unknown kind {kind}.");
        }
    }

    void WriteOperands(LaunchEntry* entry)
    {
        var count = NextInt();
        if (count > operands.Length) operands = new int[2 * count];
        entry->Pointers = (void**)memory.Take((long)count * sizeof(void*));
        for (var i = 0; i < count; i++)
        {
            operands[i] = at;
            Resolve(i, &entry->Pointers[i]);
            at = operands[i] + OperandNumbers + 2 * (int)code[operands[i] + OperandNumbers - 1];
        }
    }

    // Of one that does not move in loops.
    const int OperandNumbers = 5;

    DType TypeOf(int operand) => (DType)code[operands[operand] + 3];

    // Writes the operand's address to a slot of the table, now or, for the caller's memory, at each call; what moves in a loop is written there by each of its iterations.
    void Resolve(int operand, void** slot)
    {
        var from = operands[operand];
        var (place, which, offset) = ((BoundPlace)code[from], code[from + 1], code[from + 2]);
        // Elements that are parts of bytes are counted by their pointers: see Nibbles.
        var shift = TypeOf(operand).Bits() < 8 ? 1 : 0;
        slot = Stepping(from + OperandNumbers, (int)code[from + OperandNumbers - 1], slot);
        switch (place)
        {
            case BoundPlace.Arena:
                PointIntoArena((byte**)slot, offset, shift);
                break;
            case BoundPlace.State:
                *slot = (byte*)(((nint)store[bound.Names[(int)which]].Pointer << shift) + offset);
                break;
            case BoundPlace.Caller:
                patches.Add(new() { Slot = slot, Argument = (int)which, Shift = shift, Offset = offset });
                break;
            default:
                throw new NotSupportedException($"{model.Name} has an operand in the unknown place {place}.");
        }
    }

    void PointIntoArena(byte** slot, long offset, int shift = 0)
    {
        *slot = (byte*)(((nint)arena << shift) + offset);
        relocations.Add(new() { Slot = slot, Shift = shift, Offset = offset });
    }

    long* Sizes()
    {
        var count = NextInt();
        var place = (long*)memory.Take((long)count * sizeof(long));
        for (var i = 0; i < count; i++) place[i] = Next();
        return place;
    }

    void WriteSegments(LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Segmented;
        entry->Kernel = (delegate*<void**, long*, long, long, float*, void>)model.Address(NextInt());
        entry->Grain = Math.Max(1, Next());
        entry->SegmentCount = NextInt();
        entry->Segments = memory.Take<SegmentEntry>(entry->SegmentCount);
        scratchBytes = Math.Max(scratchBytes, threadBytes);
        long chunks = 0;
        for (var i = 0; i < entry->SegmentCount; i++)
        {
            var (first, extent) = (NextInt(), Next());
            entry->Segments[i] = new() { Pointers = entry->Pointers + first, Dims = Sizes(), Extent = extent, FirstChunk = chunks };
            chunks += (extent + entry->Grain - 1) / entry->Grain;
        }
        entry->Extent = chunks;
    }

    void WriteProduct(LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Contract;
        var accumulator = Accumulator();
        var call = entry->Contract = memory.Take<ContractCall>(1);
        *call = new(Next(), Next(), Next()) { Sums = Sums(accumulator), Batch0 = Next(), Batch1 = Next(), Batch2 = Next() };
        if (Access(accumulator, (void**)&call->A)) (call->ABatch0, call->ABatch1, call->ABatch2, call->AM, call->AK) = (Next(), Next(), Next(), Next(), Next());
        var isPacked = NextBool();
        if (Access(accumulator, isPacked ? (void**)&call->PackedB : (void**)&call->B)) (call->BBatch0, call->BBatch1, call->BBatch2, call->BK, call->BN) = (Next(), Next(), Next(), Next(), Next());
        if (Access(accumulator, (void**)&call->C)) (call->CBatch0, call->CBatch1, call->CBatch2, call->CM, call->CN) = (Next(), Next(), Next(), Next(), Next());
        if (Body(entry, (nint*)&call->PrologueA, &call->PrologueAPointers, &call->PrologueADims)) call->TransposedA = NextBool();
        if (Body(entry, (nint*)&call->PrologueB, &call->PrologueBPointers, &call->PrologueBDims)) call->TransposedB = NextBool();
        Body(entry, (nint*)&call->Epilogue, &call->EpiloguePointers, &call->EpilogueDims);
        WriteSums(accumulator, &call->SumsOfA);
        WriteSums(accumulator, &call->SumsOfB);
        WriteSums(accumulator, &call->SumsOfC);
        if (Next() is var lanes && call->SumsOfC.IsSet && (lanes != RowSums.Lanes || call->Sums != SumType.Float32)) throw new NotSupportedException($"{model.Name}: the processor adds up rows of products in {RowSums.Lanes} partial sums of float32, but {Title} was compiled for {lanes}.");
        call->WorkspaceFloats = Workspace((void**)&call->Workspace);
        if (call->WorkspaceFloats < Contract.LeastWorkspace(call)) throw TooLittle(Contract.LeastWorkspace(call), call->WorkspaceFloats);
        ReserveBlocks(call->Sums);
    }

    void WriteSums(DType accumulator, OperandSums* sums)
    {
        if (Access(accumulator, (void**)&sums->To)) (sums->Batch0, sums->Batch1, sums->Batch2, sums->Step) = (Next(), Next(), Next(), Next());
    }

    // The library adds up in one order, and reads and writes the type of the sums: what lies in memory in another is converted by a kernel's bodies. A kernel that asks for anything else is not for it.
    DType Accumulator()
    {
        var accumulator = (DType)Next();
        var sums = new ProductSums(Next(), Next(), Next(), Next(), Next(), Next(), Next());
        if (!sums.IsLike(Numerics.Sums(accumulator))) throw new NotSupportedException($"{model.Name}: the processor adds {Title} up by {Numerics.Sums(accumulator).Text}, but it was compiled for {sums.Text}.");
        return accumulator;
    }

    // Whether there is a place for it; its strides come next then.
    bool Access(DType accumulator, void** slot)
    {
        var operand = NextInt();
        if (operand < 0) return false;
        var type = (DType)Next();
        if (type != accumulator) throw new NotSupportedException($"{model.Name}: the processor adds {Title} up in {accumulator.Name()} and has no kernel over {type.Name()}.");
        Resolve(operand, slot);
        at++; // how many strides: a kernel of a kind has always as many
        return true;
    }

    bool Body(LaunchEntry* entry, nint* code, void*** pointers, long** dims)
    {
        var kernel = NextInt();
        if (kernel < 0) return false;
        *code = model.Address(kernel);
        *pointers = entry->Pointers + NextInt();
        *dims = Sizes();
        return true;
    }

    void Body(LaunchEntry* entry, TileCall* call) => Body(entry, (nint*)&call->Function, &call->Pointers, &call->Dims);

    // The floats that a launch has for what it packs, and where.
    long Workspace(void** slot)
    {
        var operand = NextInt();
        if (operand < 0) return 0;
        Resolve(operand, slot);
        return Next() / sizeof(float);
    }

    InvalidOperationException TooLittle(long needed, long given) => new($"{model.Name}: the processor needs {needed} floats of workspace for {Title}, but its kernel plans {given}.");

    // What a thread packs in for itself is planned, too.
    void ReserveBlocks(SumType sums)
    {
        if (sums != SumType.Float32 && threadBytes < BlockedProduct<double>.ScratchBytes)
            throw new InvalidOperationException($"{model.Name}: each thread needs {BlockedProduct<double>.ScratchBytes} bytes for the blocks of {Title}, but its kernel plans {threadBytes}.");
        scratchBytes = Math.Max(scratchBytes, threadBytes);
    }

    static SumType Sums(DType accumulator) => accumulator switch
    {
        DType.F32 => SumType.Float32,
        DType.F64 => SumType.Float64,
        DType.I32 => SumType.Int32,
        _ => throw new NotSupportedException($"The processor has no sums of {accumulator.Name()}."),
    };

    // Arguments that have places in the arena.
    void WriteLoads(LaunchTable table)
    {
        table.LoadCount = bound.Loads.Length;
        table.Loads = memory.Take<ArgumentCopy>(table.LoadCount);
        for (var i = 0; i < table.LoadCount; i++)
        {
            var load = bound.Loads[i];
            table.Loads[i] = new() { Argument = (int)load[0], Bytes = load[1] };
            PointIntoArena((byte**)&table.Loads[i].To, load[2]);
        }
    }

    void WriteCopies(LaunchTable table)
    {
        table.CopyCount = bound.Copies.Length;
        table.Copies = memory.Take<ResultCopy>(table.CopyCount);
        for (var i = 0; i < table.CopyCount; i++)
        {
            var copy = bound.Copies[i];
            var (place, which) = ((BoundPlace)copy[0], copy[1]);
            table.Copies[i] = new() { SourceArgument = place == BoundPlace.Caller ? (int)which : -1, Argument = (int)copy[2], Bytes = copy[3] };
            if (place == BoundPlace.Arena) PointIntoArena((byte**)&table.Copies[i].Source, which);
            else if (place == BoundPlace.State) table.Copies[i].Source = store[bound.Names[(int)which]].Pointer;
        }
    }
}
