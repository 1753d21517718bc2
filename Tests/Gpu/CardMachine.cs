using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets.Ptx;
using Graph.Runtime.Cuda;
using Graph.Tests.Ptx.Emission;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Gpu;

/// <summary>A lowered program and the values of its states on a card, run kernel by kernel: without the runtime's sessions, so that what is found is a kernel's.</summary>
sealed unsafe class CardMachine : IDisposable
{
    readonly LoweredProgram program;
    readonly ICudaDriver driver;
    readonly CardModule module;
    readonly int number;
    readonly List<ulong> owned = [];
    readonly Dictionary<string, ulong> states = new(StringComparer.Ordinal);

    /// <param name="program">Lowered for cards.</param>
    /// <param name="module">What its kernels are in.</param>
    /// <param name="number">Its number there.</param>
    public CardMachine(LoweredProgram program, CardModule module, int number = 0)
    {
        (this.program, this.module, this.number) = (program, module, number);
        driver = module.Driver;
    }

    ulong Place(byte[] bytes, string name)
    {
        var address = driver.Allocate(Math.Max(bytes.Length, 1), name);
        owned.Add(address);
        Write(address, bytes);
        return address;
    }

    void Write(ulong address, byte[] bytes)
    {
        fixed (byte* from = bytes) driver.CopyIn(address, from, bytes.Length);
    }

    byte[] Read(ulong address, long count)
    {
        var bytes = new byte[count];
        fixed (byte* to = bytes) driver.CopyOut(to, address, count);
        return bytes;
    }

    /// <summary>Gives a state a value.</summary>
    public void Set(string path, TensorData value) => states[path] = Place(DeviceBytes.Of(value), path);

    /// <summary>Runs a function.</summary>
    public TensorData[] Run(string name, DimBinding binding, IReadOnlyList<TensorData> arguments)
    {
        var function = program.Find(name)!;
        // What is derived from the states is computed before each call that reads it.
        var derived = program.States.Where(s => s.Kind == StateKind.Derived && function.Buffers.Any(b => b.Kind == BufferKind.State && b.Name == s.Path)).ToList();
        foreach (var state in derived)
            if (!states.ContainsKey(state.Path)) states[state.Path] = Place(new byte[state.Type.BytesAt(DimBinding.Empty)], state.Path);
        if (derived.Count > 0 && name != DerivedStates.Function) Run(DerivedStates.Function, DimBinding.Empty, []);
        var plan = Planner.Plan(function, binding);
        var arena = Place(new byte[plan.ArenaBytes], "intermediates");
        var memory = new Dictionary<Buffer, ulong>();
        for (var i = 0; i < function.Arguments.Length; i++) memory[function.Arguments[i]] = Place(DeviceBytes.Of(arguments[i]), function.Arguments[i].Name);
        foreach (var buffer in function.Buffers)
            if (buffer.Kind == BufferKind.Result) memory[buffer] = Place(new byte[plan.Bytes[buffer.Id]], buffer.Name);
            else if (buffer.Kind == BufferKind.Arena) memory[buffer] = arena + (ulong)plan.Offsets[buffer.Id];
            else if (buffer.Kind == BufferKind.State) memory[buffer] = states[buffer.Name];
        var sequence = PtxSequence.Of(function, binding, module.Variant);
        var flags = new byte[PtxSequence.Flags(sequence)];
        flags[0] = 1;
        var at = Place(flags, "flags");
        foreach (var (launch, call, sizes) in sequence)
        {
            ulong Value(PtxValue value) => value switch
            {
                { IsRecord: true } => Place(new byte[24], "record"),
                { IsFlag: true } => at + (ulong)value.Number,
                { IsOperand: true } when function.Launches[launch].Operands[value.Operand] is var o => memory[o.Buffer] + (ulong)(o.Offset.Evaluate(sizes) * o.Buffer.DType.Size()),
                _ => (ulong)value.Number,
            };
            ulong[] values = [.. call.Arguments.Select(Value)];
            if (call.Table is { } table) values[0] = Place([.. table.SelectMany(t => BitConverter.GetBytes(Value(t)))], "segments");
            driver.Launch(new KernelCall(module.Function(number, call), call.Blocks, call.Threads, call.SharedBytes, values));
        }
        return [.. function.Results.Select((buffer, i) => DeviceBytes.To(Read(memory[buffer], plan.Bytes[buffer.Id]), buffer.DType, function.Signature.Results[i].Type.Shape.Evaluate(binding)))];
    }

    public void Dispose()
    {
        driver.Synchronize();
        foreach (var address in owned) driver.Free(address);
    }
}
