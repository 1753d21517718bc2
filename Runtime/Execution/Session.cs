using System.ComponentModel;
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Runtime.Cpu;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>
/// The memory of one call at a time: an arena, launch tables, kernels' scratch memory, over parameters that it shares with other sessions. A call's launch table is made once for each binding of
/// the named dimensions and then only walked: a call allocates nothing.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed unsafe class Session : IDisposable
{
    // Bytes of one function's tables that are kept: hundreds of bindings of a large model, a thousand of a small one.
    const long TableBytes = 32 << 20;

    readonly CompiledModel model;
    readonly ParameterStore store;
    readonly IExecutor executor;
    IArena? arena;
    readonly List<IArena> outgrown = []; // arenas that launches with stable addresses go on to lie in
    readonly BindingCache<IBoundFunction>?[] tables; // by the function's number
    bool profiling;
    int busy;
    readonly MemoryLimit limit;
    long? planned; // the budget that tables are made for

    internal Session(CompiledModel model, ParameterStore store, IExecutor executor, MemoryLimit limit)
    {
        this.limit = limit;
        planned = limit.Bytes;
        this.model = model;
        this.store = store;
        this.executor = executor;
        tables = new BindingCache<IBoundFunction>?[model.FunctionCount];
    }

    /// <summary>The most threads that work on one call.</summary>
    public int Threads => executor.Pool.Threads;

    /// <summary>Bytes of the arena so far: what the largest call needed; with stable addresses, of all arenas.</summary>
    public long ArenaBytes => (arena?.Bytes ?? 0) + outgrown.Sum(a => a.Bytes);

    /// <summary>Takes the session for a call; false when somebody has it.</summary>
    internal bool TryEnter() => Volatile.Read(ref busy) == 0 && Interlocked.Exchange(ref busy, 1) == 0;

    /// <summary>Gives it back.</summary>
    internal void Leave() => Interlocked.Exchange(ref busy, 0);

    /// <summary>Runs a function for who has entered the session and the store's gate.</summary>
    /// <param name="function">The function.</param>
    /// <param name="arguments">One for each parameter, then one for each result.</param>
    /// <param name="dims">The named dimensions that no length gives, in the order of <see cref="DimSolver.Undetermined"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit, memory overlaps, or an operation cannot work with the sizes; the message says what was given and what was expected.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A class or row in an argument is not there.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the intermediates; earlier bindings still work.</exception>
    internal void Run(CompiledFunction function, CallArguments arguments, ReadOnlySpan<long> dims)
    {
        var table = Find(function, arguments, dims);
        table.Run(arguments, profiling ? table.Ticks ??= new long[table.Count] : null);
    }

    /// <summary>As <see cref="Run"/> for a step of training, without waiting for it where the device works by itself; null where it has been made.</summary>
    internal PendingStep? Step(CompiledTraining training, CallArguments arguments, ReadOnlySpan<long> dims)
    {
        var table = Find(training.Step, arguments, dims);
        if (!profiling && table.Start(arguments, training) is { } pending) return pending;
        table.Run(arguments, profiling ? table.Ticks ??= new long[table.Count] : null);
        return null;
    }

    IBoundFunction Find(CompiledFunction function, CallArguments arguments, ReadOnlySpan<long> dims)
    {
        var count = function.Arguments + function.Results;
        if (arguments.Length != count)
            throw new ArgumentException($"{function.Name} takes {function.Arguments} arguments and {function.Results} results, but got {arguments.Length} in all.", nameof(arguments));
        Span<long> lengths = stackalloc long[count];
        for (var i = 0; i < count; i++) lengths[i] = arguments[i].Length;
        Span<long> values = stackalloc long[function.Symbols];
        var typical = function.Typical is { } call && call.Fits(lengths, dims) ? call : null;
        if (typical is not null)
        {
            for (var i = 0; i < values.Length; i++) values[i] = typical.Values[i]; // a copy of spans would be compiled anew
        }
        else
        {
            function.Solver.Solve(function.Name, lengths[..function.Arguments], dims, values);
            if (function.HasSizedStates) store.Settle(function, values);
        }

        if (limit.Bytes != planned) Renew(limit.Bytes);
        var table = tables[function.Index]?.Find(values);
        if (table is null && typical is not null)
        {
            table = Prepare(function, typical.Values);
        }
        else if (table is null)
        {
            function.CheckBounds(values);
            function.CheckMemory(values);
            function.Checks.Sizes(values);
            CheckLengths(function, lengths, function.Lengths(values.ToArray()), values);
            table = Prepare(function, values.ToArray());
        }
        else if (!lengths.SequenceEqual(table.Lengths))
        {
            CheckLengths(function, lengths, table.Lengths, values);
        }
        CheckOverlap(function, arguments);
        if (typical is null || !CallChecks.Picks(function, typical, arguments)) function.Checks.Indices(arguments, values); // throws
        return table;
    }

    // Under another budget all is planned anew, and the arena is as large as that asks for.
    void Renew(long? budget)
    {
        Forget();
        Free();
        planned = budget;
    }

    static void CheckLengths(CompiledFunction function, ReadOnlySpan<long> lengths, long[] expected, ReadOnlySpan<long> values)
    {
        for (var i = 0; i < expected.Length; i++)
            if (lengths[i] != expected[i]) throw function.WrongLength(i, lengths[i], expected[i], function.Binding(values));
    }

    // A result is written while arguments and parameters are still read, and a step writes parameters while it reads its arguments.
    void CheckOverlap(CompiledFunction function, CallArguments arguments)
    {
        for (var r = function.AssignsStates ? 0 : function.Arguments; r < arguments.Length; r++)
        {
            var isResult = r >= function.Arguments;
            var bytes = Type(r).Bytes(arguments[r].Length);
            if (store.Overlapping(arguments[r].Pointer, bytes) is { } tensor && (isResult || function.IsTraining || function.AssignedStates.Contains(tensor.Path)))
                throw new ArgumentException(
                    $"{function.Name}: {Name(r)} lies in the memory of {tensor.Path}, {(isResult ? "which the call reads: give it memory of its own" : "which the call changes: give it a copy")}.", Name(r));
            for (var a = 0; isResult && a < r; a++)
            {
                byte* start = (byte*)arguments[r].Pointer, other = (byte*)arguments[a].Pointer;
                if (start < other + Type(a).Bytes(arguments[a].Length) && other < start + bytes)
                    throw new ArgumentException($"{function.Name}: {Name(r)} overlaps {Name(a)} in memory.", Name(r));
            }
        }

        DType Type(int index) => function.TypeOf(index);
        string Name(int index) => index < function.Arguments ? function.NameOf(index) : function.ResultName(index - function.Arguments);
    }

    IBoundFunction Prepare(CompiledFunction function, long[] values)
    {
        // Training is the model's, whichever session it runs in; what entries assign is the session's.
        var states = function.IsTraining ? store.Root : store;
        var began = Worked();
        if (function.TakesOptimizer) states.StartTraining(executor.Pool);
        var allocating = Worked() - began;
        if (function.HasSizedStates) states.MakeStates(function, values);
        var intended = executor.Plan(function, values, planned);
        began = Worked();
        // All that is new is made before anything old goes: an allocation that fails leaves the tables there are, and what they point to.
        // What must not move stays where it is when the arena becomes too small; a new one of twice the size keeps all of them together within twice the last.
        var isStable = function.HasStableAddresses;
        var bytes = isStable && arena is not null ? Math.Max(intended.ArenaBytes, 2 * arena.Bytes) : intended.ArenaBytes;
        var room = arena is { } enough && enough.Bytes >= intended.ArenaBytes ? enough : executor.Allocate(bytes, $"the intermediates of {model.Name}.{function.Name}{With(function.Binding(values))}");
        allocating += Worked() - began;
        IBoundFunction table;
        IBoundFunction[] moved;
        try
        {
            moved = room == arena || isStable ? [] : Tables;
            table = intended.Bind(values, states, room);
        }
        catch
        {
            if (room != arena) room.Dispose();
            throw;
        }
        if (room != arena)
        {
            foreach (var other in moved) other.MoveTo(room); // allocates nothing, so it ends
            if (isStable && arena is not null) outgrown.Add(arena);
            else arena?.Dispose();
            arena = room;
        }
        (tables[function.Index] ??= new(TableBytes, t => t.Dispose())).Add(values, table, table.Bytes);
        Prepared = new(Stopwatch.GetTimestamp(), allocating, JitInfo.GetCompilationTime(currentThread: true));
        return table;
    }

    // Time without the JIT's.
    static TimeSpan Worked() => Stopwatch.GetElapsedTime(0) - JitInfo.GetCompilationTime(currentThread: true);

    /// <summary>When the latest new binding was ready for its first launch.</summary>
    public Preparation Prepared { get; private set; }

    static string With(DimBinding binding) => binding.ToString() is { Length: > 0 } text ? " with " + text : "";

    IBoundFunction[] Tables
    {
        get
        {
            var all = new Growing<IBoundFunction>();
            foreach (var cache in tables) cache?.AddTo(all);
            return all.ToArray();
        }
    }

    void Forget()
    {
        foreach (var cache in tables) cache?.Clear();
    }

    /// <summary>The plan of a function that has run, in its latest binding.</summary>
    /// <exception cref="InvalidOperationException">It has not run yet.</exception>
    public MemoryPlan PlanOf(string function) => Latest(function).Plan;

    IBoundFunction Latest(string function) => model.Find(function) is { } found && tables[found.Index]?.Latest is { } table
        ? table : throw new InvalidOperationException($"{function} has not run in this session.");

    /// <summary>From now on the time of every launch is taken; false forgets what was taken.</summary>
    public bool Profiling
    {
        get => profiling;
        set
        {
            profiling = value;
            if (value) return;
            foreach (var table in Tables) table.Ticks = null;
        }
    }

    /// <summary>Seconds of each launch of a function in its latest binding, summed since <see cref="Profiling"/> was set.</summary>
    public double[] Profile(string function) => [.. (Latest(function) is var table && table.Ticks is { } ticks ? ticks : new long[table.Count]).Select(t => (double)t / System.Diagnostics.Stopwatch.Frequency)];

    /// <summary>Frees all memory. May be called more than once; nobody may be inside.</summary>
    public void Dispose()
    {
        Forget();
        Free();
        executor.Dispose();
    }

    void Free()
    {
        arena?.Dispose();
        arena = null;
        foreach (var other in outgrown) other.Dispose();
        outgrown.Clear();
    }
}
