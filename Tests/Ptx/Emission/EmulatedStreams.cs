using System;
using System.Collections.Generic;
using Graph.Runtime.Cuda;

namespace Graph.Tests.Ptx.Emission;

/// <summary>What two streams have to do, each in its order, and marks that one waits for in the other.</summary>
sealed class EmulatedStreams
{
    // Does what is next; false where it waits for a mark.
    readonly Dictionary<CudaStream, Queue<Func<bool>>> streams = new() { [CudaStream.Kernels] = new(), [CudaStream.Copies] = new() };

    // How often each mark was set, and reached.
    readonly List<(long Set, long Reached)> marks = [];

    public void Add(CudaStream stream, Action action) => streams[stream].Enqueue(() =>
    {
        action();
        return true;
    });

    public nint MakeMark()
    {
        marks.Add((0, 0));
        return marks.Count;
    }

    public void Set(nint mark, CudaStream stream)
    {
        var at = (int)mark - 1;
        var number = marks[at].Set + 1;
        marks[at] = marks[at] with { Set = number };
        Add(stream, () => marks[at] = marks[at] with { Reached = number });
    }

    /// <summary>What comes in a stream waits for the mark as it is set now.</summary>
    public void Await(nint mark, CudaStream stream)
    {
        var (at, number) = ((int)mark - 1, marks[(int)mark - 1].Set);
        streams[stream].Enqueue(() => marks[at].Reached >= number);
    }

    public bool IsReached(nint mark) => marks[(int)mark - 1] is var (set, reached) && reached >= set;

    /// <summary>Does copies as far as they can be done, and kernels too as long as it is told to.</summary>
    public void Run(Func<bool> kernels)
    {
        while (One(CudaStream.Copies) || (kernels() && One(CudaStream.Kernels)))
        {
        }
    }

    /// <summary>Does what has to be done for a mark.</summary>
    public void Finish(nint mark)
    {
        while (!IsReached(mark))
            if (!One(CudaStream.Copies) && !One(CudaStream.Kernels)) throw new InvalidOperationException("A mark is never reached: the streams wait for each other.");
    }

    /// <summary>Does everything.</summary>
    public void Finish()
    {
        Run(kernels: () => true);
        foreach (var (stream, queue) in streams)
            if (queue.Count > 0) throw new InvalidOperationException($"The stream of {stream} waits for a mark that is never reached.");
    }

    bool One(CudaStream stream)
    {
        if (streams[stream].Count == 0 || !streams[stream].Peek()()) return false;
        streams[stream].Dequeue();
        return true;
    }
}
