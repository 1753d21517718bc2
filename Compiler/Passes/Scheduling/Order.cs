using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Scheduling;

/// <summary>
/// A function's nodes with what must come before what, and what each order costs in memory. Beside data flow, what writes a new state comes after every reader of the old one,
/// so that it can write in place.
/// </summary>
sealed class Order
{
    readonly Function function;
    readonly Storage storage;
    readonly int[][] operands; // memories that a node reads, each once; none for an alias
    readonly int[][] made;     // memories that a node brings into being
    readonly List<int>[] after;
    readonly int[] before;
    readonly int[] readers;    // of each memory; what leaves the function has one more
    readonly long[] inside;    // the most bytes that live at once in a node's own launches, beside operands and results

    /// <param name="function">The nodes.</param>
    /// <param name="binding">The sizes that memory is counted with.</param>
    /// <param name="around">The loop or branch whose body it is; a loop's has carries where a function has states. Null for a function.</param>
    /// <param name="program">Where calls are resolved; null where memory within calls does not matter.</param>
    public Order(Function function, DimBinding binding, Node? around = null, Program? program = null)
    {
        this.function = function;
        var called = new Dictionary<string, long>(StringComparer.Ordinal);
        long Within(Function inner, Node? node) => new Order(inner, binding, node, program).Peak([.. Enumerable.Range(0, inner.Nodes.Length)]).Bytes;
        storage = new(function, binding);
        var count = function.Nodes.Length;
        (operands, made) = (new int[count][], new int[count][]);
        (after, before) = (new List<int>[count], new int[count]);
        readers = new int[storage.Count];
        inside = new long[count];
        var index = new Dictionary<Value, int>();
        var readersOfState = new Dictionary<int, List<int>>();
        var donated = Donated(function, around);
        foreach (var (old, _) in donated) readersOfState[storage[old]] = [];
        for (var i = 0; i < count; i++)
        {
            var node = function.Nodes[i];
            after[i] = [];
            if (Bodies.Has(node)) inside[i] = node.Regions.Max(r => Within(r, node));
            else if (program is not null && CallOperation.CalleeName(node) is { } callee)
            {
                if (!called.TryGetValue(callee, out var bytes)) called.Add(callee, bytes = Within(program.Find(callee)!, null));
                inside[i] = bytes;
            }
            foreach (var input in node.Inputs)
                if (index.TryGetValue(input, out var producer)) Precede(producer, i);
            foreach (var output in node.Outputs) index[output] = i;
            var alias = storage.IsAlias(node);
            operands[i] = alias ? [] : Memories(node.Inputs);
            made[i] = alias ? [] : Array.ConvertAll([.. node.Outputs], v => storage[v]);
            foreach (var memory in operands[i])
            {
                readers[memory]++;
                if (readersOfState.TryGetValue(memory, out var list)) list.Add(i);
            }
        }
        foreach (var root in function.Roots) readers[storage[root]]++;
        if (around is null) CheckFirst([.. donated.Select(d => index.TryGetValue(Storage.Writer(d.New), out var writer) ? writer : -1).Where(w => w >= 0)]);
        foreach (var (old, value) in donated)
        {
            if (!index.TryGetValue(Storage.Writer(value), out var writer)) continue;
            foreach (var reader in readersOfState[storage[old]])
                if (reader < writer || (reader > writer && !Follows(reader, writer))) Precede(reader, writer);
        }
    }

    // Each once.
    int[] Memories(ImmutableArray<Value> values)
    {
        var all = new List<int>(values.Length);
        var many = values.Length > 16 ? new HashSet<int>() : null;
        foreach (var value in values)
            if (storage[value] is var memory && (many?.Add(memory) ?? !all.Contains(memory))) all.Add(memory);
        return [.. all];
    }

    // What may refuse a call comes before the first new state is written, where it does not wait for one: a state that is written while the call can still fail needs memory of its own until its end.
    void CheckFirst(HashSet<int> writers)
    {
        // Also in a loop that stands in front of another for that.
        static bool Looks(Node node) => node.Operation.IsCheck || node.Regions.Any(r => r.Nodes.Any(Looks));
        if (!function.Nodes.Any(Looks)) return;
        var waits = new HashSet<Value>();
        for (var i = 0; i < function.Nodes.Length; i++)
        {
            var node = function.Nodes[i];
            if (writers.Contains(i) || node.Inputs.Any(waits.Contains)) waits.UnionWith(node.Outputs);
            else if (Looks(node)) foreach (var writer in writers) Precede(i, writer);
        }
    }

    // What is written over what: new states over old ones, what an iteration makes of a carry over what it was.
    static List<(Value Old, Value New)> Donated(Function function, Node? around) => around is null
        ? [.. function.Updates.Join(function.States, u => u.Path, s => s.State, (update, state) => (state, update.Value))]
        : around.Operation != StructureOperations.Loop ? []
        : [.. Enumerable.Range(0, LoopOperation.Shape(around.Attributes).Carries).Select(c => (function.Parameters[c + 1], function.Results[c]))];

    // Whether a node depends on an earlier one: then no order lets it read the old state in time.
    bool Follows(int node, int first)
    {
        var reached = new HashSet<int> { first };
        for (var i = first; i < node; i++)
            if (reached.Contains(i)) reached.UnionWith(after[i]);
        return reached.Contains(node);
    }

    public int Count => function.Nodes.Length;

    public bool IsAlias(int node) => storage.IsAlias(function.Nodes[node]);

    void Precede(int first, int second)
    {
        after[first].Add(second);
        before[second]++;
    }

    /// <summary>The most bytes alive while the nodes run in this order, and where.</summary>
    public (long Bytes, int Node) Peak(IReadOnlyList<int> order)
    {
        var remaining = (int[])readers.Clone();
        long live = 0;
        var peak = (Bytes: 0L, Node: order.Count > 0 ? order[0] : -1);
        foreach (var node in order)
        {
            var taken = 0L;
            foreach (var memory in made[node]) live += storage.Bytes(memory);
            foreach (var memory in operands[node])
                if (--remaining[memory] == 0)
                {
                    live -= storage.Bytes(memory);
                    taken += storage.Bytes(memory);
                }
            // While it runs, what dies is still there, but for what the result takes over.
            var during = live + taken + inside[node] - (Storage.IsInPlace(function.Nodes[node]) ? InPlace(node, remaining) : 0);
            if (during > peak.Bytes) peak = (during, node);
            foreach (var memory in made[node])
                if (remaining[memory] == 0) live -= storage.Bytes(memory); // nobody reads it
        }
        return peak;
    }

    long InPlace(int node, int[] remaining)
    {
        long saved = 0;
        var free = operands[node].Where(m => remaining[m] == 0).Select(storage.Bytes).ToList();
        foreach (var memory in made[node])
            if (free.Remove(storage.Bytes(memory))) saved += storage.Bytes(memory);
        return saved;
    }

    /// <summary>A list schedule along a base order: with <paramref name="eager"/>, whatever frees memory now goes first; with <paramref name="greedy"/>, whatever frees most or takes least.</summary>
    public int[] List(IReadOnlyList<int> natural, bool eager, bool greedy)
    {
        var rank = new int[Count];
        for (var i = 0; i < Count; i++) rank[natural[i]] = i;
        var remaining = (int[])readers.Clone();
        var waiting = (int[])before.Clone();
        var ready = new SortedSet<(long Change, int Rank)>();
        var change = new long[Count];
        var readersOf = ReadersOf();
        for (var i = 0; i < Count; i++)
        {
            foreach (var memory in made[i]) change[i] += storage.Bytes(memory);
            foreach (var memory in operands[i])
                if (remaining[memory] == 1) change[i] -= storage.Bytes(memory);
        }
        var done = new bool[Count];
        for (var i = 0; i < Count; i++)
            if (waiting[i] == 0) ready.Add((change[i], rank[i]));

        var order = new int[Count];
        for (int at = 0, next = 0; at < Count; at++)
        {
            while (next < Count && done[natural[next]]) next++;
            var least = ready.Min;
            var node = natural[next];
            if (greedy || (eager && least.Change <= 0) || waiting[node] > 0) node = natural[least.Rank];
            ready.Remove((change[node], rank[node]));
            done[node] = true;
            order[at] = node;
            foreach (var memory in operands[node])
            {
                if (--remaining[memory] != 1) continue;
                foreach (var last in readersOf[memory])
                {
                    if (done[last]) continue;
                    // It would free this memory now.
                    var wasReady = ready.Remove((change[last], rank[last]));
                    change[last] -= storage.Bytes(memory);
                    if (wasReady) ready.Add((change[last], rank[last]));
                }
            }
            foreach (var follower in after[node])
                if (--waiting[follower] == 0) ready.Add((change[follower], rank[follower]));
        }
        return order;
    }

    List<int>[] ReadersOf()
    {
        if (readersOf is not null) return readersOf;
        readersOf = new List<int>[storage.Count];
        for (var i = 0; i < Count; i++)
            foreach (var memory in operands[i]) (readersOf[memory] ??= []).Add(i);
        return readersOf;
    }

    List<int>[]? readersOf; // of each memory, once an order asks

    /// <summary>The nodes in the order in which the function's ends ask for them: each as late as its first reader allows.</summary>
    public int[] OnDemand()
    {
        var feeders = new List<int>[Count];
        for (var i = 0; i < Count; i++)
            foreach (var follower in after[i]) (feeders[follower] ??= []).Add(i);
        var order = new List<int>(Count);
        var state = new byte[Count];
        var stack = new Stack<int>();
        for (var end = 0; end < Count; end++)
        {
            if (after[end].Count > 0) continue;
            stack.Push(end);
            while (stack.Count > 0)
            {
                var node = stack.Peek();
                if (state[node] != 0)
                {
                    stack.Pop();
                    if (state[node] == 1) order.Add(node);
                    state[node] = 2;
                    continue;
                }
                state[node] = 1;
                var list = feeders[node];
                for (var i = (list?.Count ?? 0) - 1; i >= 0; i--)
                    if (state[list![i]] == 0) stack.Push(list[i]);
            }
        }
        return [.. order];
    }
}
