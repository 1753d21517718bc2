using System.Threading;

namespace Graph.Runtime.Execution;

/// <summary>The memory budget of a model and of the sessions that calls of it run in. It may change at any time, and holds from the next call on.</summary>
sealed class MemoryLimit(long? bytes)
{
    const long None = -1;

    long current = bytes ?? None;

    /// <summary>The most bytes that a call may take, with all that is stored; null for no bound.</summary>
    public long? Bytes
    {
        get => Volatile.Read(ref current) is var known && known == None ? null : known;
        set => Volatile.Write(ref current, value ?? None);
    }
}
