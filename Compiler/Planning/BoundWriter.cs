using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Compiler.Planning;

/// <summary>
/// Writes a function under a binding in numbers. A launch is its kind, the bytes that each thread works in, its operands and what its kind needs; absent operands and kernels are −1, lists have their length in front, types are
/// <see cref="DType"/>s, real numbers their bits. An operand is its place, which of them, its offset in bytes from there (in halves of bytes for elements of 4 bits), its type, and for each loop, by depth, with which it moves,
/// how far from one iteration to the next.
/// </summary>
sealed class BoundWriter
{
    readonly MemoryPlan plan;
    readonly LoweredFunction function;
    readonly LoweredProgram program;
    readonly int[] callers; // which argument or result of the call a buffer is, by its number; −1 for those of ours
    readonly Dictionary<string, int> kernels = new(StringComparer.Ordinal), names = new(StringComparer.Ordinal);
    readonly List<(int Last, string Index)> loops = []; // around the launch that is being written, the innermost last
    readonly List<long> code = [];

    public BoundWriter(MemoryPlan plan, LoweredProgram program)
    {
        (this.plan, this.program, function) = (plan, program, plan.Function);
        foreach (var kernel in program.Generated) kernels.Add(kernel.Name, kernels.Count);
        callers = Enumerable.Repeat(-1, function.Buffers.Length).ToArray();
        for (var i = 0; i < function.Arguments.Length; i++) callers[function.Arguments[i].Id] = i;
        for (var i = 0; i < function.Results.Length; i++)
            if (function.Results[i].Kind == BufferKind.Result && callers[function.Results[i].Id] < 0) callers[function.Results[i].Id] = function.Arguments.Length + i;
    }

    public BoundFunction Write()
    {
        var launches = new long[function.Launches.Length][];
        for (var i = 0; i < launches.Length; i++)
        {
            while (loops.Count > 0 && i > loops[loops.Count - 1].Last) loops.RemoveAt(loops.Count - 1);
            Launch(function.Launches[i]);
            launches[i] = [.. code];
            code.Clear();
            if (function.Launches[i] is RepeatLaunch repeat) loops.Add((i + repeat.Length, repeat.Index));
        }
        loops.Clear();
        var (loads, copies) = (Loads(), Copies());
        return new(plan.ArenaBytes, FirstWrite(), [.. names.OrderBy(n => n.Value).Select(n => n.Key)], launches, loads, copies);
    }

    int FirstWrite()
    {
        if (TrainingSignature.OfStep(program.Training, function.Name) is null) return function.Launches.Length;
        var first = 0;
        while (first < function.Launches.Length && !function.Launches[first].Operands.Any(o => o.IsWritten && o.Buffer.Kind == BufferKind.State)) first++;
        return first;
    }

    long[][] Loads() => [.. function.Arguments.Where(function.IsPlanned).Select(b => new[] { callers[b.Id], plan.Bytes[b.Id], plan.Offsets[b.Id] })];

    long[][] Copies()
    {
        var copies = new List<long[]>();
        for (var i = 0; i < function.Results.Length; i++)
        {
            var buffer = function.Results[i];
            var argument = function.Arguments.Length + i;
            var isOurs = function.IsPlanned(buffer);
            if (!isOurs && buffer.Kind is (BufferKind.Argument or BufferKind.Result) && callers[buffer.Id] == argument) continue; // a launch writes it there
            var (place, which) = isOurs ? (BoundPlace.Arena, plan.Offsets[buffer.Id]) : buffer.Kind == BufferKind.State ? (BoundPlace.State, Named(buffer.Name)) : (BoundPlace.Caller, callers[buffer.Id]);
            copies.Add([(long)place, which, argument, plan.Bytes[buffer.Id]]);
        }
        return [.. copies];
    }

    void Launch(Launch launch)
    {
        Add((long)KindOf(launch), launch.ThreadBytes(plan.Binding), launch.Operands.Length);
        foreach (var operand in launch.Operands) Operand(operand);
        switch (launch)
        {
            case LoopLaunch loop:
                Add(Number(loop.Kernel));
                Sizes(loop.Dims);
                Add(Evaluate(loop.Extent), Evaluate(loop.Grain));
                break;
            case SegmentedLaunch segmented:
                Add(Number(segmented.Kernel), Evaluate(segmented.Grain), segmented.Segments.Length);
                foreach (var segment in segmented.Segments)
                {
                    Add(segment.FirstOperand, Evaluate(segment.Extent));
                    Sizes(segment.Dims);
                }
                break;
            case ContractLaunch contract:
                Product(contract);
                break;
            case ConvolutionLaunch convolution:
                Convolution(convolution);
                break;
            case AttentionLaunch attention:
                Attention(attention);
                break;
            case LibraryLaunch library:
                Library(library);
                break;
            case RepeatLaunch repeat:
                Add(Evaluate(repeat.Count), repeat.Reverse ? 1 : 0, repeat.Length, repeat.ReadsIndex ? 1 : 0, repeat.IsConditional ? 1 : 0);
                break;
            case BranchLaunch branch:
                Add(branch.Then, branch.Else);
                break;
            case PackLaunch pack:
                Pack(pack);
                break;
        }
    }

    BoundKind KindOf(Launch launch) => launch switch
    {
        LoopLaunch => BoundKind.Loop,
        SegmentedLaunch => BoundKind.Segments,
        ContractLaunch => BoundKind.Product,
        ConvolutionLaunch => BoundKind.Convolution,
        AttentionLaunch => BoundKind.Attention,
        LibraryLaunch => BoundKind.Library,
        RepeatLaunch => BoundKind.Repeat,
        BranchLaunch => BoundKind.Branch,
        PackLaunch => BoundKind.Pack,
        _ => throw new NotSupportedException($"{program.Name} has a launch of the unknown kind {launch.GetType().Name}."),
    };

    void Operand(Operand operand)
    {
        var buffer = operand.Buffer;
        // Elements that are parts of bytes are counted by their pointers.
        var (shift, unit) = buffer.DType.Bits() < 8 ? (1, 1) : (0, buffer.DType.Size());
        var offset = operand.Offset;
        List<(int Depth, long Step)>? steps = null;
        for (var depth = loops.Count - 1; depth >= 0; depth--)
        {
            // An offset grows by the same with every iteration.
            var index = loops[depth].Index;
            if (!offset.Has(index)) continue;
            var from = offset.Substitute(new Dictionary<string, Dim> { [index] = Dim.Zero });
            (steps ??= []).Add((depth, Evaluate(offset.Substitute(new Dictionary<string, Dim> { [index] = Dim.One }) - from) * unit));
            offset = from;
        }
        var start = Evaluate(offset) * unit;
        if (function.IsPlanned(buffer)) Add((long)BoundPlace.Arena, 0, (plan.Offsets[buffer.Id] << shift) + start);
        else if (buffer.Kind == BufferKind.State) Add((long)BoundPlace.State, Named(buffer.Name), start);
        else if (buffer.Kind is BufferKind.Argument or BufferKind.Result) Add((long)BoundPlace.Caller, callers[buffer.Id], start);
        else throw new NotSupportedException($"{program.Name} has a buffer of the unknown kind {buffer.Kind}.");
        Add((long)buffer.DType, steps?.Count ?? 0);
        foreach (var (depth, step) in steps ?? []) Add(depth, step);
    }

    void Product(ContractLaunch launch)
    {
        var kernel = launch.Kernel;
        Sums(kernel.Accumulator, kernel.Sums);
        Add(Evaluate(launch.M), Evaluate(launch.N), Evaluate(launch.K));
        foreach (var size in launch.Batch) Add(Evaluate(size));
        Access(kernel.A, launch.Dims);
        Add(kernel.IsPackedB ? 1 : 0);
        Access(kernel.B, launch.Dims);
        Access(kernel.C, launch.Dims);
        Maker(launch.PrologueA?.Hook, launch.PrologueA?.Transposed ?? false);
        Maker(launch.PrologueB?.Hook, launch.PrologueB?.Transposed ?? false);
        Body(launch.Epilogue);
        Access(kernel.SumsOfA, launch.Dims);
        Access(kernel.SumsOfB, launch.Dims);
        Access(kernel.SumsOfC, launch.Dims);
        Add(kernel.LanesOfC);
        Workspace(launch);
    }

    void Convolution(ConvolutionLaunch launch)
    {
        var kernel = launch.Kernel;
        Add((long)launch.Kind);
        Sums(kernel.Accumulator, kernel.Sums);
        foreach (var size in kernel.Sizes) Add(Evaluate(size.In(launch.Dims)));
        var w = kernel.Window;
        Add(w.StrideHeight, w.StrideWidth, w.PaddingTop, w.PaddingLeft, w.DilationHeight, w.DilationWidth, w.Groups, kernel.Operands[1].IsPacked ? 1 : 0);
        for (var i = 0; i < 3; i++)
        {
            Access(i < kernel.Operands.Length ? kernel.Operands[i].Access : null, launch.Dims);
            if (i < 2) Body(launch.Maker(i));
        }
        Body(launch.Epilogue);
        Workspace(launch);
    }

    void Pack(PackLaunch launch)
    {
        var kernel = launch.Kernel;
        Add((long)kernel.Form, kernel.Groups);
        Sums(kernel.Type, kernel.Sums);
        foreach (var size in kernel.Sizes) Add(Evaluate(size.In(launch.Dims)));
        Access(kernel.From, launch.Dims);
        Access(kernel.To, launch.Dims);
    }

    void Attention(AttentionLaunch launch)
    {
        var kernel = launch.Kernel;
        var tiles = kernel.Tiles;
        Add((long)kernel.Kind, tiles.Keys, tiles.GradientQueries, tiles.GradientKeys, tiles.GradientTasks);
        foreach (var size in kernel.Sizes) Add(Evaluate(size.In(launch.Dims)));
        Add(kernel.IsCausal ? 1 : 0, BitConverter.DoubleToInt64Bits(kernel.Scale), BitConverter.DoubleToInt64Bits(kernel.Dropout), kernel.Operands.Length);
        foreach (var (role, access) in kernel.Operands)
        {
            Add((long)role);
            Access(access, launch.Dims);
        }
    }

    void Library(LibraryLaunch launch)
    {
        Add(Named(launch.Operation), launch.Attributes.Count == 0 ? -1 : Named(Numbers(launch.Attributes).ToString()), launch.Inputs);
        for (var i = 0; i < launch.Shapes.Length; i++)
        {
            Sizes(launch.Shapes[i]);
            Sizes(launch.Strides[i]);
        }
    }

    // Attributes may be sizes with names.
    AttributeMap Numbers(AttributeMap attributes)
    {
        foreach (var (name, value) in attributes.All.Select(p => (p.Key, p.Value)))
            if (value is Attr.List list) attributes = attributes.With(name, new Attr.List([.. list.Values.Select(v => (Dim)Evaluate(v))]));
        return attributes;
    }

    void Sums(DType accumulator, ProductSums sums) =>
        Add((long)accumulator, sums.DepthBlock, sums.SliceElements, sums.SliceLeast, sums.SliceMost, sums.SliceDeep, sums.GradientPixels, sums.GradientTasks);

    // Where an operand of a kernel lies: its number, type and strides.
    void Access(Access? access, ImmutableArray<Dim> dims)
    {
        if (access is null)
        {
            Add(-1);
            return;
        }
        Add(access.Pointer, (long)access.Type, access.Strides.Length);
        foreach (var stride in access.Strides) Add(Evaluate(stride.In(dims)));
    }

    void Maker(Hook? hook, bool transposed)
    {
        Body(hook);
        if (hook is not null) Add(transposed ? 1 : 0);
    }

    void Body(Hook? hook)
    {
        Add(hook is null ? -1 : Number(hook.Kernel));
        if (hook is null) return;
        Add(hook.FirstOperand);
        Sizes(hook.Dims);
    }

    void Workspace(Launch launch)
    {
        if (launch.Workspace is { Pointer: { } pointer }) Add(pointer, plan.Bytes[launch.Operands[pointer].Buffer.Id]);
        else Add(-1);
    }

    void Sizes(ImmutableArray<Dim> sizes)
    {
        Add(sizes.Length);
        foreach (var size in sizes) Add(Evaluate(size));
    }

    long Evaluate(Dim size) => size.TryConstant(out var constant) ? constant : size.Evaluate(plan.Binding);

    int Number(Kernel kernel) => kernels.TryGetValue(kernel.Name, out var number) ? number : throw new ArgumentException($"{program.Name} has no code for the kernel {kernel.Name}.");

    int Named(string name)
    {
        if (!names.TryGetValue(name, out var number)) names.Add(name, number = names.Count);
        return number;
    }

    void Add(long number) => code.Add(number);

    void Add(long first, long second)
    {
        code.Add(first);
        code.Add(second);
    }

    void Add(long first, long second, long third)
    {
        Add(first, second);
        code.Add(third);
    }

    void Add(params long[] numbers) => code.AddRange(numbers);
}
