using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;
using Graph.Runtime.Cpu;
using Graph.Runtime.Execution;
using Graph.Runtime.Memory;
using Graph.Runtime.Parameters;

namespace Graph;

/// <summary>
/// The numbers of a model: parameters and running statistics in one aligned block, optimizer states in another one that exists once training has started. Sessions of one model share it; a session
/// whose entries assign states has those for itself.
/// </summary>
/// <remarks>
/// Calls of the model and <c>Save</c> share the store; a training step, <c>Load</c> and writes (<see cref="StoredTensor.Write{T}(ReadOnlySpan{T})"/>, eager ones too) have it alone, and whoever meets another waits. So
/// every change has a version. A span that <see cref="StoredTensor.Read"/> hands out shows what is there: who reads it while a step is made sees numbers of two versions.
/// </remarks>
public sealed partial class ParameterStore : IReadOnlyCollection<StoredTensor>, IParameterSource
{
    const long Alignment = 64;

    // Large tensors begin with a page: an update reads one element of a parameter and of its states while it writes those before, and processors take a store for the source of a load whose address
    // ends in the same twelve bits.
    const long LeastPaged = 1 << 16;

    readonly ImmutableArray<StateDecl> declarations;
    readonly ParameterStore root;
    volatile Contents contents;
    object? trainer;
    ulong seed;
    long attempts, version, written;
    bool isSound = true, disposed;

    internal ParameterStore(ImmutableArray<StateDecl> declarations, ulong seed, WorkerPool? pool = null)
    {
        this.declarations = declarations;
        this.seed = seed;
        root = this;
        Gate = new();
        contents = new(Make(Of(d => !IsOptimizer(d) && d.Kind != StateKind.Derived && d.Type.Shape.IsConstant), "parameters", pool), isTraining: false);
    }

    /// <summary>What there is, at one moment: a reader on another thread sees all tensors of a kind or none.</summary>
    sealed class Contents
    {
        public Contents(ImmutableArray<StoredTensor> all, bool isTraining, Contents? basis = null)
        {
            (All, IsTraining, Basis) = (all, isTraining, basis);
            ByPath = new(all.Length, StringComparer.Ordinal);
            var (order, shown, counters, blocks) = (new Growing<StoredTensor>(), new Growing<StoredTensor>(), new Growing<StoredTensor>(), new Growing<PinnedMemory>());
            foreach (var tensor in all)
            {
                ByPath.Add(tensor.Path, tensor);
                // The tensors of a block stand together.
                if (blocks.Count == 0 || !ReferenceEquals(blocks.Last, tensor.Memory)) blocks.Add(tensor.Memory);
                if (tensor.Kind is StateKind.Constant or StateKind.Derived) continue;
                order.Add(tensor);
                if (tensor.Kind != StateKind.Counter) shown.Add(tensor);
                else if (TrainingSignature.IsAppliedSteps(tensor.Path)) counters.Add(tensor);
            }
            (Order, Shown, Counters, Blocks) = (Owned(order), Owned(shown), Owned(counters), blocks.ToArray());
        }

        static ImmutableArray<StoredTensor> Owned(Growing<StoredTensor> list) => ImmutableCollectionsMarshal.AsImmutableArray(list.ToArray());

        public ImmutableArray<StoredTensor> All { get; }

        /// <summary>What training and checkpoints know: not the arrays of the source, which are nobody's to change, nor what is derived from the rest.</summary>
        public ImmutableArray<StoredTensor> Order { get; }

        /// <summary>What users see: nor the counts of steps, which <see cref="Step"/> tells.</summary>
        public ImmutableArray<StoredTensor> Shown { get; }

        public ImmutableArray<StoredTensor> Counters { get; }

        public Dictionary<string, StoredTensor> ByPath { get; }

        public PinnedMemory[] Blocks { get; }

        public bool IsTraining { get; }

        /// <summary>The root's contents that a session's are made from.</summary>
        public Contents? Basis { get; }
    }

    Contents Now
    {
        get
        {
            if (root == this || contents.Basis == root.contents) return contents;
            return contents = Over(root.contents); // training has begun
        }
    }

    // The declarations of that sort, in order, without a query.
    StateDecl[] Of(Func<StateDecl, bool> isWanted)
    {
        var wanted = new Growing<StateDecl>();
        foreach (var declaration in declarations)
            if (isWanted(declaration)) wanted.Add(declaration);
        return wanted.ToArray();
    }

    static bool IsOptimizer(StateDecl declaration) => declaration.Kind is StateKind.Optimizer or StateKind.Counter;

    /// <summary>Who may use the numbers.</summary>
    internal StoreGate Gate { get; }

    /// <summary>The store that all sessions share: this one, or that of the model whose session this is.</summary>
    internal ParameterStore Root => root;

    /// <summary>What initial numbers, dropout and other random operations depend on.</summary>
    public ulong Seed
    {
        get => root.seed;
        internal set => root.seed = value;
    }

    /// <summary>How many training steps were made, by all training programs together.</summary>
    public long Step
    {
        get
        {
            long steps = 0;
            foreach (var counter in root.contents.Counters) steps += Applied(counter);
            return steps;
        }
    }

    /// <summary>How many steps were tried, those that were not made included: what random numbers of the next one are keyed with.</summary>
    internal long Attempts
    {
        get => Volatile.Read(ref root.attempts);
        set => Volatile.Write(ref root.attempts, value);
    }

    /// <summary>How many steps a training program has made: the number in the state that it counts them in, 0 while there is none.</summary>
    internal long AppliedSteps(string path) => Counted(path);

    /// <summary>The number in a state that counts, 0 while there is none.</summary>
    internal long Counted(string path) => root.contents.ByPath.TryGetValue(path, out var counter) ? Applied(counter) : 0;

    /// <summary>What a training program multiplies its loss with: the number in its state, the first one while there is none.</summary>
    internal unsafe double LossScale(CompiledTraining training) =>
        training.LossScale is not { } path ? training.Program.LossScale : root.contents.ByPath.TryGetValue(path, out var scale) ? Volatile.Read(ref *(float*)scale.Pointer) : LossScaling.First;

    static unsafe long Applied(StoredTensor counter) => Volatile.Read(ref *(long*)counter.Pointer);

    /// <summary>Raised whenever numbers may have changed, by a training step, a load or a write.</summary>
    public long Version => Volatile.Read(ref version) + (root == this ? 0 : Volatile.Read(ref root.version));

    /// <summary>True once optimizer states exist.</summary>
    public bool IsTraining => root.contents.IsTraining;

    /// <summary>False when a step ended by an exception while it wrote: parameters and states are of no one step. Loading or resetting makes it true again.</summary>
    internal bool IsSound
    {
        get => Volatile.Read(ref root.isSound);
        set => Volatile.Write(ref root.isSound, value);
    }

    /// <summary>The number of trained numbers.</summary>
    public long ParameterCount => Now.Order.Where(t => t.Kind == StateKind.Parameter).Sum(t => t.Length);

    /// <summary>Bytes of everything stored: also what entries have derived from it.</summary>
    public long Bytes => Now.All.Sum(t => t.Bytes);

    /// <summary>The number of tensors.</summary>
    public int Count => Now.Shown.Length;

    /// <summary>All of them, counts of steps included: what a checkpoint holds.</summary>
    internal ImmutableArray<StoredTensor> All => Now.Order;

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none; the message names similar ones.</exception>
    public StoredTensor this[string path] => TryGet(path, out var tensor) ? tensor : throw NotThere(path);

    KeyNotFoundException NotThere(string path) => new(
        $"The model has no tensor named {path}. {(Near(path) is { Length: > 0 } near ? $"Did you mean {string.Join(" or ", near)}?" : "")}".TrimEnd());

    /// <summary>The tensor of that name, if there is one.</summary>
    public bool TryGet(string path, out StoredTensor tensor) => Now.ByPath.TryGetValue(path, out tensor!);

    /// <summary>Parameters, running statistics and, once training has started, optimizer states, in the order of the program.</summary>
    public IEnumerator<StoredTensor> GetEnumerator() => Now.Shown.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    double[] IParameterSource.Read(string path)
    {
        using var inside = Gate.Share();
        var tensor = this[path];
        return tensor.Type switch
        {
            DType.F64 => tensor.Read<double>().ToArray(),
            DType.F16 => [.. tensor.Read<Half>().ToArray().Select(v => (double)v)],
            DType.BF16 => [.. tensor.Read<ushort>().ToArray().Select(v => (double)BitConverter.UInt32BitsToSingle((uint)v << 16))],
            _ => [.. tensor.Read<float>().ToArray().Select(v => (double)v)],
        };
    }

    void IParameterSource.Write(string path, double[] values)
    {
        var tensor = this[path];
        switch (tensor.Type)
        {
            case DType.F64: tensor.Write<double>(values); break;
            case DType.F16: tensor.Write<Half>([.. values.Select(v => (Half)v)]); break;
            case DType.BF16: tensor.Write<ushort>([.. values.Select(v => (ushort)(BitConverter.SingleToUInt32Bits((float)Rounding.Round(v, DType.BF16)) >> 16))]); break;
            default: tensor.Write<float>([.. values.Select(v => (float)v)]); break;
        }
    }

    string[] Near(string path)
    {
        if (NearestName.Of(path, Now.ByPath.Keys) is { } nearest) return [nearest];
        var last = path[(path.LastIndexOf('.') + 1)..];
        return [.. Now.ByPath.Keys.Where(k => k.EndsWith("." + last, StringComparison.Ordinal) || k.StartsWith(path, StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).Take(3)];
    }

    /// <summary>Declares what the program says a tensor is, whether it exists yet or not.</summary>
    internal StateDecl? Declaration(string path) => declarations.FirstOrDefault(d => d.Path == path);

    internal ImmutableArray<StateDecl> Declarations => declarations;

    /// <summary>Creates the optimizer states, with their first values; nothing when they exist. The caller has the gate alone.</summary>
    /// <param name="pool">What to fill them on; null for the calling thread.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for them; the store is as before.</exception>
    internal void StartTraining(WorkerPool? pool = null)
    {
        ThrowIfDisposed();
        if (IsTraining) return;
        root.contents = new(root.contents.All.AddRange(root.Make(Of(IsOptimizer), "optimizer states", pool)), isTraining: true);
    }

    /// <summary>Gives every tensor its first value again, the session's own included.</summary>
    internal void Reset(ulong seed, WorkerPool? pool = null)
    {
        using var alone = Gate.Exclude();
        ThrowIfDisposed();
        Seed = seed;
        Attempts = 0;
        foreach (var tensor in Now.Order) Initialization.Fill(tensor, seed, pool);
        IsSound = true;
        Touch();
    }

    /// <summary>Makes an owner the only one who trains, until <see cref="EndTraining"/>. Returns who is it already, or null when it worked.</summary>
    internal object? BeginTraining(object owner) => Interlocked.CompareExchange(ref root.trainer, owner, null);

    internal void EndTraining(object owner) => Interlocked.CompareExchange(ref root.trainer, null, owner);

    // Tensors with their first values, in a block of their own.
    ImmutableArray<StoredTensor> Make(StateDecl[] all, string purpose, WorkerPool? pool, DimBinding? binding = null)
    {
        var places = new long[all.Length];
        long bytes = 0;
        for (var i = 0; i < all.Length; i++)
        {
            var size = all[i].Type.BytesAt(binding ?? DimBinding.Empty);
            places[i] = Aligned(bytes, size >= LeastPaged ? PinnedMemory.Alignment : Alignment);
            bytes = places[i] + size;
        }
        var memory = new PinnedMemory(Aligned(bytes, Alignment), purpose);
        var tensors = new StoredTensor[all.Length];
        for (var i = 0; i < all.Length; i++) tensors[i] = new(this, all[i], binding ?? DimBinding.Empty, memory, places[i]);
        foreach (var tensor in tensors) Initialization.Fill(tensor, Seed, pool, isZero: true);
        return ImmutableCollectionsMarshal.AsImmutableArray(tensors);

        static long Aligned(long offset, long alignment) => (offset + alignment - 1) & -alignment;
    }

    /// <summary>The tensor that lies, in part, in a piece of memory; null when none does. Allocates nothing.</summary>
    internal unsafe StoredTensor? Overlapping(void* start, long bytes)
    {
        var now = Now;
        foreach (var block in now.Blocks)
            if (Meet(start, bytes, block.Pointer, block.Bytes))
                foreach (var tensor in now.All)
                    if (Meet(start, bytes, tensor.Place, tensor.Bytes)) return tensor;
        return null;

        static bool Meet(void* one, long bytes, void* other, long otherBytes) => one < (byte*)other + otherBytes && other < (byte*)one + bytes;
    }

    /// <summary>Says that the processor may have written numbers.</summary>
    internal void Touch()
    {
        Interlocked.Increment(ref written);
        Computed();
    }

    /// <summary>Says that a call has changed numbers, wherever it ran.</summary>
    internal void Computed() => Interlocked.Increment(ref version);

    /// <summary>Raised whenever the processor may have written numbers but in calls: what a device has is older then.</summary>
    internal long Written => Volatile.Read(ref written) + (root == this ? 0 : Volatile.Read(ref root.written));

    internal bool IsDisposed => Volatile.Read(ref disposed) || Volatile.Read(ref root.disposed);

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(IsDisposed, this);

    internal void Dispose() => Volatile.Write(ref disposed, true);
}
