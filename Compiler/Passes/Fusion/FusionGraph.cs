using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Space;

namespace Graph.Compiler.Passes.Fusion;

/// <summary>Nodes that become one kernel. Members are numbers of nodes, in order.</summary>
sealed class FusionGroup(int id, IEnumerable<int> members)
{
    public int Id { get; } = id;
    public SortedSet<int> Members { get; } = new(members);
    public int First => Members.Min;
    public int Last => Members.Max;
}

/// <summary>A function as groups of nodes. Views belong to no group; constants, indices and what is made of them alone are made again wherever they are read.</summary>
sealed class FusionGraph
{
    readonly Dictionary<Value, int> producer = [];
    readonly List<int>[] consumers; // through views
    readonly bool[] isFree;
    readonly HashSet<Value> roots;

    public FusionGraph(Function function)
    {
        Function = function;
        Nodes = function.Nodes;
        isFree = new bool[Nodes.Length];
        consumers = new List<int>[Nodes.Length];
        GroupOf = new FusionGroup?[Nodes.Length];
        for (var i = 0; i < Nodes.Length; i++)
        {
            consumers[i] = [];
            foreach (var output in Nodes[i].Outputs) producer[output] = i;
            isFree[i] = IsFreeNode(Nodes[i]);
            if (Nodes[i].Operation.Kind == OpKind.View || isFree[i]) continue;
            GroupOf[i] = new(i, [i]);
            foreach (var input in Nodes[i].Inputs)
                if (Source(input) is var from && from >= 0 && !isFree[from] && !consumers[from].Contains(i)) consumers[from].Add(i);
        }
        roots = [.. function.Roots.Select(Base)];
    }

    public Function Function { get; }
    public ImmutableArray<Node> Nodes { get; }
    public FusionGroup?[] GroupOf { get; }

    /// <summary>The groups, by their first node.</summary>
    public IEnumerable<FusionGroup> Groups => GroupOf.Where(g => g is not null).Select(g => g!).Distinct().OrderBy(g => g.First);

    public bool IsFree(int node) => isFree[node];

    /// <summary>The node that makes a value; -1 for parameters and states.</summary>
    public int Producer(Value value) => producer.TryGetValue(value, out var node) ? node : -1;

    /// <summary>The node whose result a value is a view of; -1 for parameters and states.</summary>
    public int Source(Value value) => Producer(Base(value));

    public static Value Base(Value value)
    {
        while (value.Producer is { Operation.Kind: OpKind.View } view) value = view.Inputs[0];
        return value;
    }

    /// <summary>The nodes that read a node's results, views looked through.</summary>
    public IReadOnlyList<int> Consumers(int node) => consumers[node];

    public bool IsRoot(Value value) => roots.Contains(value);

    /// <summary>The groups that read a group's results, by their first node.</summary>
    public IReadOnlyList<FusionGroup> Readers(FusionGroup group)
    {
        if (readers.TryGetValue(group, out var known)) return known;
        var list = new List<FusionGroup>();
        foreach (var m in group.Members)
            foreach (var c in consumers[m])
                if (GroupOf[c] is { } reader && reader != group && !list.Contains(reader)) list.Add(reader);
        list.Sort((x, y) => x.First.CompareTo(y.First));
        return readers[group] = list;
    }

    /// <summary>The groups whose results a group reads.</summary>
    public IEnumerable<FusionGroup> Sources(FusionGroup group) =>
        group.Members.SelectMany(m => Nodes[m].Inputs).Select(Source).Where(s => s >= 0 && !isFree[s]).Select(s => GroupOf[s]!).Where(g => g != group).Distinct().OrderByDescending(g => g.Last);

    /// <summary>True for groups of nothing but scalar arithmetic.</summary>
    public bool IsScalarOnly(FusionGroup group) => group.Members.All(m => Nodes[m].Operation.Kind == OpKind.Elementwise);

    /// <summary>True for groups of reductions and scalar arithmetic.</summary>
    public bool HasReduction(FusionGroup group) =>
        group.Members.Any(m => Nodes[m].Operation.Kind == OpKind.Reduce) && group.Members.All(m => Nodes[m].Operation.Kind is OpKind.Elementwise or OpKind.Reduce);

    /// <summary>True for a contraction or convolution with what has been merged with it.</summary>
    public bool IsContraction(FusionGroup group) => group.Members.Any(m => Nodes[m].Operation.Kind is OpKind.Contract or OpKind.Convolution);

    /// <summary>True when a contraction or convolution has the result of another group as a factor, and not only in what has been merged with it.</summary>
    public bool Multiplies(FusionGroup product, FusionGroup factor) =>
        product.Members.Where(m => Nodes[m].Operation.Kind is OpKind.Contract or OpKind.Convolution).SelectMany(m => Nodes[m].Inputs).Any(v => factor.Members.Contains(Source(v)));

    /// <summary>A reader further away than so many groups belongs to another phase, such as the backward pass: merging would make its operands early and keep them long.</summary>
    public const int Window = 24;

    /// <summary>True when no more than <see cref="Window"/> groups lie between two.</summary>
    public bool AreNear(FusionGroup from, FusionGroup to)
    {
        var between = 0;
        for (var i = from.Last + 1; i < to.First && between <= Window; i++)
            if (GroupOf[i] is not null) between++;
        return between <= Window;
    }

    /// <summary>How many axes a value has that are longer than 1.</summary>
    public static int Axes(Value value) => value.Shape.Count(d => !d.Is(1));

    /// <summary>What a kernel of some nodes reads from memory that has as many axes as their result.</summary>
    public List<Value> LargeOperands(ICollection<int> members)
    {
        var inside = new HashSet<int>(Closure(members));
        var largest = members.Max(m => Axes(Nodes[m].Output));
        return [.. inside.SelectMany(i => Nodes[i].Inputs).Distinct().Where(v => Producer(v) is var p && (p < 0 || !inside.Contains(p)) && Axes(v) >= largest)];
    }

    /// <summary>True when a group's values are needed by another group or leave the function.</summary>
    public bool IsOutput(Value value, ICollection<int> members) => roots.Contains(value) || consumers[producer[value]].Any(c => !members.Contains(c));

    public FusionGroup Replace(IEnumerable<int> members)
    {
        var group = new FusionGroup(members.Min(), members);
        foreach (var m in group.Members) GroupOf[m] = group;
        Changed(group.Members);
        return group;
    }

    /// <summary>Forgets a group: every reader makes its results again.</summary>
    public void Dissolve(FusionGroup group)
    {
        foreach (var m in group.Members)
        {
            isFree[m] = true;
            GroupOf[m] = null;
        }
        Changed(group.Members);
        // What the dissolved nodes read is now read by the targets.
        foreach (var m in group.Members)
            foreach (var from in RealSources(m))
            {
                consumers[from].Remove(m);
                foreach (var c in consumers[m])
                    if (!isFree[c] && !consumers[from].Contains(c)) consumers[from].Add(c);
            }
    }

    // The nodes in groups that a node reads, itself or through what is made again for it.
    IEnumerable<int> RealSources(int node)
    {
        var seen = new HashSet<int>();
        var waiting = new Stack<int>();
        waiting.Push(node);
        while (waiting.Count > 0)
            foreach (var input in Nodes[waiting.Pop()].Inputs)
                if (Source(input) is var s && s >= 0 && seen.Add(s))
                {
                    if (isFree[s]) waiting.Push(s);
                    else yield return s;
                }
    }

    // Scalar arithmetic on nothing: a constant, an index, a mask made of indices.
    bool IsFreeNode(Node node) => node.Operation.Kind == OpKind.Elementwise && node.Inputs.Length < 4 && node.Inputs.All(input => Source(input) is var s && s >= 0 && isFree[s]);

    /// <summary>
    /// The nodes of a kernel: the members, the views between them, and what is made again for them. Everything else that they read is an operand.
    /// </summary>
    /// <param name="members">The kernel's own nodes.</param>
    /// <param name="copied">Nodes of another group that shall be made again too.</param>
    public List<int> Closure(ICollection<int> members, ICollection<int>? copied = null)
    {
        var all = new SortedSet<int>(members);
        var waiting = new Stack<int>(members);
        while (waiting.Count > 0)
            foreach (var input in Nodes[waiting.Pop()].Inputs)
            {
                var source = Source(input);
                if (source < 0 || !(isFree[source] || members.Contains(source) || copied?.Contains(source) == true)) continue;
                for (var v = input; v.Producer is { Operation.Kind: OpKind.View } view; v = view.Inputs[0]) all.Add(producer[v]);
                if (all.Add(source)) waiting.Push(source);
            }
        // A product and the sum of what it multiplies read one tensor, so the views through which they do are inside.
        foreach (var sum in members.Select(m => Nodes[m]).Where(n => n.Operation.Kind == OpKind.Reduce))
            foreach (var factor in members.Select(m => Nodes[m]).Where(n => n.Operation.Kind == OpKind.Contract).SelectMany(n => n.Inputs))
                if (Base(factor) == Base(sum.Inputs[0]))
                    foreach (var read in new[] { factor, sum.Inputs[0] })
                        for (var v = read; v.Producer is { Operation.Kind: OpKind.View } view; v = view.Inputs[0]) all.Add(producer[v]);
        return [.. all];
    }

    readonly Dictionary<FusionGroup, List<FusionGroup>> readers = [];
    readonly Dictionary<FusionGroup, int> position = [];

    void Changed(IEnumerable<int> members)
    {
        foreach (var m in members)
        {
            if (GroupOf[m] is { } group) readers.Remove(group);
            foreach (var s in RealSources(m))
                if (GroupOf[s] is { } source) readers.Remove(source);
        }
        position.Clear();
    }

    /// <summary>True when merging would make a group wait for itself: a third group lies on a path from one to the other.</summary>
    /// <param name="from">Where the path begins.</param>
    /// <param name="to">Where it ends.</param>
    /// <param name="avoid">A group that does not count.</param>
    public bool HasPathBetween(FusionGroup from, FusionGroup to, FusionGroup? avoid = null)
    {
        if (position.Count == 0) Number();
        // Only groups that stand between the two in an order of execution can lie on a path.
        var last = position[to];
        var seen = new HashSet<FusionGroup>();
        if (avoid is not null) seen.Add(avoid);
        var waiting = new Stack<FusionGroup>(Readers(from).Where(g => g != to && position[g] < last));
        while (waiting.Count > 0)
        {
            var group = waiting.Pop();
            if (!seen.Add(group)) continue;
            foreach (var reader in Readers(group))
            {
                if (reader == to) return true;
                if (position[reader] < last) waiting.Push(reader);
            }
        }
        return false;
    }

    void Number()
    {
        var waiting = new Dictionary<FusionGroup, int>();
        foreach (var group in Groups) waiting[group] = 0;
        foreach (var group in waiting.Keys.ToList())
            foreach (var reader in Readers(group)) waiting[reader]++;
        var ready = new Queue<FusionGroup>(waiting.Where(p => p.Value == 0).Select(p => p.Key).OrderBy(g => g.First));
        while (ready.Count > 0)
        {
            var group = ready.Dequeue();
            position[group] = position.Count;
            foreach (var reader in Readers(group))
                if (--waiting[reader] == 0) ready.Enqueue(reader);
        }
    }
}
