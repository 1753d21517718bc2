using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Compiler.Lowering;

/// <summary>
/// Lets the products and convolutions of entries read weights in the target's packed form, which is a derived state: <see cref="DerivedStates.Function"/> packs it once a version of the model's numbers, and no call does.
/// </summary>
/// <remarks>
/// Flows in: the lowered functions of a program. Flows out: the same with other operands, states and launches that pack. A weight is packed that is a state as it stands, no entry assigns, and no size of which a call
/// decides. What was derived only to be packed lives on as an intermediate of the function that derives. No sum changes its order, and steps and losses read weights as they are: each of their versions is read once.
/// </remarks>
sealed class PackWeights
{
    const string Prefix = "packed#";

    readonly TargetModel target;
    readonly KernelTable kernels;
    readonly HashSet<string> shared;
    readonly HashSet<string> entries;
    readonly List<Packed> packed = [];
    readonly PackedBodies bodies = new();
    readonly Dictionary<string, Buffer> reads = new(StringComparer.Ordinal); // of the function at hand, by the path of the packed state

    // One packed weight, and what makes it.
    sealed record Packed(StateDecl State, Buffer Source, Dim Offset, PackKernel Kernel, ImmutableArray<Dim> Dims, ImmutableArray<Origin> Origins);

    PackWeights(Program program, KernelTable kernels, TargetModel target)
    {
        (this.kernels, this.target) = (kernels, target);
        var evaluated = StillValues.Evaluated(program);
        shared = StillValues.Shared(program, evaluated);
        entries = [.. evaluated.Select(f => f.Name).Where(name => program.Training.All(t => t.Loss != name))];
    }

    /// <summary>The functions, and the states of the program, with packed weights.</summary>
    public static (ImmutableArray<LoweredFunction> Functions, ImmutableArray<StateDecl> States) Run(
        Program program, ImmutableArray<LoweredFunction> functions, ImmutableArray<StateDecl> states, KernelTable kernels, TargetModel target)
    {
        if (target.Packs == PackedOperands.None) return (functions, states);
        var pass = new PackWeights(program, kernels, target);
        functions = [.. functions.Select(f => pass.entries.Contains(f.Name) ? pass.Entry(f) : f)];
        if (pass.packed.Count == 0) return (functions, states);
        var read = new HashSet<string>(functions.Where(f => !DerivedStates.IsComputedBy(f.Name)).SelectMany(f => f.Buffers).Where(b => b.Kind == BufferKind.State).Select(b => b.Name));
        var gone = new HashSet<string>(states.Where(s => s.Kind == StateKind.Derived && !read.Contains(s.Path)).Select(s => s.Path));
        var derive = functions.FirstOrDefault(f => f.Name == DerivedStates.Function)
            ?? new(new(DerivedStates.Function, [], [], []), [], [], [], []) { Alignment = target.Memory.Alignment, HasStableAddresses = target.StableAddresses };
        // Before anything is packed, what is derived of a model that is trained in 16 bits may be the working copies alone.
        var copies = derive.Signature.Assigned.Length > 0 && functions.All(f => f.Name != DerivedStates.Copies) && derive.Signature.Assigned.All(path => WorkingCopies.IsOne(path, states) && !gone.Contains(path))
            ? ImmutableArray.Create(derive with { Signature = derive.Signature with { Name = DerivedStates.Copies } }) : [];
        return ([.. functions.Where(f => f.Name != DerivedStates.Function), .. copies, pass.Derive(derive, gone)], [.. states.Where(s => !gone.Contains(s.Path)), .. pass.packed.Select(p => p.State)]);
    }

    LoweredFunction Entry(LoweredFunction function)
    {
        reads.Clear();
        var buffers = function.Buffers.ToBuilder();
        var launches = function.Launches.Select(launch => launch switch
        {
            ConvolutionLaunch convolution => Convolution(convolution, buffers),
            ContractLaunch product => Product(product, buffers),
            _ => launch,
        }).ToImmutableArray();
        return buffers.Count == function.Buffers.Length ? function : Compact(function with { Buffers = buffers.ToImmutable(), Launches = launches }, [.. bodies.Of(function, launches)]);
    }

    Launch Convolution(ConvolutionLaunch launch, ImmutableArray<Buffer>.Builder buffers)
    {
        var kernel = launch.Kernel;
        if (!target.Packs.HasFlag(PackedOperands.ConvolutionWeight) || kernel.Kind != ConvolutionKind.Forward || kernel.Accumulator != DType.F32 || kernel.Operands[1].Access is not { Type: DType.F32 } weight) return launch;
        var (shape, view) = (launch.Shape, launch.View(1)!);
        var operand = launch.Operands[weight.Pointer];
        if (!Stays(operand) || Constant([shape.Filters, shape.Channels, shape.KernelHeight, shape.KernelWidth, .. view.Strides]) is not { } sizes) return launch;
        var window = kernel.Window;
        var floats = target.Packing.WeightFloats(kernel.Sums, new(
            0, sizes[1], 0, 0, sizes[0], sizes[2], sizes[3], 0, 0, window.StrideHeight, window.StrideWidth, window.PaddingTop, window.PaddingLeft, window.DilationHeight, window.DilationWidth, window.Groups));
        if (floats == 0) return launch;
        Dim[] dense = [sizes[0], sizes[1] / window.Groups, sizes[2], sizes[3]];
        var state = Pack(PackedOperands.ConvolutionWeight, dense, view.Strides, window.Groups, floats, operand, kernel.Sums, launch.Origins);
        var operands = Replaced(launch.Operands, weight.Pointer, state, buffers);
        // As filters that lie one behind the other, where a target keeps them so.
        var dims = launch.Dims.ToBuilder();
        var strides = new Shape([.. dense]).Strides.Select(stride =>
        {
            if (stride.Is(1)) return Extent.One;
            dims.Add(stride);
            return Extent.Argument(dims.Count - 1);
        }).ToImmutableArray();
        return launch with
        {
            Operands = operands, Incoming = Incoming(launch, operands, state), Dims = dims.ToImmutable(),
            Kernel = kernels.Add(new ConvolutionKernel( // not a copy, which would keep the other's text
                "", kernel.Kind, kernel.Accumulator, kernel.Sizes, window, kernel.Operands.SetItem(1, new(weight with { Strides = strides }, null) { IsPacked = true }), kernel.Epilogue, kernel.Sums, kernel.Workspace), "convolution"),
        };
    }

    Launch Product(ContractLaunch launch, ImmutableArray<Buffer>.Builder buffers)
    {
        var kernel = launch.Kernel;
        if (!target.Packs.HasFlag(PackedOperands.ProductRight) || kernel.Accumulator != DType.F32 || kernel.B is not { Type: DType.F32 } right || kernel.SumsOfB is not null) return launch;
        var view = launch.B!;
        var operand = launch.Operands[right.Pointer];
        if (!Stays(operand) || view.BatchStrides.Any(s => !s.Is(0)) && launch.Batch.Any(b => !b.Is(1)) || Constant(launch.K, launch.N, view.RowStride, view.ColumnStride) is not { } sizes) return launch;
        var floats = target.Packing.RightFloats(kernel.Sums, sizes[0], sizes[1]);
        if (floats == 0) return launch;
        var state = Pack(PackedOperands.ProductRight, [sizes[0], sizes[1]], [sizes[2], sizes[3]], 1, floats, operand, kernel.Sums, launch.Origins);
        var operands = Replaced(launch.Operands, right.Pointer, state, buffers);
        // As rows that lie one behind the other, where a target keeps them so.
        return launch with
        {
            Operands = operands, Incoming = Incoming(launch, operands, state),
            Kernel = kernels.Add(new ProductKernel(
                "", kernel.Accumulator, kernel.Batch, kernel.M, kernel.N, kernel.K, kernel.A, right with { Strides = [Extent.Zero, Extent.Zero, Extent.Zero, kernel.N, Extent.One] }, kernel.C, kernel.MakesA, null, kernel.Epilogue, kernel.Sums, kernel.Workspace)
            {
                SumsOfA = kernel.SumsOfA, SumsOfC = kernel.SumsOfC, LanesOfC = kernel.LanesOfC, IsPackedB = true,
            }, "product"),
        };
    }

    // A state that nobody changes between two versions, at a place that is the same in every call.
    bool Stays(Operand operand) => operand.Buffer.Kind == BufferKind.State && shared.Contains(operand.Buffer.Name) && operand.Offset.IsConstant;

    static long[]? Constant(params Dim[] sizes)
    {
        var values = new long[sizes.Length];
        for (var i = 0; i < sizes.Length; i++)
            if (!sizes[i].TryConstant(out values[i])) return null;
        return values;
    }

    StateDecl Pack(PackedOperands form, IReadOnlyList<Dim> sizes, IEnumerable<Dim> strides, int groups, long floats, Operand source, ProductSums sums, ImmutableArray<Origin> origins)
    {
        var arguments = new DimTable(0);
        ImmutableArray<Extent> extents = [.. sizes.Select(arguments.Fixed)];
        var kernel = new PackKernel(
            "", form, DType.F32, extents, groups, new(0, DType.F32, false, [.. strides.Select(arguments.Fixed)]), new(1, DType.F32, true, [Extent.One]), sums, target.Packing);
        var known = packed.FirstOrDefault(p => p.Source.Name == source.Buffer.Name && p.Offset == source.Offset && p.Kernel.Text == kernel.Text && p.Dims.SequenceEqual(arguments.Dims));
        if (known is not null) return known.State;
        var state = new StateDecl(Prefix + packed.Count.ToString(CultureInfo.InvariantCulture), new(DType.F32, Shape.Of(floats)), StateKind.Derived, InitSpec.Zeros);
        packed.Add(new(state, source.Buffer, source.Offset, kernels.Add(kernel, "pack"), arguments.Dims, origins));
        return state;
    }

    ImmutableArray<Operand> Replaced(ImmutableArray<Operand> operands, int pointer, StateDecl state, ImmutableArray<Buffer>.Builder buffers)
    {
        if (!reads.TryGetValue(state.Path, out var buffer)) buffers.Add(reads[state.Path] = buffer = new(buffers.Count, state.Path, BufferKind.State, state.Type.DType, state.Type.Shape.Size));
        return operands.SetItem(pointer, new(buffer, Dim.Zero, false));
    }

    // What it reads from before the call: the packed weight is one of these, and the other may be none any more.
    static ImmutableArray<string> Incoming(Launch launch, ImmutableArray<Operand> operands, StateDecl state) =>
        [.. operands.Where(o => !o.IsWritten && o.Buffer.Kind == BufferKind.State).Select(o => o.Buffer.Name).Where(name => name == state.Path || launch.Incoming.Contains(name)).Distinct()];

    // With the launches that pack behind all others. States that nobody reads any more are memory of the call.
    LoweredFunction Derive(LoweredFunction function, HashSet<string> gone)
    {
        var buffers = ImmutableArray.CreateBuilder<Buffer>();
        var map = new Dictionary<Buffer, Buffer>();
        var states = new Dictionary<string, Buffer>(StringComparer.Ordinal);
        foreach (var buffer in function.Buffers)
        {
            var isGone = buffer.Kind == BufferKind.State && gone.Contains(buffer.Name);
            buffers.Add(map[buffer] = isGone ? new(buffer.Id, buffer.Name, BufferKind.Arena, buffer.DType, buffer.Elements) : buffer);
            if (buffer.Kind == BufferKind.State) states.Add(buffer.Name, map[buffer]);
        }
        Buffer State(string path, DType type, Dim elements)
        {
            if (!states.TryGetValue(path, out var buffer)) buffers.Add(states[path] = buffer = new(buffers.Count, path, BufferKind.State, type, elements));
            return buffer;
        }
        var launches = function.Launches.Select(l => Mapped(l, map)).ToImmutableArray().ToBuilder();
        foreach (var weight in packed)
        {
            var from = State(weight.Source.Name, weight.Source.DType, weight.Source.Elements);
            var to = State(weight.State.Path, weight.State.Type.DType, weight.State.Type.Shape.Size);
            launches.Add(new PackLaunch(weight.Origins, [new(from, weight.Offset, false), new(to, Dim.Zero, true)], weight.Kernel, weight.Dims) { Traffic = from.Elements * 4 + to.Elements * 4 });
        }
        var assigned = function.Signature.Assigned.Where(path => !gone.Contains(path)).Concat(packed.Select(p => p.State.Path)).ToImmutableArray();
        return function with { Signature = function.Signature with { Assigned = assigned }, Buffers = buffers.ToImmutable(), Launches = launches.ToImmutable() };
    }

    // Without the buffers that no launch touches any more, and with the launches of calls from what they call.
    static LoweredFunction Compact(LoweredFunction function, IReadOnlyList<PackedBodies.Call> called)
    {
        var used = new HashSet<Buffer>(function.Launches.SelectMany(l => l.Operands).Select(o => o.Buffer).Concat(function.Arguments).Concat(function.Results).Concat(called.SelectMany(c => c.Places).Select(o => o.Buffer)));
        var map = new Dictionary<Buffer, Buffer>();
        var before = new int[function.Buffers.Length + 1]; // how many stay of those in front of a buffer
        foreach (var buffer in function.Buffers)
        {
            before[buffer.Id] = map.Count;
            if (buffer.Kind == BufferKind.Arena || used.Contains(buffer)) map.Add(buffer, new(map.Count, buffer.Name, buffer.Kind, buffer.DType, buffer.Elements));
        }
        before[function.Buffers.Length] = map.Count;
        var buffers = map.Values.ToArray();
        var launches = new List<Launch>();
        var calls = ImmutableArray.CreateBuilder<LaunchCall>();
        for (int i = 0, next = 0; i < function.Launches.Length;)
        {
            if (next == called.Count || called[next].Of.First != i)
            {
                launches.Add(Mapped(function.Launches[i++], map));
                continue;
            }
            var (of, template, places) = called[next++];
            calls.Add(template.AddLaunches(launches, buffers, before[of.FirstBuffer], [.. places.Select(o => o with { Buffer = map[o.Buffer] })], of.Path));
            i += of.Body.Launches.Length;
        }
        return function with
        {
            Buffers = [.. buffers], Launches = [.. launches], Calls = calls.ToImmutable(), Arguments = [.. function.Arguments.Select(b => map[b])], Results = [.. function.Results.Select(b => map[b])],
        };
    }

    /// <summary>A launch over other buffers.</summary>
    internal static Launch Mapped(Launch launch, Dictionary<Buffer, Buffer> map) => launch with { Operands = [.. launch.Operands.Select(o => o with { Buffer = map[o.Buffer] })] };
}
