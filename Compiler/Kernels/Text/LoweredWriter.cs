using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;

namespace Graph.Compiler.Kernels.Text;

/// <summary>Writes lowered programs line by line: what a model is, its kernels, then each function with its buffers and launches. What several calls run is written once, as a body, and a call names it.</summary>
/// <param name="origins">
/// With where everything came from, how launches are shared among threads and what they cost. Without: only what bits depend on, which is what fingerprints are made of.
/// </param>
sealed class LoweredWriter(bool origins)
{
    StringBuilder text = new();
    readonly Dictionary<Origin, int> places = [];
    readonly Dictionary<string, int> kernels = new(StringComparer.Ordinal);
    readonly Dictionary<string, int> declared = new(StringComparer.Ordinal); // states of the program
    readonly Dictionary<string, int> states = new(StringComparer.Ordinal); // buffers of the function that is written, by path
    ImmutableArray<StateDecl> all = [];
    readonly Dictionary<ImmutableArray<Dim>, string> dims = []; // calls of one function share them

    /// <summary>The text of a program.</summary>
    public StringBuilder Write(LoweredProgram program)
    {
        all = program.States;
        text.Append("model ").Append(program.Name).Append('\n');
        if (program.Target.Length > 0) text.Append("target ").Append(new Attr.Text(program.Target)).Append('\n');
        foreach (var dim in program.Dims) text.Append("dim ").Append(dim.Name).Append(" ≤ ").Append(Number(dim.Max)).Append(" ~ ").Append(Number(dim.Typical)).Append('\n');
        foreach (var state in program.States)
        {
            text.Append("state ").Append(state.Kind).Append(' ').Append(state.Type.Bare).Append(' ').Append(state.Init.Kind).Append(' ').Append(new Attr.Real(state.Init.Scale)).Append(' ');
            // Numbers that the source gives stand in parentheses.
            if (state.Init.Kind == InitSpec.Listed) text.Append('(').Append(string.Join(",", state.Init.Values.Select(v => new Attr.Real(v).ToString()))).Append(") ");
            text.Append(state.Path).Append('\n');
            declared.Add(state.Path, declared.Count);
        }
        foreach (var kernel in program.Kernels)
        {
            kernels.Add(kernel.Name, kernels.Count);
            text.Append("kernel ").Append(kernel.Name).Append('\n').Append(kernel.Text);
        }
        // What refers to origins, then the origins in the order of first use, which come before it.
        var head = text;
        text = new();
        if (origins) Needs(program);
        if (origins)
            foreach (var body in Bodies(program)) Write(body, "body");
        foreach (var function in program.Functions) Write(function, "function");
        foreach (var origin in places.OrderBy(p => p.Value)) head.Append("origin ").Append(new Attr.Text(origin.Key.Place)).Append(' ').Append(new Attr.Text(origin.Key.Path)).Append('\n');
        return head.Append(text);
    }

    // Each before those that call it.
    static List<LoweredFunction> Bodies(LoweredProgram program)
    {
        var bodies = new List<LoweredFunction>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        void Add(LoweredFunction caller)
        {
            foreach (var call in caller.Calls)
            {
                if (!known.Add(call.Body.Name)) continue;
                Add(call.Body);
                bodies.Add(call.Body);
            }
        }
        foreach (var function in program.Functions) Add(function);
        return bodies;
    }

    // What a call needs is checked before it: its message and its line change no number.
    void Needs(LoweredProgram program)
    {
        foreach (var training in program.Training)
        {
            text.Append("train ").Append(new Attr.Text(training.Name)).Append(' ').Append(new Attr.Text(training.Loss)).Append(' ').Append(new Attr.Text(training.Precision)).Append(' ').Append(new Attr.Text(training.Optimizer));
            if (training.ClipNorm is { } clip) text.Append(" clip ").Append(new Attr.Real(clip));
            if (training.LossScale != 1) text.Append(" scale ").Append(new Attr.Real(training.LossScale));
            if (training.MicroBatches != 1) text.Append(" micro ").Append(Number(training.MicroBatches));
            if (training.MemoryBudget is { } budget) text.Append(" budget ").Append(Number(budget));
            if (training.LearningRate is { } rate) text.Append(" rate ").Append(new Attr.Real(rate));
            text.Append('\n');
        }
        // How much is kept changes no number either.
        foreach (var path in program.Functions.SelectMany(f => f.Checkpoints).Distinct()) text.Append("checkpoint ").Append(new Attr.Text(path)).Append('\n');
        foreach (var need in program.Requirements)
        {
            text.Append("require ").Append(need.Function).Append(' ').Append(need.Size).Append(' ').Append(Number(need.Least)).Append(' ').Append(new Attr.Text(need.What));
            Origins(need.Origin is { } origin ? [origin] : []);
        }
        foreach (var range in program.Ranges)
        {
            text.Append("range ").Append(range.Function).Append(' ').Append(range.Argument).Append(' ').Append(range.Below);
            if (range.Except is { } except) text.Append(" except ").Append(Number(except));
            text.Append(' ').Append(new Attr.Text(range.What));
            Origins(range.Origin is { } origin ? [origin] : []);
        }
    }

    void Write(LoweredFunction function, string keyword)
    {
        text.Append(keyword).Append(' ').Append(function.Name).Append('\n');
        foreach (var parameter in function.Signature.Parameters) text.Append("  parameter ").Append(parameter.Type).Append(' ').Append(parameter.Name).Append('\n');
        foreach (var result in function.Signature.Results) text.Append("  result ").Append(result.Type).Append(' ').Append(result.Name).Append('\n');
        if (function.Signature.Assigned.Length > 0) text.Append("  assigns ").Append(string.Join(" ", function.Signature.Assigned.Select(path => Number(declared[path])))).Append('\n');
        text.Append("  aligned ").Append(Number(function.Alignment)).Append(function.HasStableAddresses ? " stable\n" : "\n");
        // What bits depend on is every launch, however it came about.
        var calls = origins ? function.Calls : [];
        Buffers(function, calls);
        text.Append("  takes [").Append(string.Join(",", function.Arguments.Select(b => Number(b.Id)))).Append("] gives [").Append(string.Join(",", function.Results.Select(b => Number(b.Id)))).Append("]\n");
        for (int i = 0, next = 0; i < function.Launches.Length;)
        {
            if (next == calls.Length || calls[next].First != i)
            {
                Write(function.Launches[i++], function);
                continue;
            }
            var call = calls[next++];
            text.Append("  call ").Append(new Attr.Text(call.Body.Name)).Append(" at ").Append(new Attr.Text(call.Path));
            Operands(call.Places, function);
            text.Append('\n');
            i += call.Body.Launches.Length;
        }
    }

    // Those of a state by its number, those of a call by the body that they are like.
    void Buffers(LoweredFunction function, ImmutableArray<LaunchCall> calls)
    {
        states.Clear();
        for (int i = 0, next = 0; ;)
        {
            for (; next < calls.Length && calls[next].FirstBuffer == i; next++)
            {
                text.Append("  of ").Append(new Attr.Text(calls[next].Body.Name)).Append('\n');
                foreach (var inner in calls[next].Body.Buffers)
                    if (inner.Kind == BufferKind.Arena) i++;
            }
            if (i == function.Buffers.Length) return;
            var buffer = function.Buffers[i];
            if (buffer.Id != i) throw new InvalidOperationException($"The buffer {buffer} of {function.Name} is number {buffer.Id}, but stands at {i}.");
            if (buffer.Kind == BufferKind.State)
            {
                states.Add(buffer.Name, i);
                var state = declared.TryGetValue(buffer.Name, out var number) ? all[number] : null;
                if (state is null || state.Type.DType != buffer.DType || state.Type.Shape.Size != buffer.Elements) throw new InvalidOperationException($"{function.Name} keeps {buffer.DType.Name()}[{buffer.Elements}] in {buffer}, which is {state?.Type.ToString() ?? "no state"}.");
                text.Append("  store ").Append(Number(number)).Append('\n');
            }
            else text.Append("  ").Append(Keyword(buffer.Kind)).Append(' ').Append(buffer.DType.Name()).Append(' ').Append(buffer.Elements).Append(' ').Append(buffer.Name).Append('\n');
            i++;
        }
    }

    void Write(Launch launch, LoweredFunction function)
    {
        text.Append("  ");
        switch (launch)
        {
            case LoopLaunch loop:
                text.Append("run ").Append(KernelName(loop.Kernel)).Append(" over ").Append(loop.Extent);
                if (origins) text.Append(" by ").Append(loop.Grain);
                text.Append(" scratch ").Append(loop.ScratchBytes).Append(' ').Append(Dims(loop.Dims));
                break;
            case SegmentedLaunch segmented:
                text.Append("segments ").Append(KernelName(segmented.Kernel));
                if (origins) text.Append(" by ").Append(segmented.Grain);
                text.Append(" scratch ").Append(segmented.ScratchBytes);
                text.Append(" each ").Append(Number(Each(segmented)));
                foreach (var segment in segmented.Segments) text.Append(" over ").Append(segment.Extent).Append(' ').Append(Dims(segment.Dims));
                break;
            case ContractLaunch contract:
                Use(contract.Kernel, contract.Dims, contract.HookA, contract.HookB, contract.HookC);
                break;
            case ConvolutionLaunch convolution:
                Use(convolution.Kernel, convolution.Dims, convolution.HookA, convolution.HookB, convolution.HookC);
                break;
            case AttentionLaunch attention:
                Use(attention.Kernel, attention.Dims);
                break;
            case PackLaunch pack:
                Use(pack.Kernel, pack.Dims);
                break;
            case LibraryLaunch library:
                text.Append("use ").Append(KernelName(library.Kernel));
                if (!library.ScratchBytes.Is(0)) text.Append(" scratch ").Append(library.ScratchBytes);
                for (var i = 0; i < library.Shapes.Length; i++)
                {
                    text.Append(' ').Append(Dims(library.Shapes[i]));
                    if (!library.Strides[i].SequenceEqual(new Shape(library.Shapes[i]).Strides)) text.Append(" by ").Append(Dims(library.Strides[i]));
                }
                break;
            case RepeatLaunch repeat:
                text.Append("iterate ").Append(repeat.Index).Append(" times ").Append(repeat.Count).Append(" launches ").Append(Number(repeat.Length))
                    .Append(repeat.Reverse ? " reverse" : "").Append(repeat.ReadsIndex ? " counted" : "").Append(repeat.IsConditional ? " while" : "");
                break;
            case BranchLaunch branch:
                text.Append("branch launches ").Append(Number(branch.Then)).Append(" or ").Append(Number(branch.Else));
                break;
            default: throw new NotSupportedException($"The launch {launch.Title} has no text.");
        }
        Operands(launch.Operands, function);
        var inPlace = launch.InPlace;
        if (launch is SegmentedLaunch many && SegmentedLaunch.OfFirst(inPlace, Each(many)) is var first && SegmentedLaunch.OfEach(first, Each(many), many.Segments.Length).SequenceEqual(inPlace))
        {
            text.Append(" alike");
            inPlace = first;
        }
        foreach (var pair in inPlace) text.Append(' ').Append(Number(pair.Written)).Append('=').Append(Number(pair.Read));
        if (launch.Incoming.Length > 0) text.Append(" old ").Append(string.Join(" ", launch.Incoming.Select(path => Number(states[path]))));
        if (origins)
        {
            if (!launch.Flops.Is(0)) text.Append(" flops ").Append(launch.Flops);
            if (!launch.Traffic.Is(0)) text.Append(" moves ").Append(launch.Traffic);
        }
        Origins(launch.Origins);
    }

    static string Keyword(BufferKind kind) => kind switch
    {
        BufferKind.Argument => "in",
        BufferKind.Result => "out",
        BufferKind.Arena => "arena",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such kind of buffer."),
    };

    string KernelName(Kernel kernel) => kernels.ContainsKey(kernel.Name) ? kernel.Name : throw new InvalidOperationException($"The kernel {kernel.Name} is not in the program's table.");

    // How many operands each segment has, which are one behind the other.
    static int Each(SegmentedLaunch launch)
    {
        var each = launch.Segments[0].OperandCount;
        for (var i = 0; i < launch.Segments.Length; i++)
            if (launch.Segments[i].OperandCount != each || launch.Segments[i].FirstOperand != i * each) throw new InvalidOperationException($"The segment {i} of {launch.Title} has other operands than those that follow the one before.");
        return each;
    }

    void Operands(ImmutableArray<Operand> operands, LoweredFunction function)
    {
        text.Append(" (");
        for (var i = 0; i < operands.Length; i++)
        {
            if (i > 0) text.Append(',');
            Write(operands[i], function);
        }
        text.Append(')');
    }

    void Write(Operand operand, LoweredFunction function)
    {
        if (function.Buffers[operand.Buffer.Id] != operand.Buffer) throw new InvalidOperationException($"The buffer {operand.Buffer} is not one of {function.Name}.");
        if (operand.IsWritten) text.Append('>');
        text.Append(operand.Buffer.Id); // never negative, so that no culture is asked
        if (!operand.Offset.Is(0)) text.Append('@').Append(operand.Offset);
    }

    // A library kernel with bodies of its own.
    void Use(Kernel kernel, ImmutableArray<Dim> dims, params HookOperands?[] hooks)
    {
        text.Append("use ").Append(KernelName(kernel)).Append(' ').Append(Dims(dims));
        foreach (var hook in hooks) Hook(hook);
    }

    void Hook(HookOperands? hook)
    {
        if (hook is not null) text.Append(" with ").Append(Number(hook.First)).Append(' ').Append(Number(hook.Count)).Append(' ').Append(Dims(hook.Dims));
    }

    void Origins(IReadOnlyCollection<Origin> list)
    {
        if (origins && list.Count > 0)
        {
            text.Append(" from");
            foreach (var origin in list)
            {
                if (!places.TryGetValue(origin, out var number)) places.Add(origin, number = places.Count);
                text.Append(' ').Append(Number(number));
            }
        }
        text.Append('\n');
    }

    string Dims(ImmutableArray<Dim> sizes)
    {
        if (!dims.TryGetValue(sizes, out var known)) dims.Add(sizes, known = "[" + string.Join(",", sizes) + "]");
        return known;
    }

    static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
