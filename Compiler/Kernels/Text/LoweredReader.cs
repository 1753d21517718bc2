using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;

namespace Graph.Compiler.Kernels.Text;

/// <summary>Reads what <see cref="LoweredWriter"/> writes, in one pass.</summary>
sealed class LoweredReader(TextCursor t, IReadOnlyList<string> places)
{
    readonly Dictionary<string, Kernel> kernels = new(StringComparer.Ordinal);
    readonly List<Buffer> buffers = [];
    readonly List<Origin> origins = [];
    readonly Dictionary<string, LaunchTemplate> bodies = new(StringComparer.Ordinal);
    ImmutableArray<StateDecl> declared = [];

    public LoweredProgram Read()
    {
        t.ExpectWord("model");
        var name = t.RestOfLine();
        var target = "";
        if (t.TryWord("target"))
        {
            target = t.Quoted();
            t.EndLine();
        }
        var dims = ImmutableArray.CreateBuilder<DimSymbol>();
        while (t.TryWord("dim")) dims.Add(ReadDim());
        var states = ImmutableArray.CreateBuilder<StateDecl>();
        while (t.TryWord("state")) states.Add(State());
        declared = states.ToImmutable();
        var all = ImmutableArray.CreateBuilder<Kernel>();
        while (t.TryWord("kernel"))
        {
            var kernel = t.RestOfLine();
            all.Add(new LibraryKernelReader(t, kernels).TryRead(kernel) ?? LoopKernelReader.Later(t, kernel));
            kernels.Add(kernel, all[all.Count - 1]);
        }
        while (t.TryWord("origin")) origins.Add(ReadOrigin());
        var training = ImmutableArray.CreateBuilder<TrainingProgram>();
        while (t.TryWord("train")) training.Add(Training());
        var checkpoints = ImmutableArray.CreateBuilder<string>();
        while (t.TryWord("checkpoint"))
        {
            checkpoints.Add(t.Quoted());
            t.EndLine();
        }
        var marked = checkpoints.ToImmutable();
        var requirements = ImmutableArray.CreateBuilder<Requirement>();
        while (t.TryWord("require")) requirements.Add(new(t.Word(), t.Dim(), t.Integer(), t.Quoted(), First()));
        var ranges = ImmutableArray.CreateBuilder<IndexRange>();
        while (t.TryWord("range")) ranges.Add(new(t.Word(), t.Word(), t.Dim(), t.TryWord("except") ? t.Integer() : null, t.Quoted(), First()));
        var functions = ImmutableArray.CreateBuilder<LoweredFunction>();
        while (t.TryWord("body")) AddBody(Function());
        while (t.TryWord("function")) functions.Add(marked.IsEmpty ? Function() : Function() with { Checkpoints = marked });
        if (!t.AtEnd) throw new FormatException($"'{t.RestOfLine()}' begins no part of a lowered program");
        return new(name, dims.ToImmutable(), declared, all.ToImmutable(), functions.ToImmutable()) { Target = target, Requirements = requirements.ToImmutable(), Ranges = ranges.ToImmutable(), Training = training.ToImmutable() };
    }

    TrainingProgram Training()
    {
        var (name, loss, precision, optimizer) = (t.Quoted(), t.Quoted(), t.Quoted(), t.Quoted());
        double? clip = t.TryWord("clip") ? t.Real() : null;
        var scale = t.TryWord("scale") ? t.Real() : 1;
        var micro = t.TryWord("micro") ? (int)t.Integer() : 1;
        long? budget = t.TryWord("budget") ? t.Integer() : null;
        double? rate = t.TryWord("rate") ? t.Real() : null;
        t.EndLine();
        return new(name, loss, clip, precision, rate, optimizer) { LossScale = scale, MicroBatches = micro, MemoryBudget = budget };
    }

    DimSymbol ReadDim()
    {
        var name = t.Word();
        t.ExpectWord("≤");
        var max = t.Integer();
        t.ExpectWord("~");
        var typical = t.Integer();
        t.EndLine();
        return new(name, max, typical);
    }

    // A reference becomes a place where there is a table.
    Origin ReadOrigin()
    {
        var (place, path) = (t.Quoted(), t.Quoted());
        t.EndLine();
        return new(Origin.Entry(place) is { } entry && entry < places.Count ? places[entry] : place, path);
    }

    // By number, up to the end of the line. Two nodes of a line have one.
    ImmutableArray<Origin> Origins()
    {
        var list = ImmutableArray.CreateBuilder<Origin>();
        if (t.TryWord("from"))
            for (t.Skip(); t.Peek is >= '0' and <= '9'; t.Skip())
                if (origins[t.Index(origins.Count, "origin")] is var origin && !list.Contains(origin)) list.Add(origin);
        t.EndLine();
        return list.ToImmutable();
    }

    // Of what has one at most.
    Origin? First() => Origins() is { IsEmpty: false } list ? list[0] : null;

    StateDecl State()
    {
        var kind = t.Word() switch
        {
            nameof(StateKind.Parameter) => StateKind.Parameter,
            nameof(StateKind.Buffer) => StateKind.Buffer,
            nameof(StateKind.Optimizer) => StateKind.Optimizer,
            nameof(StateKind.Counter) => StateKind.Counter,
            nameof(StateKind.Session) => StateKind.Session,
            nameof(StateKind.Constant) => StateKind.Constant,
            nameof(StateKind.Derived) => StateKind.Derived,
            var other => throw new FormatException($"'{other}' is no kind of state"),
        };
        var type = t.Type();
        var init = new InitSpec(t.Word(), t.Real());
        if (init.Kind == InitSpec.Listed)
        {
            var values = new List<double>();
            t.Expect('(');
            if (!t.Try(')'))
            {
                do values.Add(t.Real()); while (t.Try(','));
                t.Expect(')');
            }
            init = InitSpec.Of(values);
        }
        return new(t.RestOfLine(), type, kind, init);
    }

    LoweredFunction Function()
    {
        var name = t.RestOfLine();
        var parameters = ImmutableArray.CreateBuilder<NamedTensor>();
        var results = ImmutableArray.CreateBuilder<NamedTensor>();
        var assigned = ImmutableArray.CreateBuilder<string>();
        while (t.TryWord("parameter")) parameters.Add(Tensor());
        while (t.TryWord("result")) results.Add(Tensor());
        if (t.TryWord("assigns"))
        {
            for (t.Skip(); t.Peek is >= '0' and <= '9'; t.Skip()) assigned.Add(Declared().Path);
            t.EndLine();
        }
        t.ExpectWord("aligned");
        var alignment = t.Integer();
        if (alignment is < 1 or > 1 << 20 || (alignment & (alignment - 1)) != 0) throw new FormatException($"an alignment is a power of two, not {alignment}");
        var isStable = t.TryWord("stable");
        t.EndLine();
        buffers.Clear();
        called.Clear();
        firstBuffers.Clear();
        while (!t.TryWord("takes"))
            if (t.TryWord("of")) Call();
            else buffers.Add(Buffer());
        var arguments = Buffers();
        t.ExpectWord("gives");
        var gives = Buffers();
        t.EndLine();
        var launches = ImmutableArray.CreateBuilder<Launch>();
        var calls = ImmutableArray.CreateBuilder<LaunchCall>();
        while (!t.AtEnd && t.Indent == 2)
            if (t.TryWord("call")) calls.Add(Call(launches, calls.Count));
            else launches.Add(Launch());
        if (calls.Count < called.Count) throw new FormatException($"{called[calls.Count].Body.Name} is not called");
        return new(new(name, parameters.ToImmutable(), results.ToImmutable(), assigned.ToImmutable()), [.. buffers], launches.ToImmutable(), arguments, gives) { Alignment = (int)alignment, HasStableAddresses = isStable, Calls = calls.ToImmutable() };
    }

    void AddBody(LoweredFunction body) => bodies.Add(body.Name, new(body));

    // The calls whose buffers are there, in order.
    readonly List<LaunchTemplate> called = [];
    readonly List<int> firstBuffers = [];

    LaunchTemplate Body() => t.Quoted() is var name && bodies.TryGetValue(name, out var body) ? body : throw new FormatException($"there is no body {name}");

    void Call()
    {
        var body = Body();
        t.EndLine();
        called.Add(body);
        firstBuffers.Add(buffers.Count);
        body.AddBuffers(buffers);
    }

    LaunchCall Call(IList<Launch> launches, int number)
    {
        var body = Body();
        t.ExpectWord("at");
        var path = t.Quoted();
        var places = Operands();
        t.EndLine();
        if (number >= called.Count || called[number] != body) throw new FormatException($"{body.Body.Name} has no buffers for this call");
        return body.AddLaunches(launches, buffers, firstBuffers[number], places, path);
    }

    StateDecl Declared() => declared[t.Index(declared.Length, "state")];

    NamedTensor Tensor()
    {
        var type = t.Type();
        return new(t.RestOfLine(), type);
    }

    Buffer Buffer()
    {
        if (t.TryWord("store"))
        {
            var state = Declared();
            t.EndLine();
            return new(buffers.Count, state.Path, BufferKind.State, state.Type.DType, state.Type.Shape.Size);
        }
        var kind = t.Word() switch
        {
            "in" => BufferKind.Argument,
            "out" => BufferKind.Result,
            "arena" => BufferKind.Arena,
            var other => throw new FormatException($"'{other}' is no kind of buffer"),
        };
        var type = t.DType();
        var elements = t.Dim();
        return new(buffers.Count, t.RestOfLine(), kind, type, elements);
    }

    ImmutableArray<Buffer> Buffers()
    {
        t.Expect('[');
        if (t.Try(']')) return [];
        var list = ImmutableArray.CreateBuilder<Buffer>();
        do list.Add(buffers[t.Index(buffers.Count, "buffer")]); while (t.Try(','));
        t.Expect(']');
        return list.ToImmutable();
    }

    Launch Launch() => t.Word() switch
    {
        "run" => Loop(),
        "segments" => Segments(),
        "use" => Use(),
        "iterate" => Repeat(),
        "branch" => Branch(),
        var other => throw new FormatException($"'{other}' is no launch"),
    };

    readonly record struct Tail(ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, ImmutableArray<InPlace> InPlace, ImmutableArray<string> Incoming, Dim Flops, Dim Traffic);

    Launch Ended(Launch launch, Tail tail) => launch with { Incoming = tail.Incoming, Flops = tail.Flops, Traffic = tail.Traffic };

    ImmutableArray<Operand> Operands()
    {
        t.Expect('(');
        if (t.Try(')')) return [];
        var operands = ImmutableArray.CreateBuilder<Operand>();
        do operands.Add(Operand()); while (t.Try(','));
        t.Expect(')');
        return operands.ToImmutable();
    }

    // What every launch ends with.
    Tail End(int segments = 1)
    {
        var operands = Operands();
        var alike = t.TryWord("alike");
        var inPlace = ImmutableArray.CreateBuilder<InPlace>();
        for (t.Skip(); t.Peek is >= '0' and <= '9'; t.Skip())
        {
            var written = t.Index(operands.Length, "operand");
            t.Expect('=');
            inPlace.Add(new(written, t.Index(operands.Length, "operand")));
        }
        var incoming = ImmutableArray.CreateBuilder<string>();
        if (t.TryWord("old"))
            for (t.Skip(); t.Peek is >= '0' and <= '9'; t.Skip()) incoming.Add(buffers[t.Index(buffers.Count, "buffer")].Name);
        var flops = t.TryWord("flops") ? t.Dim() : Dim.Zero;
        var traffic = t.TryWord("moves") ? t.Dim() : Dim.Zero;
        return new(Origins(), operands, alike ? SegmentedLaunch.OfEach(inPlace.ToImmutable(), operands.Length / segments, segments) : inPlace.ToImmutable(), incoming.ToImmutable(), flops, traffic);
    }

    Operand Operand()
    {
        var written = t.Try('>');
        var buffer = buffers[t.Index(buffers.Count, "buffer")];
        return new(buffer, t.Try('@') ? t.Dim() : Dim.Zero, written);
    }

    Kernel Kernel() => t.Word() is var name && kernels.TryGetValue(name, out var kernel) ? kernel : throw new FormatException($"there is no kernel {name}");

    Dim After(string word)
    {
        t.ExpectWord(word);
        return t.Dim();
    }

    Launch Loop()
    {
        var kernel = Kernel();
        var (extent, grain, scratch, dims) = (After("over"), After("by"), After("scratch"), t.Dims());
        var end = End();
        return Ended(new LoopLaunch(end.Origins, end.Operands, end.InPlace, kernel, dims, extent, grain, scratch), end);
    }

    Launch Segments()
    {
        var kernel = Kernel();
        var (grain, scratch) = (After("by"), After("scratch"));
        t.ExpectWord("each");
        var each = (int)t.Integer();
        var segments = ImmutableArray.CreateBuilder<Segment>();
        while (t.TryWord("over"))
        {
            var extent = t.Dim();
            segments.Add(new(segments.Count * each, each, t.Dims(), extent));
        }
        if (segments.Count == 0) throw new FormatException($"{kernel.Name} runs over no segments");
        var end = End(segments.Count);
        if (end.Operands.Length != segments.Count * each) throw new FormatException($"{segments.Count} segments of {each} operands have {end.Operands.Length} in all");
        return Ended(new SegmentedLaunch(end.Origins, end.Operands, end.InPlace, kernel, segments.ToImmutable(), grain, scratch), end);
    }

    Launch Use() => Kernel() switch
    {
        ProductKernel product => Contract(product),
        ConvolutionKernel convolution => Convolution(convolution),
        AttentionKernel attention => Attention(attention),
        PackKernel pack => Pack(pack),
        LibraryKernel library => Library(library),
        var other => throw new FormatException($"the kernel {other.Name} is run over an extent"),
    };

    Launch Contract(ProductKernel kernel)
    {
        var dims = t.Dims();
        var (a, b, c) = (Hook(kernel.MakesA?.Body), Hook(kernel.MakesB?.Body), Hook(kernel.Epilogue));
        var end = End();
        return Ended(new ContractLaunch(end.Origins, end.Operands, end.InPlace, kernel, dims, a, b, c), end);
    }

    HookOperands? Hook(LoopKernel? body)
    {
        if (body is null) return null;
        t.ExpectWord("with");
        var (first, count) = ((int)t.Integer(), (int)t.Integer());
        return new(first, count, t.Dims());
    }

    Launch Convolution(ConvolutionKernel kernel)
    {
        var dims = t.Dims();
        var (a, b, c) = (Hook(kernel.Operands[0].Maker), Hook(kernel.Operands[1].Maker), Hook(kernel.Epilogue));
        var end = End();
        return Ended(new ConvolutionLaunch(end.Origins, end.Operands, end.InPlace, kernel, dims, a, b, c), end);
    }

    Launch Attention(AttentionKernel kernel)
    {
        var dims = t.Dims();
        var end = End();
        return Ended(new AttentionLaunch(end.Origins, end.Operands, kernel, dims), end);
    }

    Launch Pack(PackKernel kernel)
    {
        var dims = t.Dims();
        var end = End();
        return Ended(new PackLaunch(end.Origins, end.Operands, kernel, dims), end);
    }

    Launch Repeat()
    {
        var index = t.Word();
        var count = After("times");
        t.ExpectWord("launches");
        var length = (int)t.Integer();
        var (reverse, counted, conditional) = (t.TryWord("reverse"), t.TryWord("counted"), t.TryWord("while"));
        var end = End();
        return Ended(new RepeatLaunch(end.Origins, end.Operands, index, count, reverse, length, counted, conditional), end);
    }

    Launch Branch()
    {
        t.ExpectWord("launches");
        var yes = (int)t.Integer();
        t.ExpectWord("or");
        var no = (int)t.Integer();
        var end = End();
        return Ended(new BranchLaunch(end.Origins, end.Operands, yes, no), end);
    }

    Launch Library(LibraryKernel kernel)
    {
        var shapes = ImmutableArray.CreateBuilder<ImmutableArray<Dim>>();
        var strides = ImmutableArray.CreateBuilder<ImmutableArray<Dim>>();
        var scratch = t.TryWord("scratch") ? t.Dim() : Dim.Zero;
        for (t.Skip(); t.Peek == '['; t.Skip())
        {
            shapes.Add(t.Dims());
            strides.Add(t.TryWord("by") ? t.Dims() : new Shape(shapes[shapes.Count - 1]).Strides);
        }
        var end = End();
        return Ended(new LibraryLaunch(end.Origins, end.Operands, end.InPlace, kernel, shapes.ToImmutable(), strides.ToImmutable()) { ScratchBytes = scratch }, end);
    }
}
