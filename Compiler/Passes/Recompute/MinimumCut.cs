using System;
using System.Collections.Generic;

namespace Graph.Compiler.Passes.Recompute;

/// <summary>The cheapest set of edges that parts a source from a sink in a directed graph with capacities: maximum flow by Dinic's algorithm (1970).</summary>
public sealed class MinimumCut(int vertices)
{
    /// <summary>More than every sum of bytes.</summary>
    public const long Infinite = long.MaxValue / 4;

    readonly List<int>[] edges = new List<int>[vertices];
    readonly List<int> head = [];
    readonly List<long> capacity = []; // of edge e; e ^ 1 is the way back

    public void Edge(int from, int to, long bytes)
    {
        (edges[from] ??= []).Add(head.Count);
        head.Add(to);
        capacity.Add(bytes);
        (edges[to] ??= []).Add(head.Count);
        head.Add(from);
        capacity.Add(0);
    }

    /// <summary>The vertices on the sink's side of the minimum cut that lies nearest to the sink.</summary>
    public bool[] SinkSide(int source, int sink)
    {
        var level = new int[vertices];
        var next = new int[vertices];
        while (Levels(source, sink, level))
        {
            Array.Clear(next, 0, vertices);
            while (Augment(source, sink, level, next)) { }
        }
        // What still reaches the sink.
        var reaches = new bool[vertices];
        var queue = new Queue<int>();
        reaches[sink] = true;
        queue.Enqueue(sink);
        while (queue.Count > 0)
            foreach (var e in edges[queue.Dequeue()] ?? [])
                if (capacity[e ^ 1] > 0 && !reaches[head[e]])
                {
                    reaches[head[e]] = true;
                    queue.Enqueue(head[e]);
                }
        return reaches;
    }

    bool Levels(int source, int sink, int[] level)
    {
        for (var i = 0; i < level.Length; i++) level[i] = -1;
        var queue = new Queue<int>();
        level[source] = 0;
        queue.Enqueue(source);
        while (queue.Count > 0)
        {
            var at = queue.Dequeue();
            foreach (var e in edges[at] ?? [])
                if (capacity[e] > 0 && level[head[e]] < 0)
                {
                    level[head[e]] = level[at] + 1;
                    queue.Enqueue(head[e]);
                }
        }
        return level[sink] >= 0;
    }

    // One path of the level graph, without recursion: paths are as long as the network is deep.
    bool Augment(int source, int sink, int[] level, int[] next)
    {
        var path = new List<int>();
        var at = source;
        while (at != sink)
        {
            var list = edges[at] ?? [];
            while (next[at] < list.Count && (capacity[list[next[at]]] <= 0 || level[head[list[next[at]]]] != level[at] + 1)) next[at]++;
            if (next[at] < list.Count)
            {
                path.Add(list[next[at]]);
                at = head[list[next[at]]];
                continue;
            }
            if (path.Count == 0) return false;
            at = head[path[path.Count - 1] ^ 1];
            path.RemoveAt(path.Count - 1);
            next[at]++;
        }
        var flow = Infinite;
        foreach (var e in path) flow = Math.Min(flow, capacity[e]);
        foreach (var e in path)
        {
            capacity[e] -= flow;
            capacity[e ^ 1] += flow;
        }
        return true;
    }
}
