using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Runtime.Cpu;
using Graph.Runtime.Parameters;

namespace Graph;

/// <summary>
/// The numbers of a model: parameters and running statistics in one aligned block, optimizer states in another one that exists once training has started. Sessions of one model share it.
/// </summary>
public sealed class ParameterStore : IReadOnlyCollection<StoredTensor>, IParameterSource
{
    const long Alignment = 64;

    readonly ImmutableArray<StateDecl> declarations;
    volatile Contents contents;
    bool disposed;

    internal ParameterStore(ImmutableArray<StateDecl> declarations, ulong seed, WorkerPool? pool = null)
    {
        this.declarations = declarations;
        Seed = seed;
        var tensors = Make(d => !IsOptimizer(d), "parameters", pool);
        contents = new(tensors, isTraining: false);
    }

    /// <summary>What there is, at one moment: a reader on another thread sees all tensors of a kind or none.</summary>
    sealed class Contents(ImmutableArray<StoredTensor> order, bool isTraining)
    {
        public ImmutableArray<StoredTensor> Order { get; } = order;

        public Dictionary<string, StoredTensor> ByPath { get; } = order.ToDictionary(t => t.Path, StringComparer.Ordinal);

        public bool IsTraining { get; } = isTraining;
    }

    static bool IsOptimizer(StateDecl declaration) => declaration.Kind == StateKind.Optimizer;

    /// <summary>What initial numbers, dropout and other random operations depend on.</summary>
    public ulong Seed { get; internal set; }

    /// <summary>How many training steps were made.</summary>
    public long Step { get; internal set; }

    /// <summary>Raised whenever numbers may have changed: a training step, a load, a span to write.</summary>
    public long Version { get; private set; }

    /// <summary>True once optimizer states exist.</summary>
    public bool IsTraining => contents.IsTraining;

    /// <summary>The number of trained numbers.</summary>
    public long ParameterCount => contents.Order.Where(t => t.Kind == StateKind.Parameter).Sum(t => t.Length);

    /// <summary>Bytes of everything stored.</summary>
    public long Bytes => contents.Order.Sum(t => t.Bytes);

    /// <summary>The number of tensors.</summary>
    public int Count => contents.Order.Length;

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none; the message names similar ones.</exception>
    public StoredTensor this[string path] => contents.ByPath.TryGetValue(path, out var tensor) ? tensor : throw new KeyNotFoundException(
        $"The model has no tensor named {path}. {(Near(path) is { Length: > 0 } near ? $"Did you mean {string.Join(" or ", near)}?" : "")}".TrimEnd());

    /// <summary>The tensor of that name, if there is one.</summary>
    public bool TryGet(string path, out StoredTensor tensor) => contents.ByPath.TryGetValue(path, out tensor!);

    /// <summary>Parameters, running statistics and, once training has started, optimizer states, in the order of the program.</summary>
    public IEnumerator<StoredTensor> GetEnumerator() => contents.Order.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    double[] IParameterSource.Read(string path) => [.. this[path].Read<float>().ToArray().Select(v => (double)v)];

    void IParameterSource.Write(string path, double[] values)
    {
        var target = this[path].Write<float>();
        if (values.Length != target.Length) throw new ArgumentException($"{this[path]} has {target.Length} elements, but got {values.Length}.", nameof(values));
        for (var i = 0; i < values.Length; i++) target[i] = (float)values[i];
    }

    string[] Near(string path)
    {
        var last = path[(path.LastIndexOf('.') + 1)..];
        return [.. contents.ByPath.Keys.Where(k => k.EndsWith("." + last, StringComparison.Ordinal) || k.StartsWith(path, StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).Take(3)];
    }

    /// <summary>Declares what the program says a tensor is, whether it exists yet or not.</summary>
    internal StateDecl? Declaration(string path) => declarations.FirstOrDefault(d => d.Path == path);

    internal ImmutableArray<StateDecl> Declarations => declarations;

    /// <summary>Creates the optimizer states, with their first values; nothing when they exist.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for them; the store is as before.</exception>
    internal void StartTraining()
    {
        ThrowIfDisposed();
        if (IsTraining) return;
        contents = new(contents.Order.AddRange(Make(IsOptimizer, "optimizer states", null)), isTraining: true);
    }

    /// <summary>Gives every tensor its first value again.</summary>
    internal void Reset(ulong seed, WorkerPool? pool = null)
    {
        Seed = seed;
        Step = 0;
        foreach (var tensor in contents.Order) Initialization.Fill(tensor, seed, pool);
        Touch();
    }

    // Tensors with their first values, in a block of their own.
    ImmutableArray<StoredTensor> Make(Func<StateDecl, bool> wanted, string purpose, WorkerPool? pool)
    {
        var places = new List<(StateDecl, long)>();
        long bytes = 0;
        foreach (var declaration in declarations.Where(wanted))
        {
            places.Add((declaration, bytes));
            bytes += (declaration.Type.Bytes.Constant + Alignment - 1) & -Alignment;
        }
        var memory = new PinnedMemory(bytes, purpose);
        var tensors = places.Select(p => new StoredTensor(this, p.Item1, memory, p.Item2)).ToImmutableArray();
        foreach (var tensor in tensors) Initialization.Fill(tensor, Seed, pool);
        return tensors;
    }

    internal void Touch() => Version++;

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(disposed, this);

    internal void Dispose() => disposed = true;
}
