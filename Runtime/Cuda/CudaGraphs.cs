using System;
using System.Collections.Generic;

namespace Graph.Runtime.Cuda;

/// <summary>Which bindings of each function have a graph: at most 16 a function, for each takes memory of the driver. Of more, the one that was started longest ago makes room, and makes its graph again when it is called. The caller holds the device's turn.</summary>
sealed class CudaGraphs
{
    const int Most = 16;

    readonly Dictionary<string, LinkedList<Action>> functions = new(StringComparer.Ordinal);

    /// <summary>Says that a graph is started.</summary>
    /// <param name="function">Whose it is.</param>
    /// <param name="free">Lets it go; what stands for the binding.</param>
    public void Use(string function, Action free)
    {
        if (!functions.TryGetValue(function, out var graphs)) functions[function] = graphs = new();
        if (graphs.Last?.Value == free) return;
        graphs.Remove(free);
        if (graphs.Count == Most)
        {
            var oldest = graphs.First!.Value;
            graphs.RemoveFirst();
            oldest();
        }
        graphs.AddLast(free);
    }

    /// <summary>Says that a graph is gone.</summary>
    public void Forget(string function, Action free)
    {
        if (functions.TryGetValue(function, out var graphs)) graphs.Remove(free);
    }
}
