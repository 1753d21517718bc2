using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes.Scheduling;
using Graph.Compiler.Space;
using Graph.Compiler.Targets;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Compiler.Lowering;

/// <summary>Lowers one function: places its values and appends its launches in the order of the nodes.</summary>
sealed partial class FunctionLowering(Program program, Function function, KernelTable kernels, TargetModel target, CalledFunctions called)
{
    /// <summary>A value that has to be in a place in the end. With <see cref="Old"/>, the place holds that until then: a state's new value, or a carry's.</summary>
    readonly record struct Target(Value Value, Placement Place, Value? Old);

    readonly TargetModel target = target;
    readonly CalledFunctions called = called;
    readonly DimBinding typical = DimBinding.Typical(program.Dims);
    readonly List<Buffer> buffers = [];
    readonly List<Launch> launches = [];
    readonly HashSet<Buffer> donated = []; // whose contents are replaced: states, and the carries of loops
    readonly Dictionary<Value, Placement> places = [];
    readonly Dictionary<string, Buffer> states = new(StringComparer.Ordinal);
    readonly Demands demands = new();
    readonly HashSet<Node> done = [];
    Uses? graph;

    public LoweredFunction Lower(CancellationToken cancel)
    {
        var arguments = function.Parameters.Select(p => Contiguous(p, NewBuffer(p.Name!, BufferKind.Argument, p.Type))).ToImmutableArray();
        foreach (var s in function.States) Contiguous(s, State(s.State!, s.Type));
        foreach (var u in function.Updates) State(u.Path, u.Value.Type);
        var results = function.Results.Select((r, i) => NewBuffer(i < function.ResultNames.Length ? function.ResultNames[i] : "result" + i, BufferKind.Result, r.Type)).ToImmutableArray();
        var targets = results.Select((buffer, i) => new Target(function.Results[i], Dense(function.Results[i], buffer), null)).ToList();
        var incoming = function.States.ToDictionary(s => s.State!);
        foreach (var u in function.Updates)
            targets.Add(new(u.Value, Dense(u.Value, states[u.Path]), incoming.TryGetValue(u.Path, out var old) ? old : null));
        Fill(targets, cancel);
        return new(FunctionSignature.Of(function), [.. buffers], [.. launches], arguments, results) { Alignment = target.Memory.Alignment, HasStableAddresses = target.StableAddresses, Calls = [.. calls] };
    }

    /// <summary>Lowers the function's nodes so that in the end every target has its value.</summary>
    void Fill(List<Target> targets, CancellationToken cancel)
    {
        targets.RemoveAll(t => t.Value == t.Old);
        var copies = new List<(Value Value, Placement To)>();
        var byBase = targets.ToLookup(t => Base(t.Value));
        foreach (var target in targets)
            if (!MayOverwrite(target, byBase) || !demands.TryAdd(target.Value, target.Place)) copies.Add((target.Value, target.Place));
        foreach (var node in function.Nodes)
        {
            if (node.Operation == StructureOperations.Loop) Begin(node);
            if (node.Operation.Library(node) is not { } traits) continue;
            if (!traits.Parts.IsEmpty) Join(node, traits);
            // What goes on in its operand's memory finds it there row by row.
            foreach (var shared in traits.InPlace)
                if (node.Inputs[shared.Operand] is var start && start.Producer is { Operation.Kind: OpKind.View })
                    demands.TryAdd(start, Dense(start, NewBuffer("sum", BufferKind.Arena, start.Type)));
        }

        // Backwards: what goes on in a place that is wanted in the end may want it for its operand too.
        foreach (var node in function.Nodes.Reverse()) GoOn(node, targets, byBase);

        foreach (var node in function.Nodes)
        {
            cancel.ThrowIfCancellationRequested();
            LowerNode(node);
        }
        // A state or carry that is copied at the end may be what another copy reads: such values go through memory of their own.
        var late = copies.Where(c => donated.Contains(c.To.Buffer)).ToList();
        for (var i = 0; i < copies.Count; i++)
            if (late.Any(l => l.To.Buffer == places[copies[i].Value].Buffer && l.To.Buffer != copies[i].To.Buffer))
                copies[i] = (Copy(copies[i].Value, places[copies[i].Value], Dense(copies[i].Value, NewBuffer("copy", BufferKind.Arena, copies[i].Value.Type))), copies[i].To);
        foreach (var (value, to) in copies) CopyTo(value, places[value], to);
    }

    // A state or carry that is changed step by step, each step going on in the memory of the one before, is changed where it lies.
    void GoOn(Node node, List<Target> targets, ILookup<Value, Target> byBase)
    {
        if (node.Operation.Library(node) is not { } traits) return;
        foreach (var shared in traits.InPlace)
        {
            if (!demands.TryGet(node.Outputs[shared.Result], out var place) || !donated.Contains(place.Buffer)) continue;
            var (start, end) = (node.Inputs[shared.Operand], function.Nodes.IndexOf(node));
            if (start.Producer is not { } first || function.Roots.Contains(start) || Enumerable.Range(end + 1, function.Nodes.Length - end - 1).Any(i => function.Nodes[i].Inputs.Contains(start))) continue;
            if (first.Operation.Library(first) is not { InPlace.IsEmpty: false } || targets.FirstOrDefault(t => t.Place.Buffer == place.Buffer) is not { Old: { } old }) continue;
            if (MayOverwrite(new(start, place, old), byBase)) demands.TryAdd(start, place);
        }
    }

    // A new state or carry may go straight over the old one when everything that reads the old one comes before, or is the same elementwise kernel (checked once that kernel is built).
    bool MayOverwrite(Target target, ILookup<Value, Target> targets)
    {
        if (target.Old is not { } old) return true;
        if (targets[old].Any(t => t.Place != target.Place)) return false;
        if (Base(target.Value).Producer is not { } writer) return true;
        graph ??= new(function, program);
        // A call that throws leaves states as they were: what may throw comes before the first of them is written, and a new value that is there earlier waits for the end.
        var at = graph.Position(writer);
        if (target.Place.Buffer.Kind == BufferKind.State && graph.LastThatMayThrow >= at) return false;
        var readers = new List<Value> { old }; // and views of it
        var isRead = false; // by the writer itself, which may have many operands
        for (var next = 0; next < readers.Count; next++)
            foreach (var node in graph.Readers(readers[next]))
            {
                isRead |= node == writer;
                if (node.Operation.Kind != OpKind.View)
                {
                    if (graph.Position(node) > at) return false;
                }
                else if (!readers.Contains(node.Output)) readers.Add(node.Output);
            }
        return !isRead || !ReadsAtAnyTime(writer, target.Value, readers);
    }

    // Whether a node reads one of the values while others of its results are written already: kernels of loops read an element before they write it, products and library kernels do not.
    bool ReadsAtAnyTime(Node node, Value written, ICollection<Value> values)
    {
        if (IsCall(node)) return !WritesBehindReads(node, Base(written).Index, values);
        if (node.Operation.Kind is OpKind.Elementwise or OpKind.Reduce || node.Operation == StructureOperations.Update) return false;
        // A loop goes on where its carry begins; whatever else it reads it reads in every iteration.
        if (node.Operation == StructureOperations.Loop) return node.Inputs.Where((_, i) => i != Base(written).Index || Base(written).Index >= LoopOperation.Shape(node.Attributes).Carries).Any(values.Contains);
        // What goes on in an operand's memory reads there what it keeps, and nothing elsewhere.
        if (node.Operation.Library(node) is { InPlace: var shared }) return node.Inputs.Where((_, i) => !shared.Any(s => s.Result == Base(written).Index && s.Operand == i)).Any(values.Contains);
        if (node.Operation != StructureOperations.Fused) return true;
        var region = node.Regions[0];
        if (region.Nodes.FirstOrDefault(n => n.Operation.Kind is OpKind.Contract or OpKind.Convolution) is not { } contract) return false;
        var parts = ContractParts.Of(contract, region.Nodes, region.Results);
        var read = parts.Views.Concat(parts.PrologueA).Concat(parts.PrologueB).Append(contract).SelectMany(n => n.Inputs).ToList();
        return region.Parameters.Where((p, i) => values.Contains(node.Inputs[i])).Any(read.Contains);
    }

    static Value Base(Value value)
    {
        while (value.Producer is { Operation.Kind: OpKind.View } view) value = view.Inputs[0];
        return value;
    }

    Buffer NewBuffer(string name, BufferKind kind, TensorType type) => NewBuffer(name, kind, type.DType, type.Shape.Size);

    Buffer NewBuffer(string name, BufferKind kind, DType type, Dim elements)
    {
        var buffer = new Buffer(buffers.Count, name, kind, type, elements);
        buffers.Add(buffer);
        return buffer;
    }

    Buffer State(string path, TensorType type)
    {
        if (!states.TryGetValue(path, out var buffer))
        {
            states[path] = buffer = NewBuffer(path, BufferKind.State, type);
            donated.Add(buffer);
        }
        return buffer;
    }

    Buffer Contiguous(Value value, Buffer buffer)
    {
        places[value] = Dense(value, buffer);
        return buffer;
    }

    static Placement Dense(Value value, Buffer buffer) => new(buffer, Dim.Zero, value.Shape.Strides);

    /// <summary>Where a kernel shall write a value: a demanded place, or memory of its own in the value's layout.</summary>
    Placement PlaceOf(Value value)
    {
        if (places.TryGetValue(value, out var known)) return known;
        if (!demands.TryGet(value, out var place))
            place = new(NewBuffer(value.Producer?.Name ?? "value", BufferKind.Arena, value.Type), Dim.Zero, value.Strides);
        return places[value] = place;
    }

    void LowerNode(Node node)
    {
        if (!done.Add(node)) return;
        switch (node.Operation.Kind)
        {
            case OpKind.View: View(node); break;
            case OpKind.Elementwise or OpKind.Reduce: Kernel(node, [node], [.. node.Inputs.Distinct().Select(v => (v, v))], [(node.Output, node.Output)]); break;
            case OpKind.Contract: Contract(node, node, [], [.. node.Inputs.Distinct().Select(v => (v, v))], [(node.Output, node.Output)]); break;
            case OpKind.Convolution: Convolution(node, node, [], [.. node.Inputs.Distinct().Select(v => (v, v))], [(node.Output, node.Output)]); break;
            case OpKind.Library when node.Operation.Attention(node) is { } attention: Attention(node, attention); break;
            case OpKind.Library when node.Operation.Library(node) is { } traits:
                if (traits.Parts.IsEmpty) Library(node, traits);
                else Put(node, traits);
                break;
            case OpKind.Structure when node.Operation == StructureOperations.Fused: Fused(node); break;
            case OpKind.Structure when node.Operation == StructureOperations.Loop: Loop(node); break;
            case OpKind.Structure when node.Operation == StructureOperations.If: Branch(node); break;
            case OpKind.Structure when node.Operation == StructureOperations.GradientNorm: GradientNorm(node); break;
            case OpKind.Structure when IsCall(node): Call(node); break;
            case OpKind.Structure when node.Operation == StructureOperations.Update: Update(node); break;
            default: throw new NotSupportedException($"{target.Title} has no kernel for {node.Name}.");
        }
    }

    void View(Node node)
    {
        var from = places[node.Inputs[0]];
        var strides = Views.Strides(node, from.Strides);
        if (strides.IsDefault)
        {
            // No strides describe the view: the elements are copied behind one another first.
            var value = node.Inputs[0];
            from = Dense(value, NewBuffer("copy", BufferKind.Arena, value.Type));
            CopyTo(value, places[value], from, node);
            strides = Views.Strides(node, from.Strides);
        }
        places[node.Output] = new(from.Buffer, from.Offset + Views.Offset(node, from.Strides), strides);
    }

    // Parts of a whole whose makers can write anywhere are written into it.
    void Join(Node node, LibraryTraits traits)
    {
        var whole = PlaceOf(node.Output);
        for (var i = 0; i < node.Inputs.Length; i++) demands.TryAdd(node.Inputs[i], Part(whole, traits.Parts[i]));
    }

    // The other parts are copied there.
    void Put(Node node, LibraryTraits traits)
    {
        var whole = places[node.Output];
        for (var i = 0; i < node.Inputs.Length; i++)
        {
            var (from, to) = (places[node.Inputs[i]], Part(whole, traits.Parts[i]));
            if (from.Buffer != to.Buffer || from.Offset != to.Offset) CopyTo(node.Inputs[i], from, to, node);
        }
    }

    static Placement Part(Placement whole, ViewMap map) => map is ViewMap.Strided part
        ? new(whole.Buffer, whole.Offset + part.Offset(whole.Strides), part.Strides(whole.Strides))
        : throw new NotSupportedException($"A part of a whole lies at an offset and strides in it, not as {map}.");

    void Library(Node node, LibraryTraits traits)
    {
        var operands = ImmutableArray.CreateBuilder<Operand>();
        var strides = ImmutableArray.CreateBuilder<ImmutableArray<Dim>>();
        void Pass(Placement place, bool isWritten)
        {
            operands.Add(new(place.Buffer, place.Offset, isWritten));
            strides.Add(place.Strides);
        }
        for (var i = 0; i < node.Inputs.Length; i++) Pass(traits.Strided.Contains(i) ? places[node.Inputs[i]] : DenseCopy(node.Inputs[i], node), false);
        foreach (var output in node.Outputs) Pass(PlaceOf(output), true);
        Add(node, new LibraryLaunch(
            node.Origins, operands.ToImmutable(), [.. traits.InPlace.Select(s => new InPlace(node.Inputs.Length + s.Result, s.Operand))],
            kernels.Add(new LibraryKernel("", node.Name, node.Attributes, node.Inputs.Length, [.. node.Inputs.Concat(node.Outputs).Select(v => v.DType)]), "library"),
            [.. node.Inputs.Concat(node.Outputs).Select(v => v.Shape.Dims)], strides.ToImmutable())
        {
            ScratchBytes = traits.ThreadBytes,
            Flops = node.Operation.Flops(node),
            Traffic = node.Inputs.Concat(node.Outputs).Aggregate(Dim.Zero, (sum, v) => sum + v.Type.Bytes),
        });
    }

    /// <summary>The value's place when it is dense and row-major, that of a copy otherwise.</summary>
    Placement DenseCopy(Value value, Node node)
    {
        var place = places[value];
        if (IsDense(value.Shape, place.Strides)) return place;
        var copy = Dense(value, NewBuffer("copy", BufferKind.Arena, value.Type));
        CopyTo(value, place, copy, node);
        return copy;
    }

    static bool IsDense(Shape shape, ImmutableArray<Dim> strides)
    {
        var dense = shape.Strides;
        for (var axis = 0; axis < shape.Rank; axis++)
            if (!shape[axis].Is(1) && strides[axis] != dense[axis]) return false;
        return true;
    }

    Value Copy(Value value, Placement from, Placement to)
    {
        CopyTo(value, from, to);
        var copy = Value.Argument(value.Type, "copy");
        places[copy] = to;
        return copy;
    }

    void CopyTo(Value value, Placement from, Placement to, Node? node = null)
    {
        // A function may return its arguments and do nothing else: the copy is a kernel of its own then.
        node ??= value.Producer ?? function.Nodes.LastOrDefault() ?? new Node(StructureOperations.Fused, [value], AttributeMap.Empty, [], [value.Type], []);
        Launch(node, TryBuild(new([], [(value, from)], [(value, to)]))!);
    }

    BuiltKernel? TryBuild(KernelSpec spec) => KernelBuilder.TryBuild(spec, typical, target);

    /// <summary>Appends a launch of a node, which reads those states' old values that the node does.</summary>
    void Add(Node node, Launch launch)
    {
        var old = new HashSet<string>(node.Inputs.Select(v => Base(v).State).OfType<string>(), StringComparer.Ordinal);
        launches.Add(launch with { Incoming = [.. launch.Operands.Where(o => !o.IsWritten && o.Buffer.Kind == BufferKind.State && old.Contains(o.Buffer.Name)).Select(o => o.Buffer.Name).Distinct()] });
    }

    void Launch(Node node, BuiltKernel built) =>
        Add(node, new LoopLaunch(node.Origins, built.Operands, built.InPlace, kernels.Add(built.Kernel), built.Dims, built.Extent, built.Grain, built.ScratchBytes) { Flops = built.Flops, Traffic = built.Traffic });
}
