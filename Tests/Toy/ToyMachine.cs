using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Tests.Toy;

/// <summary>A lowered program and the values of its states, run launch by launch: intermediates lie in one arena of bytes, where the plan puts them.</summary>
sealed class ToyMachine
{
    readonly LoweredProgram program;
    readonly Dictionary<string, byte[]> states = new(StringComparer.Ordinal);

    // Of the call that runs: its plan and memory, and the sizes, with the numbers of the iterations in loops.
    MemoryPlan plan = null!;
    byte[] arena = [];
    readonly Dictionary<(string Function, DimBinding Sizes), byte[]> arenas = []; // of functions with stable addresses
    readonly Dictionary<Buffer, byte[]> callers = [];
    DimBinding binding = DimBinding.Empty;

    /// <param name="program">Lowered for any target: the machine does what its kernels say.</param>
    public ToyMachine(LoweredProgram program) => this.program = program;

    /// <summary>e to the power of a number, as attention computes it.</summary>
    public Func<double, double> Exponential { get; init; } = Math.Exp;

    /// <summary>Launches that ran since the machine was made.</summary>
    public int Launched { get; private set; }

    /// <summary>Gives a state a value.</summary>
    public void Set(string path, TensorData value) => states[path] = Bytes(value);

    /// <summary>The value of a state, of a shape without named dimensions.</summary>
    public TensorData State(string path)
    {
        var type = program.States.Single(s => s.Path == path).Type;
        return Data(states[path], type.DType, type.Shape.Evaluate(binding));
    }

    /// <summary>Runs a function; states have their new values then.</summary>
    /// <param name="name">The function's name.</param>
    /// <param name="sizes">The named dimensions.</param>
    /// <param name="arguments">One tensor a parameter.</param>
    public TensorData[] Run(string name, DimBinding sizes, params IReadOnlyList<TensorData> arguments)
    {
        var function = program.Find(name) ?? throw new ArgumentException($"{program.Name} has no function {name}.", nameof(name));
        // Nothing is remembered from call to call: what is derived from the states is computed before each that reads it.
        if (name != DerivedStates.Function && function.Buffers.Any(b => b.Kind == BufferKind.State && program.States.Any(s => s.Path == b.Name && s.Kind == StateKind.Derived))) Run(DerivedStates.Function, sizes, []);
        binding = sizes;
        plan = PlanVerifier.Verify(Planner.Plan(function, sizes));
        arena = Arena(name);
        Array.Fill(arena, (byte)0xFF); // not a number, where nothing was written
        callers.Clear();
        for (var i = 0; i < function.Arguments.Length; i++)
        {
            callers[function.Arguments[i]] = Bytes(arguments[i]);
            if (function.IsPlanned(function.Arguments[i])) callers[function.Arguments[i]].CopyTo(arena, plan.Offsets[function.Arguments[i].Id]);
        }
        foreach (var result in function.Buffers.Where(b => b.Kind == BufferKind.Result)) callers[result] = new byte[plan.Bytes[result.Id]];
        foreach (var constant in function.Buffers.Where(b => b.Kind == BufferKind.State && !states.ContainsKey(b.Name))) Set(constant.Name, Start(constant.Name));
        Run(function.Launches.AsSpan());
        return [.. function.Results.Select((buffer, i) => At(buffer) is var at ? Data(at.Memory.AsSpan((int)(at.Start / 8)).ToArray(), buffer.DType, function.Signature.Results[i].Type.Shape.Evaluate(sizes)) : null!)];
    }

    byte[] Arena(string function)
    {
        if (!plan.Function.HasStableAddresses) return new byte[plan.ArenaBytes];
        if (!arenas.TryGetValue((function, binding), out var own)) arenas.Add((function, binding), own = new byte[plan.ArenaBytes]);
        return own;
    }

    // Numbers of the source, and the memory of what is derived.
    TensorData Start(string path)
    {
        var state = program.States.Single(s => s.Path == path);
        if (state.Kind is not (StateKind.Constant or StateKind.Derived)) throw new InvalidOperationException($"The state {path} has no value.");
        var data = new TensorData(state.Type.DType, state.Type.Shape.Evaluate(binding));
        for (var i = 0; i < state.Init.Values.Count; i++) data[i] = state.Init.Values[i];
        return data;
    }

    long Size(Dim dim) => dim.Evaluate(binding);

    /// <summary>What the operands of every launch since the machine was made were given, when somebody wants to know.</summary>
    public List<(byte[] Memory, long Start)>? Given { get; set; }

    Pointer At(Buffer buffer) => buffer.Kind switch
    {
        var _ when plan.Function.IsPlanned(buffer) => new(arena, plan.Offsets[buffer.Id] * 8, buffer.DType),
        BufferKind.State => new(states[buffer.Name], 0, buffer.DType),
        BufferKind.Argument or BufferKind.Result => new(callers[buffer], 0, buffer.DType),
        _ => throw new NotSupportedException($"The toy has no memory of the kind {buffer.Kind}."),
    };

    Pointer At(Operand operand)
    {
        var at = At(operand.Buffer).Plus(Size(operand.Offset));
        Given?.Add((at.Memory, at.Start));
        return at;
    }

    void Run(ReadOnlySpan<Launch> launches)
    {
        for (var i = 0; i < launches.Length; i++)
        {
            Launched++;
            switch (launches[i])
            {
                case BranchLaunch branch:
                    Run(At(branch.Operands[0]).Load(0).Whole != 0 ? launches.Slice(i + 1, branch.Then) : launches.Slice(i + 1 + branch.Then, branch.Else));
                    i += branch.Then + branch.Else;
                    break;
                case RepeatLaunch repeat:
                    Run(repeat, launches.Slice(i + 1, repeat.Length));
                    i += repeat.Length;
                    break;
                default:
                    Run(launches[i], [.. launches[i].Operands.Select(At)]);
                    break;
            }
        }
    }

    void Run(RepeatLaunch repeat, ReadOnlySpan<Launch> body)
    {
        var (outside, count) = (binding, Size(repeat.Count));
        for (long step = 0; step < count; step++)
        {
            if (repeat.Condition is { } condition && At(condition).Load(0).Whole == 0) break;
            binding = outside.With(repeat.Index, repeat.Reverse ? count - 1 - step : step);
            if (repeat.ReadsIndex) At(repeat.Operands[0]).Store(0, Number.Of(binding[repeat.Index]));
            Run(body);
            binding = outside;
        }
    }

    void Run(Launch launch, Pointer[] pointers)
    {
        switch (launch)
        {
            case LoopLaunch loop: Loop(loop.Kernel, pointers, loop.Dims, loop.Extent); break;
            case SegmentedLaunch segmented:
                foreach (var segment in segmented.Segments) Loop(segmented.Kernel, pointers[segment.FirstOperand..(segment.FirstOperand + segment.OperandCount)], segment.Dims, segment.Extent);
                break;
            case ContractLaunch product: Products.Run(product, pointers, Size); break;
            case ConvolutionLaunch convolution: Convolutions.Run(convolution, pointers, Size); break;
            case AttentionLaunch attention: Attentions.Run(attention, pointers, Size, Exponential); break;
            case PackLaunch pack: Packed(pack, pointers); break;
            case LibraryLaunch library: Library.Run(library, pointers, Size); break;
            default: throw new NotSupportedException($"The toy has no launch of the kind {launch.GetType().Name}.");
        }
    }

    // Its packed form is one row behind the other.
    void Packed(PackLaunch launch, Pointer[] pointers)
    {
        long[] sizes = [.. launch.Kernel.Sizes.Select(s => Size(s.In(launch.Dims)))], strides = [.. launch.Kernel.From.Strides.Select(s => Size(s.In(launch.Dims)))];
        for (long i = 0; i < sizes.Aggregate(1L, (x, y) => x * y); i++)
        {
            var (rest, from) = (i, 0L);
            for (var axis = sizes.Length - 1; axis >= 0; rest /= sizes[axis], axis--) from += rest % sizes[axis] * strides[axis];
            pointers[1].Store(i, pointers[0].Real(from));
        }
    }

    void Loop(Kernel kernel, Pointer[] pointers, IEnumerable<Dim> dims, Dim extent) => new LoopRun((LoopKernel)kernel, pointers, [.. dims.Select(Size)]).Run(Size(extent));

    static byte[] Bytes(TensorData data)
    {
        var bytes = new byte[data.DType.Bytes(data.Size)];
        var to = new Pointer(bytes, 0, data.DType);
        for (long i = 0; i < data.Size; i++) to.Store(i, data.DType.IsFloat() ? Number.Of(data.Real[i]) : Number.Of(data.Int[i]));
        return bytes;
    }

    static TensorData Data(byte[] bytes, DType type, long[] shape)
    {
        var data = new TensorData(type, shape);
        var from = new Pointer(bytes, 0, type);
        for (long i = 0; i < data.Size; i++)
            if (type.IsFloat()) data.Real[i] = from.Load(i).Real;
            else data.Int[i] = from.Load(i).Whole;
        return data;
    }
}
