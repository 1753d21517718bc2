using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets.Ptx;
using Graph.PtxEmulator;
using Buffer = Graph.Compiler.Kernels.Buffer;
using Live = Graph.PtxEmulator.Extent;

namespace Graph.Tests.Ptx.Emission;

/// <summary>A lowered program as emitted text on the emulated device, launch by launch, in memory as it is planned: each launch may touch what lives at it and nothing else.</summary>
sealed class EmulatedMachine
{
    readonly LoweredProgram program;
    readonly EmulatedDevice device;
    readonly Dictionary<PtxVariant, EmulatedModule> modules = [];
    readonly PtxVariant variant;
    readonly Func<string> portable;
    readonly PtxTensorTile? tile;
    readonly Dictionary<string, (ulong Address, DType Type, long Elements)> states = new(StringComparer.Ordinal);

    /// <param name="program">Lowered for the target.</param>
    /// <param name="options">How kernels are run.</param>
    /// <param name="isWide">With places of 64 bits, whatever the bounds say.</param>
    /// <param name="text">A module to run in place of the one that is emitted for the variant.</param>
    /// <param name="variant">What the card runs; what every card does when left out.</param>
    /// <param name="tile">The tile of products on tensor cores, whatever their sizes are; the one that is chosen when left out.</param>
    public EmulatedMachine(LoweredProgram program, LaunchOptions? options = null, bool isWide = false, string? text = null, PtxVariant? variant = null, PtxTensorTile? tile = null)
    {
        this.program = program;
        (this.variant, this.tile) = (variant ?? PtxVariant.Portable, tile);
        device = new() { Options = options ?? new() };
        Text = text ?? (this.variant.HasTensorCores ? TensorModule(program, isWide, tile, this.variant) : PtxTarget.Module(PtxTarget.Functions(program, isWide)));
        modules[this.variant] = device.Load(Text);
        portable = () => PtxTarget.Module(PtxTarget.Functions(program, isWide));
    }

    /// <summary>The module for tensor cores, in a tile or in those that are chosen.</summary>
    public static string TensorModule(LoweredProgram program, bool isWide = false, PtxTensorTile? tile = null, PtxVariant? variant = null) => PtxTarget.Module(tile is null ? PtxTarget.TensorFunctions(program, isWide, variant)
        : [.. from launch in program.Functions.SelectMany(f => f.Launches)
              where PtxTensorLaunch.Has(launch, variant ?? PtxVariant.TensorCores)
              from function in launch is AttentionLaunch ? PtxTensorLaunch.Functions(launch, isGuarded: false, isWide).Select(f => f.Write())
                  : PtxTensorLaunch.All(launch).Select(form => PtxTensorLaunch.Function(PtxLaunches.KernelOf(launch)!, form with { Tile = tile }, isGuarded: false, isWide))
              group function by function.Name into same
              select same.First()], variant ?? PtxVariant.TensorCores);

    ulong flags;

    /// <summary>The module of the variant.</summary>
    public string Text { get; }

    /// <summary>Kernels that ran.</summary>
    public int Launched { get; private set; }

    public void Set(string path, TensorData value)
    {
        var bytes = DeviceBytes.Of(value);
        if (!states.TryGetValue(path, out var at)) states[path] = at = (device.Allocate(bytes.Length, path), value.DType, value.Size);
        device.Write<byte>(at.Address, bytes);
    }

    public TensorData State(string path)
    {
        var (address, type, elements) = states[path];
        return Read(address, type, program.States.Single(s => s.Path == path).Type.Shape.Evaluate(DimBinding.Empty), elements);
    }

    TensorData Read(ulong address, DType type, long[] shape, long elements)
    {
        var bytes = new byte[elements * type.Size()];
        device.Read<byte>(address, bytes);
        return DeviceBytes.To(bytes, type, shape);
    }

    /// <summary>Runs a function; states have their new values then.</summary>
    public TensorData[] Run(string name, DimBinding binding, params IReadOnlyList<TensorData> arguments)
    {
        var function = program.Find(name)!;
        // What is derived from the states is computed before each call that reads it.
        var derived = program.States.Where(s => s.Kind == StateKind.Derived && function.Buffers.Any(b => b.Kind == BufferKind.State && b.Name == s.Path)).ToList();
        foreach (var state in derived)
            if (!states.ContainsKey(state.Path)) states[state.Path] = (device.Allocate(state.Type.BytesAt(DimBinding.Empty), state.Path), state.Type.DType, state.Type.Shape.Size.Evaluate(DimBinding.Empty));
        if (derived.Count > 0 && name != DerivedStates.Function) Run(DerivedStates.Function, DimBinding.Empty, []);
        var plan = PlanVerifier.Verify(Planner.Plan(function, binding));
        var arena = device.Allocate(plan.ArenaBytes, "arena");
        var memory = new Dictionary<Buffer, ulong>();
        for (var i = 0; i < function.Arguments.Length; i++)
        {
            var bytes = DeviceBytes.Of(arguments[i]);
            device.Write<byte>(memory[function.Arguments[i]] = device.Allocate(bytes.Length, function.Arguments[i].Name), bytes);
        }
        foreach (var buffer in function.Buffers)
            if (buffer.Kind == BufferKind.Result) memory[buffer] = device.Allocate(plan.Bytes[buffer.Id], buffer.Name);
            else if (buffer.Kind == BufferKind.Arena) memory[buffer] = arena + (ulong)plan.Offsets[buffer.Id];
            else if (buffer.Kind == BufferKind.State) memory[buffer] = states[buffer.Name].Address;
        var temporary = new List<ulong>();
        var sequence = PtxSequence.Of(function, binding, variant);
        flags = device.Allocate(PtxSequence.Flags(sequence), "flags");
        temporary.Add(flags);
        device.Write<byte>(flags, [1]);
        foreach (var step in sequence)
        {
            device.Plan(arena, Lives(function, plan, step.Launch));
            Launch(function.Launches[step.Launch], step.Call, memory, step.Binding, temporary);
        }
        device.Plan(arena, null);
        TensorData[] results = [.. function.Results.Select((buffer, i) => Read(memory[buffer], buffer.DType, function.Signature.Results[i].Type.Shape.Evaluate(binding), buffer.Elements.Evaluate(binding)))];
        foreach (var address in memory.Where(m => m.Key.Kind is BufferKind.Argument or BufferKind.Result).Select(m => m.Value).Concat(temporary).Append(arena)) device.Free(address);
        return results;
    }

    void Launch(Launch of, PtxLaunch launch, Dictionary<Buffer, ulong> memory, DimBinding binding, List<ulong> temporary)
    {
        ulong Record()
        {
            var record = device.Allocate(24, "record");
            device.Write<long>(record, [0, 0, 0]);
            temporary.Add(record);
            return record;
        }
        ulong Value(PtxValue value) => value.IsRecord ? Record() : value.IsFlag ? flags + (ulong)value.Number : value.IsOperand && of.Operands[value.Operand] is var o ? memory[o.Buffer] + (ulong)(o.Offset.Evaluate(binding) * o.Buffer.DType.Size()) : (ulong)value.Number;
        if (tile is not null && launch.Variant.HasTensorCores && of is not AttentionLaunch) launch = PtxTensorLaunch.Start(of, binding, PtxTensorLaunch.Of(of, binding) with { Tile = tile }, variant).First();
        ulong[] values = [.. launch.Arguments.Select(Value)];
        if (launch.Table is { } table)
        {
            device.Write<ulong>(values[0] = device.Allocate(8 * table.Length, "segments"), [.. table.Select(Value)]);
            temporary.Add(values[0]);
        }
        // Of a card with tensor cores only where something runs without them.
        if (!modules.TryGetValue(launch.Variant, out var module)) modules[launch.Variant] = module = device.Load(portable());
        device.Launch(module[launch.Function], new Dim3((int)launch.Blocks), launch.Threads, launch.SharedBytes, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
        Launched++;
    }

    // What takes over another's memory is one piece with it, from its first to its last launch.
    static List<Live> Lives(LoweredFunction function, MemoryPlan plan, int launch)
    {
        int Root(int id) => plan.TakesOver[id] >= 0 ? Root(plan.TakesOver[id]) : id;
        return
        [
            .. from buffer in function.Buffers
               where buffer.Kind == BufferKind.Arena && plan.Bytes[buffer.Id] > 0 && plan.Lives[buffer.Id].Exists
               group buffer by Root(buffer.Id) into piece
               where piece.Min(b => plan.Lives[b.Id].First) <= launch && launch <= piece.Max(b => plan.Lives[b.Id].Last)
               select new Live(plan.Offsets[piece.Key], piece.Max(b => plan.Bytes[b.Id]), string.Join("/", piece)),
        ];
    }
}
