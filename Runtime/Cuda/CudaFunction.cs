using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets.Ptx;
using Graph.Runtime.Execution;
using Graph.Runtime.Parameters;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Runtime.Cuda;

/// <summary>
/// A function under one binding as launches of emitted kernels: one graph, or, for a profile, one by one. Arguments and results have places on the card that do not move: they are copied there before the launches, and
/// from there behind them.
/// </summary>
sealed unsafe class CudaFunction : IBoundFunction
{
    // Whether there was something, the number, and below what it should have been.
    const int RecordWords = 3;

    // What addresses of arguments are multiples of: vectors of four words may be read.
    const long InputAlignment = 256;

    // One kernel: its parameters, and where they come from, so that they can be made anew for another arena.
    sealed record Step(int Launch, PtxLaunch Kernel, DimBinding Binding, KernelCall Call, ulong[]? Table, ulong TableAddress, int Record);

    readonly CudaDevice device;
    readonly LoweredFunction function;
    readonly ParameterStore store;
    readonly List<Step> steps = [];
    readonly Dictionary<Buffer, ulong> callers = [];
    readonly List<StoredTensor> written = [];
    readonly List<ulong> owned = [];
    readonly List<nint> timers = []; // of profiles
    CudaArena arena;
    ulong flags; // of branches, a byte each
    ulong records; // of launches that may have something to report
    long[] reports = [];
    nint graph; // 0 before the first call, after a move, and when others needed its place
    readonly Action freeGraph;
    readonly long[] inputOffsets, inputBytes; // of arguments, which lie one behind the other
    readonly CudaGuards? guards;
    CudaSteps? later;
    bool isDisposed;

    public CudaFunction(CudaDevice device, CompiledFunction compiled, MemoryPlan plan, ParameterStore store, CudaArena arena)
    {
        (this.device, this.store, this.arena, function, Plan) = (device, store, arena, plan.Function, plan);
        freeGraph = FreeGraph;
        Lengths = compiled.Lengths([.. compiled.Solver.Symbols.Select(s => plan.Binding[s.Name])]);
        try
        {
            inputBytes = [.. function.Arguments.Select(a => plan.Bytes[a.Id])];
            inputOffsets = new long[inputBytes.Length + 1];
            for (var i = 0; i < inputBytes.Length; i++) inputOffsets[i + 1] = inputOffsets[i] + (inputBytes[i] + InputAlignment - 1) / InputAlignment * InputAlignment;
            var inputs = Own(inputOffsets[^1], "arguments");
            for (var i = 0; i < inputBytes.Length; i++) callers[function.Arguments[i]] = inputs + (ulong)inputOffsets[i];
            foreach (var buffer in function.Buffers)
                if (buffer.Kind == BufferKind.Result) callers[buffer] = Own(plan.Bytes[buffer.Id], buffer.Name);
                else if (buffer.Kind == BufferKind.State)
                {
                    device.Tensors.Address(store[buffer.Name]);
                    if (function.Launches.Any(l => l.Operands.Any(o => o.IsWritten && o.Buffer == buffer))) written.Add(store[buffer.Name]);
                }
            var reporting = 0;
            var sequence = PtxSequence.Of(function, plan.Binding, device.Variant);
            foreach (var (launch, kernel, binding) in sequence)
            {
                var (address, table) = kernel.Table is { } rows ? (Own(rows.Length * sizeof(ulong), "segments"), new ulong[rows.Length]) : (0UL, null);
                var record = kernel.Arguments.Any(a => a.IsRecord) ? reporting++ : -1;
                steps.Add(new(launch, kernel, binding, new(device.Function(kernel), kernel.Blocks, kernel.Threads, kernel.SharedBytes, new ulong[kernel.Arguments.Length]), table, address, record));
            }
            if (PtxSequence.Flags(sequence) is var count and > 1)
            {
                flags = Own(count, "flags of branches");
                byte always = 1;
                device.Driver.CopyIn(flags, &always, 1);
            }
            if (reporting > 0)
            {
                reports = new long[RecordWords * reporting];
                records = Own(reports.Length * sizeof(long), "reports of launches");
                ClearReports();
            }
            if (device.Debug.HasGuards) guards = new(device.Driver, function, plan);
            Resolve();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public MemoryPlan Plan { get; }

    public long[] Lengths { get; }

    public int Count => function.Launches.Length;

    public long[]? Ticks { get; set; }

    public long Bytes => steps.Sum(s => 200L + 8 * s.Call.Parameters.Length + 8 * (s.Table?.Length ?? 0));

    ulong Own(long bytes, string purpose)
    {
        var address = device.Driver.Allocate(Math.Max(bytes, 1), purpose);
        owned.Add(address);
        return address;
    }

    public void MoveTo(IArena other)
    {
        lock (device.Turn)
        {
            arena = (CudaArena)other;
            Resolve();
        }
    }

    // Writes addresses where kernels find them.
    void Resolve()
    {
        FreeGraph();
        foreach (var step in steps)
        {
            var launch = function.Launches[step.Launch];
            Write(step.Kernel.Arguments.AsSpan(), step.Call.Parameters, launch, step);
            if (step.Table is null) continue;
            Write(step.Kernel.Table!.Value.AsSpan(), step.Table, launch, step);
            step.Call.Parameters[0] = step.TableAddress;
            fixed (ulong* table = step.Table) device.Driver.CopyIn(step.TableAddress, table, step.Table.Length * sizeof(ulong));
        }

        void Write(ReadOnlySpan<PtxValue> values, ulong[] to, Launch launch, Step step)
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = values[i] switch
                {
                    { IsRecord: true } => records + (ulong)(step.Record * RecordWords * sizeof(long)),
                    { IsFlag: true } flag => flags + (ulong)flag.Number,
                    { IsOperand: true } at => Address(launch.Operands[at.Operand], step.Binding),
                    var number => (ulong)number.Number,
                };
        }
    }

    ulong Address(Operand operand, DimBinding binding) => Address(operand.Buffer) + (ulong)(operand.Offset.Evaluate(binding) * operand.Buffer.DType.Size());

    ulong Address(Buffer buffer) => buffer.Kind switch
    {
        BufferKind.Arena => guards?.Address(buffer) ?? arena.Address + (ulong)Plan.Offsets[buffer.Id],
        BufferKind.State => device.Tensors.Address(store[buffer.Name]),
        BufferKind.Argument or BufferKind.Result => callers[buffer],
        _ => throw new NotSupportedException($"{function.Name} has a buffer of the unknown kind {buffer.Kind}."),
    };

    public void Run(CallArguments arguments, long[]? ticks)
    {
        lock (device.Turn)
        {
            var driver = device.Driver;
            device.Tensors.Send();
            for (var i = 0; i < function.Arguments.Length; i++) driver.CopyIn(callers[function.Arguments[i]], arguments[i].Pointer, Plan.Bytes[function.Arguments[i].Id]);
            var wasSound = store.IsSound;
            BeginWriting();
            if (ticks is not null) Profile(ticks);
            else if (device.Debug.KernelByKernel) OneByOne();
            else Launch();
            guards?.Check(function.Name);
            for (var i = 0; i < function.Results.Length; i++)
                driver.CopyOut(arguments[function.Arguments.Length + i].Pointer, Address(function.Results[i]), Plan.Bytes[function.Results[i].Id]);
            ThrowReported();
            if (written.Count > 0) store.IsSound = wasSound;
        }
    }

    /// <summary>Starts a step, and does not wait for it.</summary>
    public PendingStep? Start(CallArguments arguments, CompiledTraining training)
    {
        if (device.Debug != CudaDebug.None) return null;
        lock (device.Turn)
        {
            later ??= new(device, PlacesOf(training), training.Program.LossScale, Reported);
            device.Tensors.Send();
            var wasSound = store.IsSound;
            BeginWriting();
            var step = later.Start(arguments, inputOffsets, inputBytes, Launch);
            store.IsSound = wasSound;
            return step;
        }
    }

    CudaStepPlaces PlacesOf(CompiledTraining training)
    {
        Buffer Result(int at) => function.Results[at - function.Arguments.Length];
        var (loss, norm) = (Result(training.LossAt), Result(training.NormAt));
        return new(
            inputBytes.Length == 0 ? 0 : callers[function.Arguments[0]], inputOffsets[^1], device.Tensors.Address(store[training.AppliedSteps]), training.LossScale is { } scale ? device.Tensors.Address(store[scale]) : 0,
            Address(loss), Address(norm), loss.DType, records, reports.Length * sizeof(long));
    }

    void BeginWriting()
    {
        if (written.Count > 0) store.IsSound = false;
        foreach (var tensor in written) device.Tensors.Written(tensor);
    }

    void Launch()
    {
        if (steps.Count == 0) return;
        if (graph == 0) graph = device.Driver.MakeGraph([.. steps.Select(s => s.Call)]);
        device.Graphs.Use(function.Name, freeGraph);
        device.Driver.Launch(graph);
    }

    void ClearReports()
    {
        Array.Clear(reports);
        fixed (long* none = reports) device.Driver.CopyIn(records, none, reports.Length * sizeof(long));
    }

    // What a kernel could not do, which went on with something else.
    void ThrowReported()
    {
        if (reports.Length == 0) return;
        fixed (long* all = reports) device.Driver.CopyOut(all, records, reports.Length * sizeof(long));
        if (Reported(reports) is { } failure) throw failure;
    }

    // What records say, which are cleared for the next call; null where nothing happened.
    ArgumentOutOfRangeException? Reported(long[] all)
    {
        foreach (var step in steps)
            if (step.Record >= 0 && all[RecordWords * step.Record] != 0)
            {
                var launch = function.Launches[step.Launch];
                var (id, below) = (all[RecordWords * step.Record + 1], all[RecordWords * step.Record + 2]);
                ClearReports();
                if (written.Count > 0) store.IsSound = false;
                return new ArgumentOutOfRangeException(null, $"{function.Name}: {(launch as LibraryLaunch)?.Attributes.Text("what") ?? launch.Title}{(launch.Origins.IsEmpty ? "" : $" ({launch.Origins[0]})")}: the index {id} lies outside of 0 to {below - 1}.");
            }
        return null;
    }

    // An error of a kernel has its name.
    void OneByOne()
    {
        foreach (var step in steps)
        {
            var launch = function.Launches[step.Launch];
            var who = $"{function.Name}: {step.Kernel.Function}{(launch.Origins.IsEmpty ? "" : $" ({launch.Origins[0]})")}";
            try
            {
                device.Driver.Launch(step.Call);
                device.Driver.Synchronize();
            }
            catch (CudaException e)
            {
                throw new CudaException($"{who}, {step.Call.Blocks} blocks of {step.Call.Threads} threads: {e.Message}", e.Code);
            }
            guards?.Check(who);
        }
    }

    // Kernel by kernel, with the card's own clock between them: some at once, so that the card does not wait for the processor.
    void Profile(long[] ticks)
    {
        const int Most = 256;
        var driver = device.Driver;
        while (timers.Count <= Math.Min(Most, steps.Count)) timers.Add(driver.MakeTimer());
        for (var begin = 0; begin < steps.Count; begin += Most)
        {
            var count = Math.Min(Most, steps.Count - begin);
            driver.Set(timers[0], CudaStream.Kernels);
            for (var i = 0; i < count; i++)
            {
                driver.Launch(steps[begin + i].Call);
                driver.Set(timers[i + 1], CudaStream.Kernels);
            }
            driver.Synchronize();
            for (var i = 0; i < count; i++) ticks[steps[begin + i].Launch] += (long)Math.Round(driver.Seconds(timers[i], timers[i + 1]) * Stopwatch.Frequency);
        }
    }

    void FreeGraph()
    {
        if (graph == 0) return;
        device.Graphs.Forget(function.Name, freeGraph);
        device.Driver.Synchronize();
        device.Driver.FreeGraph(graph);
        graph = 0;
    }

    public void Dispose()
    {
        lock (device.Turn)
        {
            if (isDisposed) return;
            isDisposed = true;
            later?.Dispose();
            guards?.Dispose();
            FreeGraph();
            foreach (var timer in timers) device.Driver.FreeMark(timer);
            foreach (var address in owned) device.Driver.Free(address);
        }
    }
}
