using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.ComponentModel;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Data;
using Graph.Runtime.Checkpoints;
using Graph.Runtime.Cpu;
using Graph.Runtime.Parameters;
using Graph.Runtime.Training;
using Philox = Graph.Compiler.Ir.Philox;

namespace Graph.Runtime.Execution;

/// <summary>All logic behind a generated model: parameters, a session to run in, and the state of training. Generated members call it.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed unsafe class ModelInstance : IDisposable
{
    readonly SessionPool sessions;
    readonly IComputeDevice device;
    readonly bool ownsStore;
    readonly ModelInstance root;
    readonly MemoryLimit limit;
    readonly long number; // 0 for the model, then its sessions in the order in which they were made
    long made, draws;
    readonly double[] rates; // of each training program; a float32 number but in double precision
    int disposed;

    /// <summary>A model with fresh parameters over a program that was compiled at run time.</summary>
    public ModelInstance(CompiledModel model, ulong seed = 0, int threads = 0) : this(model, _ => new CpuExecutor.Device(model), seed, threads)
    {
    }

    /// <summary>A model with fresh parameters on a device.</summary>
    /// <param name="model">Compiled for it.</param>
    /// <param name="open">Makes the device for the model's parameters.</param>
    /// <param name="seed">What first numbers and random operations depend on.</param>
    /// <param name="threads">Threads of the processor.</param>
    internal ModelInstance(CompiledModel model, Func<ParameterStore, IComputeDevice> open, ulong seed = 0, int threads = 0)
    {
        Model = model;
        limit = new(model.MemoryBudget);
        root = this;
        ownsStore = true;
        var pool = new WorkerPool(threads);
        try
        {
            Store = new(model.States, seed, pool);
            device = open(Store);
        }
        catch
        {
            pool.Dispose();
            throw;
        }
        // The first session takes the pool that filled the parameters.
        sessions = new(() => new(model, Store, device.Open(Interlocked.Exchange(ref pool, null) ?? new(threads)), limit), Environment.ProcessorCount);
        rates = new double[model.Training.Length];
        foreach (var training in model.Training) rates[training.Index] = Rounded(training, training.Program.LearningRate ?? 0);
    }

    ModelInstance(ModelInstance over, int threads, ReadOnlySpan<(string Dimension, int Size)> sizes)
    {
        Model = over.Model;
        limit = new(over.limit.Bytes);
        root = over.root;
        number = Interlocked.Increment(ref root.made);
        device = over.device;
        Store = over.Store.Root.ForSession(Model.SessionStates, Sizes(sizes));
        OwnsStates = Store != Store.Root;
        rates = [.. over.rates];
        sessions = new(() => new(Model, Store, device.Open(new(threads)), limit), OwnsStates ? 1 : Environment.ProcessorCount);
    }

    /// <summary>What a generated model throws that was made by its constructor, not by <c>Create</c>.</summary>
    public static InvalidOperationException NotCreated(string model) => new($"This {model} has no parameters: a constructor makes only the description of a model. Use {model}.Create(…).");

    public CompiledModel Model { get; }

    /// <summary>Parameters, running statistics, optimizer states.</summary>
    public ParameterStore Store { get; }

    /// <summary>Where this instance's calls run that meet no other.</summary>
    public Session Session => sessions.First;

    /// <summary>True for a session of a model whose entries assign states: it has those for itself, and its calls take turns.</summary>
    internal bool OwnsStates { get; }

    /// <summary>How many calls that draw random numbers this instance has made. The next one's numbers follow from it.</summary>
    internal long Draws
    {
        get => Volatile.Read(ref draws);
        set => Volatile.Write(ref draws, value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(Draws), value, "Calls are counted from 0."));
    }

    /// <summary>How many sessions calls that met each other have made.</summary>
    internal int SessionCount => sessions.Count;

    /// <summary>The most calls that run at once, each with memory of its own; more wait.</summary>
    internal int MaxConcurrentCalls
    {
        get => sessions.Bound;
        set
        {
            if (value < 1) throw new ArgumentOutOfRangeException(nameof(MaxConcurrentCalls), value, $"The calls of {Model.Name} that run at once must be at least 1.");
            if (OwnsStates && value > 1)
                throw new ArgumentOutOfRangeException(nameof(MaxConcurrentCalls), value, $"This session of {Model.Name} owns states that its calls change one after another: expected 1. Make more sessions with NewSession().");
            sessions.Bound = value;
        }
    }

    /// <summary>The most bytes that a call may take, with all that is stored; null for no bound. A call that needs more computes intermediates again instead of keeping them.</summary>
    internal long? MemoryBudget
    {
        get => limit.Bytes;
        set => limit.Bytes = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(MemoryBudget), value, "A memory budget is a number of bytes above 0, or null for none.");
    }

    /// <summary>The model's name, how much it holds, and how many steps it was trained.</summary>
    public override string ToString() => string.Create(
        System.Globalization.CultureInfo.InvariantCulture, $"{Model.Name}: {Store.ParameterCount:N0} parameters in {Model.States.Count(s => s.Kind == StateKind.Parameter)} tensors, step {Store.Step}");

    /// <summary>The rate of the next training step, of a model that is trained in one way.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not finite: a step with it would leave no number in the model.</exception>
    /// <exception cref="InvalidOperationException">The model is not trained, or in several ways.</exception>
    public double LearningRate
    {
        get => Rate(Model.TrainingOf(null));
        set => SetRate(Model.TrainingOf(null), value);
    }

    internal double Rate(CompiledTraining training) => rates[training.Index];

    internal void SetRate(CompiledTraining training, double value) =>
        rates[training.Index] = double.IsFinite(Rounded(training, value)) ? Rounded(training, value) : throw new ArgumentOutOfRangeException(nameof(LearningRate), value, "The learning rate must be finite.");

    // As the training program takes it.
    static double Rounded(CompiledTraining training, double rate) => training.IsDouble ? rate : (float)rate;

    string RateText(CompiledTraining training) =>
        training.IsDouble ? Rate(training).ToString("R", System.Globalization.CultureInfo.InvariantCulture) : ((float)Rate(training)).ToString("R", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Another instance over the same parameters, with memory of its own, and states of its own where entries assign some.</summary>
    /// <param name="threads">The most threads that work on one of its calls.</param>
    /// <param name="sizes">How large its states are, where their shapes have named dimensions; the first call says it of others.</param>
    public ModelInstance NewSession(int threads = 1, params ReadOnlySpan<(string Dimension, int Size)> sizes)
    {
        ThrowIfDisposed();
        return new(this, threads, sizes);
    }

    Dictionary<string, long> Sizes(ReadOnlySpan<(string Dimension, int Size)> sizes)
    {
        var result = new Dictionary<string, long>(StringComparer.Ordinal);
        var known = Model.States.SelectMany(s => s.Type.Shape.SelectMany(d => d.Symbols)).Distinct(StringComparer.Ordinal).ToList();
        foreach (var (name, size) in sizes)
        {
            if (!known.Contains(name))
                throw new ArgumentException($"No state of {Model.Name} has the dimension {name}; {(known.Count == 0 ? "none has a named one" : "those of its sessions have " + string.Join(", ", known))}.", nameof(sizes));
            var most = Model.Lowered.Dims.First(d => d.Name == name).Max;
            if (size < 1 || size > most) throw new ArgumentOutOfRangeException(nameof(sizes), size, $"{name} of a session of {Model.Name} is expected to be 1 to {most}.");
            if (!result.TryAdd(name, size)) throw new ArgumentException($"{name} is given twice.", nameof(sizes));
        }
        return result;
    }

    void ThrowIfDisposed()
    {
        if (Volatile.Read(ref disposed) != 0 || Store.IsDisposed) throw new ObjectDisposedException(Model.Name);
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

    /// <summary>Runs a function, on any thread: calls that only read run beside each other, up to <see cref="MaxConcurrentCalls"/>, one that changes the model runs alone.</summary>
    /// <param name="function">Its name.</param>
    /// <param name="arguments">One for each parameter, then one for each result.</param>
    /// <param name="dims">The named dimensions that no length gives, in the order of <see cref="DimSolver.Undetermined"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit, memory overlaps, or an operation cannot work with the sizes; the message says what was given and what was expected.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A class or row in an argument is not there.</exception>
    /// <exception cref="InvalidOperationException">The function assigns a state and this is not a session that owns it.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the intermediates; the model works on.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void Run(string function, CallArguments arguments, ReadOnlySpan<long> dims = default)
    {
        var compiled = Model[function];
        if (compiled.Draws) RunDrawing(compiled, CallSeed(Store.Seed, number, Interlocked.Increment(ref draws)), arguments, dims);
        else Run(compiled, arguments, dims);
    }

    /// <inheritdoc cref="Run(string, CallArguments, ReadOnlySpan{long})"/>
    public void Run(string function, ReadOnlySpan<CallArgument> arguments, ReadOnlySpan<long> dims = default)
    {
        fixed (CallArgument* first = arguments) Run(function, new CallArguments(first, arguments.Length), dims);
    }

    /// <summary>As <see cref="Run(string, CallArguments, ReadOnlySpan{long})"/>, but what is drawn follows from the number of a batch: evaluations of one model draw the same, whenever they are made.</summary>
    internal void Evaluate(string function, long batch, CallArguments arguments, ReadOnlySpan<long> dims)
    {
        var compiled = Model[function];
        if (compiled.Draws) RunDrawing(compiled, CallSeed(Store.Seed, -1, batch), arguments, dims);
        else Run(compiled, arguments, dims);
    }

    // The seed stands behind the caller's arguments, before the results.
    void RunDrawing(CompiledFunction function, long seed, CallArguments arguments, ReadOnlySpan<long> dims)
    {
        var given = Math.Min(function.Arguments - 1, arguments.Length);
        var all = stackalloc CallArgument[arguments.Length + 1];
        for (var i = 0; i < arguments.Length; i++) all[i < given ? i : i + 1] = arguments[i];
        all[given] = new(&seed, 1);
        Run(function, new CallArguments(all, arguments.Length + 1), dims);
    }

    void Run(CompiledFunction compiled, CallArguments arguments, ReadOnlySpan<long> dims)
    {
        if (compiled.AssignsStates && compiled.IsTraining)
        {
            RunAlone(compiled, arguments, dims);
            return;
        }
        if (!OwnsStates && (compiled.AssignsStates || compiled.HasSizedStates)) throw NeedsSession(compiled);
        using var inside = Store.Gate.Share();
        ThrowIfDisposed();
        var session = sessions.Rent();
        try
        {
            if (compiled.ReadsDerived) Store.Derive(session, Model.Derive!);
            session.Run(compiled, arguments, dims);
        }
        finally
        {
            sessions.Return(session);
        }
        if (compiled.AssignsStates) Store.Computed();
    }

    void RunAlone(CompiledFunction function, CallArguments arguments, ReadOnlySpan<long> dims)
    {
        using var alone = Store.Gate.Exclude();
        ThrowIfDisposed();
        RunTraining(function, arguments, dims);
    }

    // For who has the gate alone. No session is rented: who rents one is inside the gate.
    void RunTraining(CompiledFunction function, CallArguments arguments, ReadOnlySpan<long> dims)
    {
        if (function.ReadsDerived) Store.DeriveCopies(Session, Model.DeriveCopies!);
        try
        {
            Session.Run(function, arguments, dims);
        }
        finally
        {
            Store.Root.Computed(); // also when it threw in the middle of its writing
        }
        if (function.ReadsDerived) Store.CopiesAreWritten();
    }

    // As above, without waiting where the device works by itself.
    PendingStep? RunTraining(CompiledTraining training, CallArguments arguments, ReadOnlySpan<long> dims)
    {
        if (training.Step.ReadsDerived) Store.DeriveCopies(Session, Model.DeriveCopies!);
        PendingStep? pending;
        try
        {
            pending = Session.Step(training, arguments, dims);
        }
        finally
        {
            Store.Root.Computed();
        }
        if (training.Step.ReadsDerived) Store.CopiesAreWritten();
        return pending;
    }

    InvalidOperationException NeedsSession(CompiledFunction function) => new(
        $"{function.Name} {(function.AssignsStates ? "assigns " + string.Join(", ", function.AssignedStates) : $"reads states whose {string.Join(", ", function.StateSizes.Select(s => s.Name))} each session sets")}, and the model {Model.Name} is shared by all who call it. "
        + $"Call it on a session, which has that state for itself: using var session = model.NewSession();");

    /// <inheritdoc cref="Run(string, CallArguments, ReadOnlySpan{long})"/>
    /// <param name="dims">The named dimensions that no length gives, in any order.</param>
    public void Run(string function, ReadOnlySpan<CallArgument> arguments, ReadOnlySpan<(string Name, long Value)> dims)
    {
        Span<long> values = stackalloc long[dims.Length];
        InOrder(Model[function], dims, values);
        Run(function, arguments, values);
    }

    /// <inheritdoc cref="TrainStep(CallArguments, ReadOnlySpan{long})"/>
    public StepResult TrainStep(ReadOnlySpan<CallArgument> lossArguments, ReadOnlySpan<(string Name, long Value)> dims)
    {
        Span<long> values = stackalloc long[dims.Length];
        InOrder(Model.TrainingOf(null).Step, dims, values);
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
    /// <exception cref="InvalidOperationException">The model has no [Train], or somebody else trains it: another call or FitAsync.</exception>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public StepResult TrainStep(CallArguments lossArguments, ReadOnlySpan<long> dims = default) => TrainStep(Model.TrainingOf(null), lossArguments, dims);

    /// <inheritdoc cref="TrainStep(CallArguments, ReadOnlySpan{long})"/>
    public StepResult TrainStep(ReadOnlySpan<CallArgument> lossArguments, ReadOnlySpan<long> dims = default)
    {
        fixed (CallArgument* first = lossArguments) return TrainStep(new CallArguments(first, lossArguments.Length), dims);
    }

    /// <summary>One step of the training program of that name.</summary>
    /// <inheritdoc cref="TrainStep(CallArguments, ReadOnlySpan{long})"/>
    /// <exception cref="ArgumentException">There is no such program, or a length does not fit.</exception>
    public StepResult TrainStep(string program, CallArguments lossArguments, ReadOnlySpan<long> dims = default) => TrainStep(Model.TrainingOf(program), lossArguments, dims);

    /// <inheritdoc cref="TrainStep(string, CallArguments, ReadOnlySpan{long})"/>
    public StepResult TrainStep(string program, ReadOnlySpan<CallArgument> lossArguments, ReadOnlySpan<long> dims = default)
    {
        fixed (CallArgument* first = lossArguments) return TrainStep(program, new CallArguments(first, lossArguments.Length), dims);
    }

    StepResult TrainStep(CompiledTraining training, CallArguments lossArguments, ReadOnlySpan<long> dims)
    {
        if (Store.BeginTraining(this) is { } other) throw IsTrained(other);
        try
        {
            return FitStep(training, lossArguments, dims);
        }
        finally
        {
            Store.EndTraining(this);
        }
    }

    InvalidOperationException IsTrained(object by) => new(
        $"{Model.Name} is being trained already, and one at a time trains a model and its sessions: " + (by is TaskCompletionSource<FitResult>
            ? "FitAsync is running. Await its task first." : "another thread is in TrainStep. Make the steps on one thread, or under a lock."));

    /// <summary>A step for who has begun training.</summary>
    internal StepResult FitStep(CompiledTraining training, CallArguments lossArguments, ReadOnlySpan<long> dims)
    {
        if (lossArguments.Length != training.LossArguments.Length)
            throw new ArgumentException($"{training.Step.Name} takes the {training.LossArguments.Length} arguments of its loss, but got {lossArguments.Length}.", nameof(lossArguments));
        double rate = rates[training.Index], loss = 0, norm = 0;
        float narrowRate = (float)rate, narrowLoss = 0, narrowNorm = 0;
        var all = stackalloc CallArgument[training.Step.Arguments + training.Step.Results];
        for (var i = 0; i < lossArguments.Length; i++) all[training.LossArguments[i]] = lossArguments[i];
        using var alone = Store.Gate.Exclude();
        ThrowIfDisposed();
        // An attempt whether its numbers are finite or not, and so the next one draws others; one that throws (no memory) can be repeated bit for bit. The program counts those that were made.
        var attempt = Store.Attempts + 1;
        // A device that works by itself tells with its results; for a profile, and to find a mistake, it does not.
        var (step, scale) = device.IsAsynchronous && !Session.Profiling ? default : (Store.AppliedSteps(training.AppliedSteps) + 1, Store.LossScale(training));
        var seed = StepSeed(Store.Seed, attempt);
        all[training.SeedAt] = new(&seed, 1);
        (all[training.RateAt], all[training.LossAt], all[training.NormAt]) = training.IsDouble
            ? (new(&rate, 1), new(&loss, 1), new(&norm, 1)) : (new CallArgument(&narrowRate, 1), new CallArgument(&narrowLoss, 1), new CallArgument(&narrowNorm, 1));
        var pending = RunTraining(training, new(all, training.Step.Arguments + training.Step.Results), dims);
        Store.Attempts = attempt;
        if (pending is not null) return new(pending, rate);
        return training.IsDouble ? new(step, loss, norm, rate) : new(step, narrowLoss, narrowNorm, rate, scale);
    }

    /// <summary>Writes the model as safetensors, atomically.</summary>
    /// <param name="position">Where in its data training stands; null when nobody knows.</param>
    /// <param name="run">What a training run adds to the metadata.</param>
    /// <param name="weightsOnly">Leaves out what only training needs.</param>
    /// <param name="reals">What real numbers are rounded to; null writes them as they are.</param>
    internal void SaveCheckpoint(string path, TrainingPosition? position, ImmutableDictionary<string, string> run, bool weightsOnly, DType? reals = null)
    {
        ThrowIfDisposed();
        Checkpoint.Save(path, Store.Root, Model.Name, Model.PlanFingerprint, Model.Training.ToImmutableDictionary(t => t.Name, RateText), position, run, weightsOnly, reals);
    }

    /// <summary>Writes the weights without what stands in their place; see <see cref="ModelMembers"/>.</summary>
    internal void SaveMerged(string path, IModule module)
    {
        ThrowIfDisposed();
        if (Store.BeginTraining(this) is { } other) throw IsTrained(other);
        try
        {
            Checkpoint.Save(path, MergedWeights.Of(Store.Root, module), Model.Name, Model.PlanFingerprint, ImmutableDictionary<string, string>.Empty, null, ImmutableDictionary<string, string>.Empty, weightsOnly: true);
        }
        finally
        {
            Store.EndTraining(this);
        }
    }

    /// <summary>Reads a file that <see cref="SaveCheckpoint"/> or another safetensors library wrote.</summary>
    /// <exception cref="CheckpointException">The file is damaged or of another model; nothing was changed.</exception>
    internal CheckpointInfo LoadCheckpoint(string path, LoadOptions options)
    {
        ThrowIfDisposed();
        var (info, match) = Checkpoint.Load(path, Store.Root, Model.Name, options);
        if (info.IsTraining)
            foreach (var training in Model.Training)
                if (info.LearningRates.TryGetValue(training.Name, out var rate)) rates[training.Index] = Rounded(training, rate);
        return new(info.IsTraining, Store.Step, info.Fingerprint == Model.PlanFingerprint) { Position = info.Position, Metadata = info.Metadata, Missing = match.Missing, Unexpected = match.Unexpected, Converted = match.Converted };
    }

    /// <summary>Trains on batches; see <see cref="ModelMembers"/>.</summary>
    internal Task<FitResult> FitAsync(IBatchSource data, FitOptions? options, IProgress<FitProgress>? progress, CancellationToken cancel)
    {
        ThrowIfDisposed();
        ArgumentNullException.ThrowIfNull(data);
        // From here to its end nobody else trains the model. What stands for the training is what its task waits for.
        var done = new TaskCompletionSource<FitResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Store.BeginTraining(done) is { } other) throw IsTrained(other);
        var started = false;
        Trainer? trainer = null;
        try
        {
            trainer = new Trainer(this, data, options ?? new(), progress);
            // A thread of its own: training takes long and would keep one of the pool's from others.
            new Thread(() => Fit(trainer, done, cancel)) { IsBackground = true, Name = $"graph fit {Model.Name}" }.Start();
            started = true;
            return done.Task;
        }
        finally
        {
            if (!started)
            {
                trainer?.Dispose();
                Store.EndTraining(done);
            }
        }
    }

    void Fit(Trainer trainer, TaskCompletionSource<FitResult> done, CancellationToken cancel)
    {
        FitResult? result = null;
        Exception? failure = null;
        try
        {
            using (trainer) result = trainer.Run(cancel);
        }
        catch (Exception e)
        {
            failure = e;
        }
        Store.EndTraining(done); // before anybody hears of the end
        if (result is not null) done.SetResult(result);
        else if (failure is OperationCanceledException && cancel.IsCancellationRequested) done.SetCanceled(cancel);
        else done.SetException(failure!);
    }

    /// <summary>What random operations of an attempt at a step are keyed with: 53 bits, so that a double holds it exactly.</summary>
    internal static long StepSeed(ulong seed, long attempt)
    {
        var (x, y, _, _) = Philox.Block(seed, (ulong)attempt, Philox.Stream("train_step.seed"));
        return (long)((((ulong)y << 32) | x) >> 11);
    }

    /// <summary>What a call of an entry draws with: a function of the model's seed, of the session (0 for the model itself, −1 for evaluations while training) and of the call's number there.</summary>
    internal static long CallSeed(ulong seed, long session, long call)
    {
        var (x, y, _, _) = Philox.Block(seed, (ulong)call, Philox.Stream((long)Philox.Stream("call.seed"), session));
        return (long)((((ulong)y << 32) | x) >> 11);
    }

    /// <summary>The plan of a function under a binding, as it runs here.</summary>
    public MemoryPlan Plan(string function, DimBinding binding) => Planner.Plan(Model[function].Lowered, binding);

    /// <summary>
    /// Refuses new calls, waits for those that run, and frees the memory; the parameters too, when no other instance made them. A training by <c>FitAsync</c> ends before its next step. May be called
    /// more than once.
    /// </summary>
    public void Dispose()
    {
        Store.Gate.ThrowIfAlone();
        if (Interlocked.Exchange(ref disposed, 1) != 0) return;
        using var alone = Store.Gate.Exclude();
        sessions.Dispose();
        if (!ownsStore) return;
        device.Dispose();
        Store.Dispose();
    }
}
