using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Runtime.Execution;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Tests.Runtime;

/// <summary>
/// A model lowered by hand, so that the runtime is tested without the compiler: linear regression ŷ = x·w + bias with x [B, 4], trained with momentum, and a running mean of the loss.
/// Each kernel is a C# method of a few lines; called for no elements, it does nothing, as emitted ones do.
/// </summary>
public sealed unsafe class LineModel : IModel<LineModel>, IModule
{
    public const int Inputs = 4;

    sealed record NamedKernel(string Kernel) : Kernel(Kernel)
    {
        public override string Text => Name;
    }

    public static readonly CompiledModel Compiled = Compile();

    readonly ModelInstance instance;

    LineModel(ModelInstance instance) => this.instance = instance;

    public ModelInstance Instance => instance;

    public static LineModel Over(ModelInstance instance) => new(instance);

    public static LineModel Create(ulong seed = 0, int threads = 0)
    {
        try
        {
            return ModelInstance.Wrap<LineModel>(new(Compiled, seed, threads));
        }
        catch (OutOfMemoryException e) when (FaultyAllocator.IsInjected(e))
        {
            return Create(seed, threads);
        }
    }

    /// <summary>Another session; tries once more when a test's allocator fails it.</summary>
    public LineModel Session(int threads = 1)
    {
        try
        {
            return this.NewSession(threads);
        }
        catch (OutOfMemoryException e) when (FaultyAllocator.IsInjected(e))
        {
            return Session(threads);
        }
    }

    // A call, and once more when a test's allocator fails it.
    void Run(string function, ReadOnlySpan<CallArgument> arguments)
    {
        try
        {
            instance.Run(function, arguments);
        }
        catch (OutOfMemoryException e) when (FaultyAllocator.IsInjected(e))
        {
            instance.Run(function, arguments);
        }
    }

    public Parameter Weight { get; } = new([Inputs], Init.Normal(0.5));

    void IModule.Visit(IModuleVisitor visitor, string path) => ModuleWalk.Field(visitor, path, "weight", Weight);

    public void Predict(ReadOnlySpan<float> x, Span<float> result)
    {
        fixed (void* a0 = x, r0 = result) Run("predict", [new(a0, x.Length), new(r0, result.Length)]);
    }

    public StepResult TrainStep(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        fixed (void* a0 = x, a1 = y)
        {
            try
            {
                return instance.TrainStep([new(a0, x.Length), new(a1, y.Length)]);
            }
            catch (OutOfMemoryException e) when (FaultyAllocator.IsInjected(e))
            {
                return instance.TrainStep([new(a0, x.Length), new(a1, y.Length)]);
            }
        }
    }

    public float Loss(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        float loss;
        fixed (void* a0 = x, a1 = y) Run("loss", [new(a0, x.Length), new(a1, y.Length), new(&loss, 1)]);
        return loss;
    }

    public void Dispose() => instance.Dispose();

    // ŷ[i] = Σ x[i,j]·w[j] + bias
    static void Rows(void** p, long* d, long begin, long end, float* scratch)
    {
        float* x = (float*)p[0], w = (float*)p[1], bias = (float*)p[2], y = (float*)p[3];
        for (var i = begin; i < end; i++)
        {
            var sum = bias[0];
            for (var j = 0; j < Inputs; j++) sum += x[i * Inputs + j] * w[j];
            y[i] = sum;
        }
    }

    // residual = 2 (ŷ − y) / B in place of ŷ; loss of each row
    static void Residual(void** p, long* d, long begin, long end, float* scratch)
    {
        float* guess = (float*)p[0], y = (float*)p[1], residual = (float*)p[2], loss = (float*)p[3];
        for (var i = begin; i < end; i++)
        {
            var difference = guess[i] - y[i];
            loss[i] = difference * difference;
            residual[i] = 2 * difference / d[0];
        }
    }

    // mean of d[0] numbers
    static void Mean(void** p, long* d, long begin, long end, float* scratch)
    {
        if (begin >= end) return;
        var sum = 0f;
        for (var i = 0; i < d[0]; i++) sum += ((float*)p[0])[i];
        ((float*)p[1])[0] = sum / d[0];
    }

    // gradients of w (and of the bias as its fifth), each one unit
    static void Gradients(void** p, long* d, long begin, long end, float* scratch)
    {
        float* x = (float*)p[0], residual = (float*)p[1], gradient = (float*)p[2];
        for (var j = begin; j < end; j++)
        {
            var sum = 0f;
            for (var i = 0; i < d[0]; i++) sum += residual[i] * (j < Inputs ? x[i * Inputs + j] : 1);
            gradient[j] = sum;
        }
    }

    static void Norm(void** p, long* d, long begin, long end, float* scratch)
    {
        if (begin >= end) return;
        var sum = 0f;
        for (var j = 0; j <= Inputs; j++) sum += ((float*)p[0])[j] * ((float*)p[0])[j];
        ((float*)p[1])[0] = MathF.Sqrt(sum);
    }

    // A step whose loss or norm is not finite leaves every state alone.
    static bool IsMade(void* loss, void* norm) => float.IsFinite(*(float*)loss) && float.IsFinite(*(float*)norm);

    // value, gradient, m, rate, seed, loss, norm: momentum, and noise from the step's seed so that a lost seed shows
    static void Update(void** p, long* d, long begin, long end, float* scratch)
    {
        if (!IsMade(p[5], p[6])) return;
        float* value = (float*)p[0], gradient = (float*)p[1], m = (float*)p[2];
        var (rate, seed) = (*(float*)p[3], *(long*)p[4]);
        for (var i = begin; i < end; i++)
        {
            m[i] = 0.9f * m[i] + gradient[i] + 1e-6f * Philox.Uniform((ulong)seed, 1, (ulong)i);
            value[i] -= rate * m[i];
        }
    }

    // loss, norm, mean
    static void RunningMean(void** p, long* d, long begin, long end, float* scratch)
    {
        if (begin < end && IsMade(p[0], p[1])) *(float*)p[2] = 0.9f * *(float*)p[2] + 0.1f * *(float*)p[0];
    }

    // loss, norm, steps
    static void Count(void** p, long* d, long begin, long end, float* scratch)
    {
        if (begin < end && IsMade(p[0], p[1])) ++*(long*)p[2];
    }

    static CompiledModel Compile()
    {
        var b = Dim.Symbol("B");
        TensorType Real(params Dim[] dims) => new(DType.F32, Shape.Of(dims));
        ImmutableArray<StateDecl> states =
        [
            new("weight", Real(Inputs), StateKind.Parameter, new("normal", 0.5)),
            new("bias", Real(1), StateKind.Parameter, InitSpec.Zeros),
            new("mean", Real(1), StateKind.Buffer, InitSpec.Zeros),
            new("optimizer.m.weight", Real(Inputs), StateKind.Optimizer, InitSpec.Zeros),
            new("optimizer.m.bias", Real(1), StateKind.Optimizer, InitSpec.Zeros),
            new("optimizer.step", new(DType.I64, Shape.Scalar), StateKind.Counter, InitSpec.Zeros),
        ];
        var x = Value.Argument(Real(b, Inputs), "x");
        var y = Value.Argument(Real(b), "y");
        Value[] training = [x, y, Value.Argument(Real(), "learning_rate"), Value.Argument(new(DType.I64, Shape.Scalar), "seed")];
        Function Signature(string name, Value[] parameters, (string Name, TensorType Type)[] results, string[] updates)
        {
            var node = new Node(StructureOperations.Call, [.. parameters], AttributeMap.Empty, [], [.. results.Select(r => r.Type)], []);
            return new(name, [.. parameters], [], [node], node.Outputs, [.. updates.Select(u => new StateUpdate(u, node.Outputs[0]))], [.. results.Select(r => r.Name)]);
        }
        var functions = ImmutableArray.Create(
            Signature("predict", [x], [("result", Real(b))], []),
            Signature("loss", [x, y], [("loss", Real())], []),
            Signature("train_step", training, [("loss", Real()), ("gradient_norm", Real())], ["weight", "bias", "mean", "optimizer.step"]));
        nint[] addresses =
        [
            (nint)(delegate*<void**, long*, long, long, float*, void>)&Rows, (nint)(delegate*<void**, long*, long, long, float*, void>)&Residual,
            (nint)(delegate*<void**, long*, long, long, float*, void>)&Mean, (nint)(delegate*<void**, long*, long, long, float*, void>)&Gradients,
            (nint)(delegate*<void**, long*, long, long, float*, void>)&Norm, (nint)(delegate*<void**, long*, long, long, float*, void>)&Update,
            (nint)(delegate*<void**, long*, long, long, float*, void>)&RunningMean,
            (nint)(delegate*<void**, long*, long, long, float*, void>)&Count,
        ];
        ImmutableArray<Kernel> kernels = [.. new[] { "rows", "residual", "mean", "gradients", "norm", "update", "running_mean", "count" }.Select(n => new NamedKernel(n))];
        var lowered = functions.Select(f => new Lowering(f, states, kernels, b).Lower());
        return new("Line", new("Line", [new("B", 64, 16)], states, kernels, [.. lowered]) { Training = [new(LearningRate: 0.05)] }, i => addresses[i]);
    }

    sealed class Lowering(Function function, ImmutableArray<StateDecl> states, ImmutableArray<Kernel> kernels, Dim batch)
    {
        readonly List<Buffer> buffers = [];
        readonly List<Launch> launches = [];

        Buffer New(string name, BufferKind kind, Dim elements, DType type = DType.F32)
        {
            var buffer = new Buffer(buffers.Count, name, kind, type, elements);
            buffers.Add(buffer);
            return buffer;
        }

        ImmutableArray<Origin> Origins => [new(System.FormattableString.Invariant($"Line.cs:{launches.Count + 1}"), "line")];

        void Loop(string kernel, Dim extent, Dim grain, Buffer[] reads, Buffer[] writes, params (int, int)[] inPlace) => launches.Add(new LoopLaunch(
            Origins, [.. reads.Select(r => new Operand(r, 0, false)), .. writes.Select(w => new Operand(w, 0, true))], [.. inPlace.Select(p => new InPlace(p.Item1, p.Item2))],
            kernels.First(k => k.Name == kernel), [batch], extent, grain, 0) { Flops = extent, Traffic = extent * 8 });

        public LoweredFunction Lower()
        {
            var arguments = function.Parameters.Select(p => New(p.Name!, BufferKind.Argument, p.Shape.Size, p.DType)).ToImmutableArray();
            var results = function.Results.Select((r, i) => New(function.ResultNames[i], BufferKind.Result, r.Shape.Size)).ToImmutableArray();
            var state = states.ToDictionary(s => s.Path, s => function.Name == "train_step" || s.Kind == StateKind.Parameter ? New(s.Path, BufferKind.State, s.Type.Shape.Size, s.Type.DType) : null!);
            if (function.Name == "predict")
            {
                Loop("rows", batch, 5, [arguments[0], state["weight"], state["bias"]], [results[0]]);
                return new(FunctionSignature.Of(function), [.. buffers], [.. launches], arguments, results) { Alignment = 64 };
            }
            var guess = New("guess", BufferKind.Arena, batch);
            var residual = New("residual", BufferKind.Arena, batch);
            var losses = New("losses", BufferKind.Arena, batch);
            Loop("rows", batch, 5, [arguments[0], state["weight"], state["bias"]], [guess]);
            Loop("residual", batch, 7, [guess, arguments[1]], [residual, losses], (2, 0));
            if (function.Name == "loss")
            {
                Loop("mean", 1, 1, [losses], [results[0]]);
                return new(FunctionSignature.Of(function), [.. buffers], [.. launches], arguments, results) { Alignment = 64 };
            }
            var gradient = New("gradient", BufferKind.Arena, Inputs + 1);
            Loop("mean", 1, 1, [losses], [results[0]]);
            Loop("gradients", Inputs + 1, 2, [arguments[0], residual], [gradient]);
            Loop("norm", 1, 1, [gradient], [results[1]]);
            Loop("running_mean", 1, 1, [results[0], results[1]], [state["mean"]]);
            Loop("count", 1, 1, [results[0], results[1]], [state["optimizer.step"]]);
            ImmutableArray<Operand> operands =
            [
                new(state["weight"], 0, true), new(gradient, 0, false), new(state["optimizer.m.weight"], 0, true), new(arguments[2], 0, false), new(arguments[3], 0, false),
                new(results[0], 0, false), new(results[1], 0, false),
                new(state["bias"], 0, true), new(gradient, Inputs, false), new(state["optimizer.m.bias"], 0, true), new(arguments[2], 0, false), new(arguments[3], 0, false),
                new(results[0], 0, false), new(results[1], 0, false),
            ];
            launches.Add(new SegmentedLaunch(Origins, operands, [], kernels.First(k => k.Name == "update"), [new(0, 7, [], Inputs), new(7, 7, [], 1)], 3, 0));
            return new(FunctionSignature.Of(function), [.. buffers], [.. launches], arguments, results) { Alignment = 64 };
        }
    }
}
