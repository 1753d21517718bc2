using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Runtime.Cpu;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>
/// Runs functions of a model over its shared parameters with an arena of its own: one session a thread. A call's launch table is made once for each binding of the named dimensions and then
/// only walked: a call allocates nothing.
/// </summary>
public sealed unsafe class Session : IDisposable
{
    // Tables of one function that are kept: more bindings than that are planned anew when they come back.
    const int MostTables = 16;

    readonly CompiledModel model;
    readonly ParameterStore store;
    readonly WorkerPool pool;
    NativeBlock? arena;
    readonly Dictionary<string, List<LaunchTable>> tables = new(StringComparer.Ordinal);
    readonly Dictionary<LaunchTable, long[]> profile = [];
    bool profiling;
    long clock;
    int busy;
    bool disposed;

    internal Session(CompiledModel model, ParameterStore store, WorkerPool pool)
    {
        this.model = model;
        this.store = store;
        this.pool = pool;
    }

    /// <summary>The number of threads that work on one call.</summary>
    public int Threads => pool.Threads;

    /// <summary>Bytes of the arena so far: what the largest call needed.</summary>
    public long ArenaBytes => arena?.Bytes ?? 0;

    /// <summary>Runs a function.</summary>
    /// <param name="function">Its name.</param>
    /// <param name="arguments">One for each parameter, then one for each result.</param>
    /// <param name="dims">The named dimensions that no length gives, in the order of <see cref="DimSolver.Undetermined"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit, or an operation cannot work with the sizes; the message says what was given and what was expected.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A class or row in an argument is not there.</exception>
    /// <exception cref="InvalidOperationException">The session is in use by another thread.</exception>
    /// <exception cref="ObjectDisposedException">The session is disposed.</exception>
    public void Run(string function, ReadOnlySpan<CallArgument> arguments, ReadOnlySpan<long> dims = default)
    {
        if (Interlocked.Exchange(ref busy, 1) != 0)
            throw new InvalidOperationException($"This session of {model.Name} is running another call. A session is for one thread at a time: give each thread its own with NewSession().");
        try
        {
            if (disposed) throw new ObjectDisposedException(model.Name);
            store.ThrowIfDisposed();
            var table = Find(model[function], arguments, dims);
            table.LastUse = ++clock;
            table.Run(pool, arguments, profiling ? Ticks(table) : null);
        }
        finally
        {
            Volatile.Write(ref busy, 0);
        }
        GC.KeepAlive(this);
    }

    LaunchTable Find(CompiledFunction function, ReadOnlySpan<CallArgument> arguments, ReadOnlySpan<long> dims)
    {
        var count = function.Arguments + function.Results;
        if (arguments.Length != count)
            throw new ArgumentException($"{function.Name} takes {function.Arguments} arguments and {function.Results} results, but got {arguments.Length} in all.", nameof(arguments));
        Span<long> lengths = stackalloc long[count];
        for (var i = 0; i < count; i++) lengths[i] = arguments[i].Length;
        Span<long> values = stackalloc long[function.Solver.Symbols.Length];
        function.Solver.Solve(function.Name, lengths[..function.Arguments], dims, values);

        var table = Cached(function, values);
        if (table is null)
        {
            function.CheckBounds(values);
            function.Checks.Sizes(values);
            CheckLengths(function, lengths, function.Lengths(values.ToArray()), values);
            table = Prepare(function, values.ToArray());
        }
        else if (!lengths.SequenceEqual(table.Lengths))
        {
            CheckLengths(function, lengths, table.Lengths, values);
        }
        CheckOverlap(function, arguments);
        function.Checks.Indices(arguments, values);
        return table;
    }

    LaunchTable? Cached(CompiledFunction function, ReadOnlySpan<long> values)
    {
        if (!tables.TryGetValue(function.Name, out var list)) return null;
        foreach (var table in list)
            if (values.SequenceEqual(table.Values)) return table;
        return null;
    }

    static void CheckLengths(CompiledFunction function, ReadOnlySpan<long> lengths, long[] expected, ReadOnlySpan<long> values)
    {
        for (var i = 0; i < expected.Length; i++)
            if (lengths[i] != expected[i]) throw function.WrongLength(i, lengths[i], expected[i], function.Binding(values));
    }

    // A result is written while arguments are still read.
    static void CheckOverlap(CompiledFunction function, ReadOnlySpan<CallArgument> arguments)
    {
        var parameters = function.Lowered.Function.Parameters;
        for (var r = function.Arguments; r < arguments.Length; r++)
        {
            var bytes = arguments[r].Length * function.Lowered.Function.Results[r - function.Arguments].DType.Size();
            for (var a = 0; a < r; a++)
            {
                var type = a < function.Arguments ? parameters[a].DType : function.Lowered.Function.Results[a - function.Arguments].DType;
                byte* start = (byte*)arguments[r].Pointer, other = (byte*)arguments[a].Pointer;
                if (start < other + arguments[a].Length * type.Size() && other < start + bytes)
                    throw new ArgumentException(
                        $"{function.Name}: {function.ResultName(r - function.Arguments)} overlaps {(a < function.Arguments ? parameters[a].Name : function.ResultName(a - function.Arguments))} in memory.",
                        function.ResultName(r - function.Arguments));
            }
        }
    }

    LaunchTable Prepare(CompiledFunction function, long[] values)
    {
        if (function.Lowered.Buffers.Any(b => b.Kind == Compiler.Lowering.BufferKind.State && store.Declaration(b.Name)?.Kind == StateKind.Optimizer)) store.StartTraining();
        var plan = Planner.Plan(function.Lowered, function.Binding(values));
#if DEBUG
        PlanVerifier.Verify(plan);
#endif
        // All that is new is made before anything old goes: an allocation that fails leaves the tables there are, and what they point to.
        var room = arena is { } enough && enough.Bytes >= plan.ArenaBytes ? enough : Arena.Allocate(plan.ArenaBytes, $"the intermediates of {model.Name}.{function.Name}{With(plan.Binding)}");
        LaunchTable table;
        try
        {
            table = LaunchTableBuilder.Build(model, function, plan, values, store, room.Pointer, pool);
        }
        catch
        {
            if (room != arena) room.Dispose();
            throw;
        }
        if (room != arena)
        {
            Forget(); // the tables point into the old arena
            arena?.Dispose();
            arena = room;
        }
        var list = tables.TryGetValue(function.Name, out var existing) ? existing : tables[function.Name] = [];
        if (list.Count >= MostTables)
        {
            var oldest = list.MinBy(t => t.LastUse)!;
            list.Remove(oldest);
            profile.Remove(oldest);
            oldest.Dispose();
        }
        list.Add(table);
        return table;
    }

    static string With(DimBinding binding) => binding.Values.Any() ? $" with {binding}" : "";

    void Forget()
    {
        foreach (var table in tables.Values.SelectMany(t => t)) table.Dispose();
        tables.Clear();
        profile.Clear();
    }

    /// <summary>The plan of a function that has run, in its latest binding.</summary>
    /// <exception cref="InvalidOperationException">It has not run yet.</exception>
    public MemoryPlan PlanOf(string function) => Latest(function).Plan;

    LaunchTable Latest(string function) => tables.TryGetValue(function, out var list) && list.Count > 0
        ? list.MaxBy(t => t.LastUse)! : throw new InvalidOperationException($"{function} has not run in this session.");

    /// <summary>From now on the time of every launch is taken; false forgets what was taken.</summary>
    public bool Profiling
    {
        get => profiling;
        set
        {
            profiling = value;
            if (!value) profile.Clear();
        }
    }

    long[] Ticks(LaunchTable table) => profile.TryGetValue(table, out var ticks) ? ticks : profile[table] = new long[table.Count];

    /// <summary>Seconds of each launch of a function in its latest binding, summed since <see cref="Profiling"/> was set.</summary>
    public double[] Profile(string function) => [.. Ticks(Latest(function)).Select(t => (double)t / System.Diagnostics.Stopwatch.Frequency)];

    /// <summary>Frees arena and tables. May be called more than once.</summary>
    /// <exception cref="InvalidOperationException">A call is running on another thread.</exception>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref busy, 1) != 0) throw new InvalidOperationException($"A session of {model.Name} was disposed while a call is running.");
        try
        {
            if (disposed) return;
            disposed = true;
            Forget();
            arena?.Dispose();
            arena = null;
        }
        finally
        {
            Volatile.Write(ref busy, 0);
        }
    }
}
