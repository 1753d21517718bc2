using System;
using System.Collections.Generic;
using System.Diagnostics.Tracing;
using System.Globalization;
using System.Linq;
using System.Threading;

namespace Graph.Benchmarks;

/// <summary>What the runtime does for this process: types that it loads, methods that the JIT compiles, methods whose code it finds in an assembly. Their numbers do not depend on who else works on the machine, as times do.</summary>
sealed class StartTrace : EventListener
{
    /// <summary>A thing that was done.</summary>
    /// <param name="At">When.</param>
    /// <param name="Kind">One of <see cref="Kinds"/>.</param>
    /// <param name="What">Its name.</param>
    public readonly record struct Event(DateTime At, string Kind, string What);

    public static readonly string[] Kinds = ["types", "compiled", "found"];

    const string Provider = "Microsoft-Windows-DotNETRuntime";
    const EventKeywords Wanted = (EventKeywords)(0x10 | 0x2000000000 | 0x8000000000); // JIT, entry points into assemblies' code, types

    // Events come on a thread of the runtime's own, and the first ones and the last ones some time after.
    static readonly TimeSpan late = TimeSpan.FromSeconds(1);

    readonly List<Event> seen = [];

    /// <summary>Begins to listen.</summary>
    public StartTrace() => Thread.Sleep(late);

    /// <summary>What was done between two moments, in order.</summary>
    public IReadOnlyList<Event> Between(DateTime from, DateTime to)
    {
        Thread.Sleep(late);
        lock (seen) return [.. seen.Where(e => e.At >= from && e.At <= to).OrderBy(e => e.At)];
    }

    protected override void OnEventSourceCreated(EventSource source)
    {
        if (source.Name == Provider) EnableEvents(source, EventLevel.Verbose, Wanted);
    }

    protected override void OnEventWritten(EventWrittenEventArgs e)
    {
        string Of(string name) => Convert.ToString(e.Payload![e.PayloadNames!.IndexOf(name)], CultureInfo.InvariantCulture)!;
        Event? found = e.EventName switch
        {
            "TypeLoadStop" => new(e.TimeStamp, Kinds[0], Of("TypeName")),
            "MethodLoadVerbose_V1" or "MethodLoadVerbose_V2" => new(e.TimeStamp, Kinds[1], Of("MethodNamespace") + "." + Of("MethodName")),
            "R2RGetEntryPoint" => new(e.TimeStamp, Kinds[2], Of("MethodNamespace") + "." + Of("MethodName")),
            _ => null,
        };
        if (found is { } done)
            lock (seen) seen.Add(done);
    }
}
