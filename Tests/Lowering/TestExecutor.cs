using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Runtime.Cpu;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Tests.Lowering;

/// <summary>Runs launches one after another, every buffer in memory of its own; library operations by the reference interpreter. Slow and plain, to test kernels against.</summary>
sealed unsafe partial class TestExecutor : IDisposable
{
    readonly LoweredProgram program;
    readonly KernelAssembly kernels;
    readonly Dictionary<Buffer, nint> memory = [];
    long[] sizes = [];
    DimBinding binding; // with the number of the iteration, in a loop
    readonly WorkerPool pool;
    readonly float* scratch;

    /// <param name="grainFactor">Chunks hold the launch's grain times this.</param>
    TestExecutor(LoweredProgram program, KernelAssembly kernels, DimBinding binding, double grainFactor)
    {
        (this.program, this.kernels, this.binding) = (program, kernels, binding);
        GrainFactor = grainFactor;
        pool = new WorkerPool(2);
        scratch = (float*)NativeMemory.AlignedAlloc(64 << 20, 64);
    }

    double GrainFactor { get; }

    public static (TensorData[] Results, Dictionary<string, TensorData> States) Run(
        LoweredProgram program, KernelAssembly kernels, string function, IReadOnlyList<TensorData> arguments, IReadOnlyDictionary<string, TensorData> states, DimBinding binding, double grainFactor = 1)
    {
        if (function != DerivedStates.Function && program.States.Any(s => s.Kind == StateKind.Derived))
        {
            // What is derived from the states comes first.
            var all = states.ToDictionary(s => s.Key, s => s.Value);
            foreach (var state in program.States.Where(s => s.Kind == StateKind.Derived)) all[state.Path] = new(state.Type.DType, state.Type.Shape.Evaluate(binding));
            foreach (var (path, value) in Run(program, kernels, DerivedStates.Function, [], all, binding, grainFactor).States) all[path] = value;
            states = all;
        }
        using var executor = new TestExecutor(program, kernels, binding, grainFactor);
        return executor.Run(program.Functions.Single(f => f.Name == function), arguments, states);
    }

    (TensorData[], Dictionary<string, TensorData>) Run(LoweredFunction f, IReadOnlyList<TensorData> arguments, IReadOnlyDictionary<string, TensorData> states)
    {
        sizes = f.BytesOf(binding);
        foreach (var buffer in f.Buffers)
        {
            var bytes = sizes[buffer.Id];
            var p = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + 64, 64);
            new Span<byte>(p, (int)bytes + 64).Fill(0xFF); // NaN: reading what nothing wrote shows
            memory[buffer] = (nint)p;
            if (buffer.Kind == BufferKind.State) Store(states[buffer.Name], buffer);
        }
        for (var i = 0; i < arguments.Count; i++) Store(arguments[i], f.Arguments[i]);
        Execute(f, 0, f.Launches.Length);
        var results = f.Results.Select((b, i) => Load(b, f.Signature.Results[i].Type)).ToArray();
        return (results, f.Buffers.Where(b => b.Kind == BufferKind.State).ToDictionary(b => b.Name, b => Load(b, new(b.DType, new Shape(states[b.Name].Shape.Select(d => (Dim)d))))));
    }

    void Store(TensorData data, Buffer buffer) => Store(data, buffer.DType, (byte*)memory[buffer]);

    static void Store(TensorData data, DType type, byte* p)
    {
        for (long i = 0; i < data.Size; i++)
            switch (type)
            {
                case DType.F32: ((float*)p)[i] = (float)data[i]; break;
                case DType.I64: ((long*)p)[i] = (long)data[i]; break;
                case DType.I32: ((int*)p)[i] = (int)data[i]; break;
                case DType.Bool: p[i] = (byte)data[i]; break;
                case DType.I8: ((sbyte*)p)[i] = (sbyte)data[i]; break;
                default: throw new NotSupportedException(type.Name());
            }
    }

    TensorData Load(Buffer buffer, TensorType type) => Load((byte*)memory[buffer], type);

    TensorData Load(byte* p, TensorType type)
    {
        var data = new TensorData(type.DType, type.Shape.Evaluate(binding));
        for (long i = 0; i < data.Size; i++)
            data[i] = type.DType switch
            {
                DType.F32 => ((float*)p)[i],
                DType.I64 => ((long*)p)[i],
                DType.I32 => ((int*)p)[i],
                DType.Bool => p[i],
                DType.I8 => ((sbyte*)p)[i],
                _ => throw new NotSupportedException(type.DType.Name()),
            };
        return data;
    }

    byte* At(Operand operand) => (byte*)memory[operand.Buffer] + operand.Offset.Evaluate(binding) * operand.Buffer.DType.Size();

    nint Kernel(Kernel kernel) => kernels.Address(program.Generated.IndexOf(kernel));

    void Execute(LoweredFunction f, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            if (f.Launches[i] is BranchLaunch branch)
            {
                if (*At(branch.Operands[0]) != 0) Execute(f, i + 1, i + 1 + branch.Then);
                else Execute(f, i + 1 + branch.Then, i + 1 + branch.Then + branch.Else);
                i += branch.Then + branch.Else;
                continue;
            }
            if (f.Launches[i] is not RepeatLaunch repeat)
            {
                Execute(f.Launches[i]);
                continue;
            }
            var count = repeat.Count.Evaluate(binding);
            for (long step = 0; step < count; step++)
            {
                if (repeat.Condition is { } condition && *At(condition) == 0) break;
                var outside = binding;
                binding = binding.With(repeat.Index, repeat.Reverse ? count - 1 - step : step);
                if (repeat.ReadsIndex) *(long*)At(repeat.Operands[0]) = binding[repeat.Index];
                Execute(f, i + 1, i + 1 + repeat.Length);
                binding = outside;
            }
            i += repeat.Length;
        }
    }

    void Execute(Launch launch)
    {
        var count = launch.Operands.Length;
        var p = (void**)NativeMemory.Alloc((nuint)(count + 1) * (nuint)sizeof(void*));
        for (var i = 0; i < count; i++) p[i] = At(launch.Operands[i]);
        switch (launch)
        {
            case LoopLaunch l: Loop(l.Kernel, p, l.Dims, l.Extent, l.Grain); break;
            case SegmentedLaunch s:
                foreach (var segment in s.Segments) Loop(s.Kernel, p + segment.FirstOperand, segment.Dims, segment.Extent, s.Grain);
                break;
            case ContractLaunch c: Contract(c, p); break;
            case ConvolutionLaunch c: Convolution(c, p); break;
            case AttentionLaunch a: Attention(a, p); break;
            case PackLaunch pack: Pack(pack, p); break;
            case LibraryLaunch l: Reference(Node(l.Operation, l.Attributes, l.Operands.Zip(l.Shapes, Type), l.Inputs), [.. Enumerable.Range(0, l.Inputs).Select(i => Gathered(l, i, (byte*)p[i]))], [.. Enumerable.Range(l.Inputs, count - l.Inputs).Select(i => (nint)p[i])]); break;
        }
        NativeMemory.Free(p);
    }

    long* Dims(IReadOnlyList<Dim> dims)
    {
        var d = (long*)NativeMemory.Alloc((nuint)(dims.Count + 1) * 8);
        for (var i = 0; i < dims.Count; i++) d[i] = dims[i].Evaluate(binding);
        return d;
    }

    void Loop(Kernel kernel, void** p, IReadOnlyList<Dim> dims, Dim extentDim, Dim grainDim)
    {
        var k = (delegate*<void**, long*, long, long, float*, void>)Kernel(kernel);
        var d = Dims(dims);
        var extent = extentDim.Evaluate(binding);
        var grain = Math.Max(1, (long)(grainDim.Evaluate(binding) * GrainFactor));
        for (long begin = 0; begin < extent; begin += grain) k(p, d, begin, Math.Min(extent, begin + grain), scratch);
        NativeMemory.Free(d);
    }

    void Contract(ContractLaunch c, void** p)
    {
        long E(Dim dim) => dim.Evaluate(binding);
        var call = new ContractCall(E(c.M), E(c.N), E(c.K)) { Batch0 = E(c.Batch[0]), Batch1 = E(c.Batch[1]), Batch2 = E(c.Batch[2]) };
        if (c.A is { } a)
        {
            call.A = (float*)p[a.Operand];
            (call.AM, call.AK, call.ABatch0, call.ABatch1, call.ABatch2) = (E(a.RowStride), E(a.ColumnStride), E(a.BatchStrides[0]), E(a.BatchStrides[1]), E(a.BatchStrides[2]));
        }
        if (c.B is { } b)
        {
            if (c.Kernel.IsPackedB) call.PackedB = (float*)p[b.Operand];
            else call.B = (float*)p[b.Operand];
            (call.BK, call.BN, call.BBatch0, call.BBatch1, call.BBatch2) = (E(b.RowStride), E(b.ColumnStride), E(b.BatchStrides[0]), E(b.BatchStrides[1]), E(b.BatchStrides[2]));
        }
        if (c.PrologueA is { } makesA)
        {
            call.PrologueA = (delegate*<void**, long*, float*, long, long, long, long, long, long, void>)Kernel(makesA.Hook.Kernel);
            call.PrologueAPointers = p + makesA.Hook.FirstOperand;
            call.PrologueADims = Dims(makesA.Hook.Dims);
            call.TransposedA = makesA.Transposed;
        }
        if (c.PrologueB is { } makesB)
        {
            call.PrologueB = (delegate*<void**, long*, float*, long, long, long, long, long, long, void>)Kernel(makesB.Hook.Kernel);
            call.PrologueBPointers = p + makesB.Hook.FirstOperand;
            call.PrologueBDims = Dims(makesB.Hook.Dims);
            call.TransposedB = makesB.Transposed;
        }
        if (c.C is { } r)
        {
            call.C = (float*)p[r.Operand];
            (call.CM, call.CN, call.CBatch0, call.CBatch1, call.CBatch2) = (E(r.RowStride), E(r.ColumnStride), E(r.BatchStrides[0]), E(r.BatchStrides[1]), E(r.BatchStrides[2]));
        }
        if (c.Epilogue is { } hook)
        {
            call.Epilogue = (delegate*<void**, long*, float*, long, long, long, long, long, long, void>)Kernel(hook.Kernel);
            call.EpiloguePointers = p + hook.FirstOperand;
            call.EpilogueDims = Dims(hook.Dims);
        }
        if (c.SumsOfA is { } ofA) call.SumsOfA = new() { To = (float*)p[ofA.Operand], Step = E(ofA.Stride) };
        if (c.SumsOfB is { } ofB) call.SumsOfB = new() { To = (float*)p[ofB.Operand], Step = E(ofB.Stride) };
        if (c.SumsOfC is { } ofC) call.SumsOfC = new() { To = (float*)p[ofC.Operand], Step = E(ofC.Stride) };
        if (c.Workspace is { Pointer: { } workspace })
        {
            call.Workspace = (float*)p[workspace];
            call.WorkspaceFloats = sizes[c.Operands[workspace].Buffer.Id] / sizeof(float);
        }
        Graph.Runtime.Cpu.Contract.Run(pool, &call);
    }

    // An operand of a library kernel row by row, wherever it lies.
    nint Gathered(LibraryLaunch l, int operand, byte* from)
    {
        long[] shape = [.. l.Shapes[operand].Select(s => s.Evaluate(binding))], strides = [.. l.Strides[operand].Select(s => s.Evaluate(binding))];
        var (count, size) = (shape.Aggregate(1L, (x, y) => x * y), l.Operands[operand].Buffer.DType.Size());
        var to = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(64, count * size), 64);
        for (long i = 0; i < count; i++)
        {
            long rest = i, place = 0;
            for (var axis = shape.Length - 1; axis >= 0; axis--, rest /= shape[axis + 1]) place += rest % shape[axis] * strides[axis];
            new ReadOnlySpan<byte>(from + place * size, size).CopyTo(new(to + i * size, size));
        }
        return (nint)to;
    }

    // Weights of convolutions are laid row by row, which is what the reference reads.
    void Pack(PackLaunch pack, void** p)
    {
        long[] sizes = [.. pack.Kernel.Sizes.Select(s => s.In(pack.Dims).Evaluate(binding))], strides = [.. pack.Kernel.From.Strides.Select(s => s.In(pack.Dims).Evaluate(binding))];
        if (pack.Kernel.Form == PackedOperands.ConvolutionWeight)
        {
            float* from = (float*)p[0], at = (float*)p[1];
            for (long i = 0; i < sizes[0]; i++)
                for (long j = 0; j < sizes[1]; j++)
                    for (long k = 0; k < sizes[2]; k++)
                        for (long l = 0; l < sizes[3]; l++) *at++ = from[i * strides[0] + j * strides[1] + k * strides[2] + l * strides[3]];
            return;
        }
        var call = new ContractCall(1, sizes[1], sizes[0]) { B = (float*)p[0], BK = strides[0], BN = strides[1], PackedB = (float*)p[1] };
        Graph.Runtime.Cpu.Contract.PackRight(pool, &call);
    }

    // By the reference, then the epilogue in uneven blocks.
    void Convolution(ConvolutionLaunch c, void** p)
    {
        var node = ConvolutionNode(c);
        var shape = node.Output.Shape.Evaluate(binding);
        var size = shape.Aggregate(1L, (x, y) => x * y);
        var result = c.View(2) is { } view ? (float*)p[view.Operand] : (float*)NativeMemory.AlignedAlloc((nuint)size * 4, 64);
        Reference(node, [Read(c, 0, node, p), Read(c, 1, node, p)], [(nint)result]);
        if (c.Epilogue is not { } hook) return;
        var epilogue = (delegate*<void**, long*, float*, long, long, long, long, long, long, void>)Kernel(hook.Kernel);
        var (rows, columns) = (shape[1], shape[2] * shape[3]);
        var d = Dims(hook.Dims);
        for (long batch = 0; batch < shape[0]; batch++)
            for (long row = 0; row < rows; row += 3)
                for (long column = 0; column < columns; column += 20)
                    epilogue(p + hook.FirstOperand, d, result + (batch * rows + row) * columns + column, columns, batch, row, Math.Min(3, rows - row), column, Math.Min(20, columns - column));
    }

    // What a convolution reads, row by row: gathered by its strides, or made in uneven blocks.
    nint Read(ConvolutionLaunch c, int operand, Node node, void** p)
    {
        var shape = node.Inputs[operand].Shape.Evaluate(binding);
        var to = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, shape.Aggregate(4L, (x, y) => x * y)), 64);
        if (c.View(operand) is { } view)
        {
            var strides = view.Strides.Select(s => s.Evaluate(binding)).ToArray();
            float* from = (float*)p[view.Operand], at = to;
            for (long i = 0; i < shape[0]; i++)
                for (long j = 0; j < shape[1]; j++)
                    for (long k = 0; k < shape[2]; k++)
                        for (long l = 0; l < shape[3]; l++) *at++ = from[i * strides[0] + j * strides[1] + k * strides[2] + l * strides[3]];
            return (nint)to;
        }
        var hook = c.Maker(operand)!;
        var maker = (delegate*<void**, long*, float*, long, long, long, long, long, long, void>)Kernel(hook.Kernel);
        var isWeight = operand == 1 && c.Kind != ConvolutionKind.WeightGradient;
        var (images, rows, columns) = isWeight ? (1, shape[0], shape[1] * shape[2] * shape[3]) : (shape[0], shape[1], shape[2] * shape[3]);
        var d = Dims(hook.Dims);
        for (long image = 0; image < images; image++)
            for (long row = 0; row < rows; row += 3)
                for (long column = 0; column < columns; column += 20)
                    maker(p + hook.FirstOperand, d, to + (image * rows + row) * columns + column, columns, image, row, Math.Min(3, rows - row), column, Math.Min(20, columns - column));
        return (nint)to;
    }

    static TensorType Type(Operand operand, ImmutableArray<Dim> shape) => new(operand.Buffer.DType, new(shape));

    static Node Node(string operation, AttributeMap attributes, IEnumerable<TensorType> types, int inputs) => new(
        OperationTable.Set[operation], [.. types.Take(inputs).Select((t, i) => Value.Argument(t, "x" + i))], attributes, [], [.. types.Skip(inputs)], []);

    static Node ConvolutionNode(ConvolutionLaunch c)
    {
        var s = c.Shape;
        TensorType Of(params Dim[] dims) => new(DType.F32, new([.. dims]));
        var (image, weight, map) = (
            Of(s.Batch, s.Channels, s.Height, s.Width), Of(s.Filters, Dim.TryDivide(s.Channels, s.Groups, out var each) ? each : throw new NotSupportedException(), s.KernelHeight, s.KernelWidth),
            Of(s.Batch, s.Filters, s.MapHeight, s.MapWidth));
        var attributes = AttributeMap.Of(
            ("stride", new[] { s.StrideHeight, s.StrideWidth }), ("padding", new[] { s.PaddingTop, s.PaddingLeft }), ("dilation", new[] { s.DilationHeight, s.DilationWidth }), ("groups", s.Groups));
        return c.Kind switch
        {
            ConvolutionKind.Forward => Node("conv2d", attributes, [image, weight, map], 2),
            ConvolutionKind.ImageGradient => Node("conv2d_grad_input", attributes, [map, weight, image], 2),
            ConvolutionKind.WeightGradient => Node("conv2d_grad_weight", attributes, [image, map, weight], 2),
            _ => throw new NotSupportedException(c.Title),
        };
    }

    void Reference(Node node, nint[] inputs, nint[] outputs)
    {
        var results = new Interpreter(new Program(program.Name, program.Dims, program.States, [], OperationTable.Set)).Evaluate(node, [.. node.Inputs.Select((v, i) => Load((byte*)inputs[i], v.Type))], binding);
        for (var i = 0; i < outputs.Length; i++) Store(results[i], node.Outputs[i].DType, (byte*)outputs[i]);
    }

    public void Dispose()
    {
        foreach (var p in memory.Values) NativeMemory.AlignedFree((void*)p);
        NativeMemory.AlignedFree(scratch);
        pool.Dispose();
    }
}
