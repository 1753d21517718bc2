using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.ComponentModel;
using System.Threading;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Data;
using Graph.Runtime.Checkpoints;
using Graph.Runtime.Cpu;
using Graph.Runtime.Training;
using Philox = Graph.Compiler.Ir.Philox;

namespace Graph.Runtime.Execution;

/// <summary>All logic behind a generated model: parameters, a session to run in, and the state of training. Generated members call it.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed unsafe class ModelInstance : IDisposable
{
    // The last arguments of train_step, which the runtime gives.
    static readonly ImmutableArray<string> TrainingArguments = ["learning_rate", "step", "seed"];

    readonly bool ownsStore;
    readonly WorkerPool pool;
    int disposed;

    /// <summary>A model with fresh parameters over a program that was compiled at run time.</summary>
    public ModelInstance(CompiledModel model, ulong seed = 0, int threads = 0)
    {
        Model = model;
        pool = new(threads);
        ownsStore = true;
        try
        {
            Store = new(model.Program.States, seed, pool);
        }
        catch
        {
            pool.Dispose(); // its threads would outlive the model that never was
            throw;
        }
        Session = new(model, Store, pool);
        LearningRate = model.LearningRate;
    }

    ModelInstance(ModelInstance over, int threads)
    {
        Model = over.Model;
        Store = over.Store;
        LearningRate = over.LearningRate;
        pool = new(threads);
        Session = new(Model, Store, pool);
    }

    /// <summary>What a generated model throws that was made by its constructor, not by <c>Create</c>.</summary>
    public static InvalidOperationException NotCreated(string model) => new($"This {model} has no parameters: a constructor makes only the description of a model. Use {model}.Create(…).");

    public CompiledModel Model { get; }

    /// <summary>Parameters, running statistics, optimizer states.</summary>
    public ParameterStore Store { get; }

    /// <summary>Where this instance's calls run.</summary>
    public Session Session { get; }

    /// <summary>The rate of the next training step.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not finite: a step with it would leave no number in the model.</exception>
    public float LearningRate
    {
        get;
        set => field = float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(LearningRate), value, "The learning rate must be finite.");
    }

    /// <summary>Another instance over the same parameters, with an arena and threads of its own, for calls from another thread.</summary>
    public ModelInstance NewSession(int threads = 1)
    {
        if (disposed != 0) throw new ObjectDisposedException(Model.Name);
        return new(this, threads);
    }

    /// <summary>A model over an instance, whose handles of parameters and states find their numbers in it: eager code reads and writes what compiled code does.</summary>
    public static TModel Wrap<TModel>(ModelInstance instance)
        where TModel : IModel<TModel>
    {
        var model = TModel.Over(instance);
        if (model is IModule module) module.Visit(new Attachment(instance.Store), "");
        return model;
    }

    sealed class Attachment(ParameterStore store) : IModuleVisitor
    {
        // A shared handle is shown once for each field; its name is that of the first.
        readonly HashSet<object> seen = new(ReferenceEqualityComparer.Instance);

        public bool Enter(string path, IModule module) => seen.Add(module);

        public void Visit(string path, Parameter parameter)
        {
            if (seen.Add(parameter) && store.TryGet(path, out _)) parameter.Attach(store, path);
        }

        public void Visit(string path, State state)
        {
            if (seen.Add(state) && store.TryGet(path, out _)) state.Attach(store, path);
        }
    }

    /// <inheritdoc cref="Session.Run"/>
    public void Run(string function, ReadOnlySpan<CallArgument> arguments, ReadOnlySpan<long> dims = default)
    {
        Session.Run(function, arguments, dims);
        if (Model[function].Lowered.Function.Updates.Length > 0) Store.Touch();
    }

    /// <inheritdoc cref="Session.Run"/>
    /// <param name="dims">The named dimensions that no length gives, in any order.</param>
    public void Run(string function, ReadOnlySpan<CallArgument> arguments, ReadOnlySpan<(string Name, long Value)> dims)
    {
        Span<long> values = stackalloc long[dims.Length];
        InOrder(Model[function], dims, values);
        Run(function, arguments, values);
    }

    /// <inheritdoc cref="TrainStep(ReadOnlySpan{CallArgument}, ReadOnlySpan{long})"/>
    public StepResult TrainStep(ReadOnlySpan<CallArgument> lossArguments, ReadOnlySpan<(string Name, long Value)> dims)
    {
        Span<long> values = stackalloc long[dims.Length];
        InOrder(Model["train_step"], dims, values);
        return TrainStep(lossArguments, values);
    }

    static void InOrder(CompiledFunction function, ReadOnlySpan<(string Name, long Value)> dims, Span<long> values)
    {
        foreach (var (name, value) in dims)
        {
            var place = function.Solver.Undetermined.IndexOf(name);
            if (place < 0 || place >= values.Length) throw new ArgumentException($"{function.Name}: the dimension {name} is not one that a call states; these are [{string.Join(", ", function.Solver.Undetermined)}].", name);
            values[place] = value;
        }
    }

    /// <summary>One step of training: loss, gradients, clipping, update. With a loss or gradients that are not finite the step is not made: the program keeps every state, and the step does not count.</summary>
    /// <param name="lossArguments">The arguments of the loss.</param>
    /// <param name="dims">The named dimensions that no length gives.</param>
    /// <exception cref="InvalidOperationException">The model is not trained, or the session is in use.</exception>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public StepResult TrainStep(ReadOnlySpan<CallArgument> lossArguments, ReadOnlySpan<long> dims = default)
    {
        float rate = LearningRate, loss, norm;
        var step = Store.Step + 1;
        var seed = StepSeed(Store.Seed, step);
        Span<CallArgument> all = stackalloc CallArgument[lossArguments.Length + 5];
        lossArguments.CopyTo(all);
        all[^5] = new(&rate, 1);
        all[^4] = new(&step, 1);
        all[^3] = new(&seed, 1);
        all[^2] = new(&loss, 1);
        all[^1] = new(&norm, 1);
        Session.Run("train_step", all, dims);
        var result = new StepResult(step, loss, norm, rate);
        if (!result.IsFinite) return result;
        Store.Step = step;
        Store.Touch();
        return result;
    }

    /// <summary>Writes the model as safetensors, atomically.</summary>
    /// <param name="position">Where in its data training stands; null when nobody knows.</param>
    /// <param name="run">What a training run adds to the metadata.</param>
    /// <param name="weightsOnly">Leaves out what only training needs.</param>
    internal void SaveCheckpoint(string path, TrainingPosition? position, ImmutableDictionary<string, string> run, bool weightsOnly)
    {
        Store.ThrowIfDisposed();
        Checkpoint.Save(path, Store, Model.Name, Model.PlanFingerprint, LearningRate, position, run, weightsOnly);
    }

    /// <summary>Reads a file that <see cref="SaveCheckpoint"/> or another safetensors library wrote.</summary>
    /// <exception cref="CheckpointException">The file is damaged or of another model; nothing was changed.</exception>
    internal CheckpointInfo LoadCheckpoint(string path, bool weightsOnly)
    {
        Store.ThrowIfDisposed();
        var info = Checkpoint.Load(path, Store, Model.Name, weightsOnly);
        if (info.IsTraining && info.LearningRate is { } rate) LearningRate = rate;
        return new(info.IsTraining, Store.Step, info.Fingerprint == Model.PlanFingerprint) { Position = info.Position, Metadata = info.Metadata };
    }

    /// <summary>Trains on batches; see <see cref="ModelMembers"/>.</summary>
    internal Task<FitResult> FitAsync(IBatchSource data, FitOptions? options, IProgress<FitProgress>? progress, CancellationToken cancel)
    {
        if (disposed != 0) throw new ObjectDisposedException(Model.Name);
        ArgumentNullException.ThrowIfNull(data);
        var trainer = new Trainer(this, data, options ?? new(), progress);
        // A thread of its own: training takes long and would keep one of the pool's from others.
        return Task.Factory.StartNew(() => trainer.Run(cancel), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>What random operations of a step are keyed with: 53 bits, so that a double holds it exactly.</summary>
    internal static long StepSeed(ulong seed, long step)
    {
        var (x, y, _, _) = Philox.Block(seed, (ulong)step, Philox.Stream("train_step.seed"));
        return (long)((((ulong)y << 32) | x) >> 11);
    }

    /// <summary>The arguments of the loss as training takes them, in order.</summary>
    internal ImmutableArray<Value> LossArguments
    {
        get
        {
            var parameters = Model["train_step"].Lowered.Function.Parameters;
            return parameters.RemoveRange(parameters.Length - TrainingArguments.Length, TrainingArguments.Length);
        }
    }

    /// <summary>The plan of a function under a binding, as it runs here.</summary>
    public MemoryPlan Plan(string function, DimBinding binding) => Planner.Plan(Model[function].Lowered, binding);

    /// <summary>Ends the threads and frees the arena; the parameters too, when no other instance made them. May be called more than once.</summary>
    public void Dispose()
    {
        if (disposed != 0) return;
        Session.Dispose();
        if (Interlocked.Exchange(ref disposed, 1) != 0) return;
        pool.Dispose();
        if (ownsStore) Store.Dispose();
    }
}
