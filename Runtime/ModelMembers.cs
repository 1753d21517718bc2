using System;
using System.Collections.Immutable;
using System.Threading;
using System.Threading.Tasks;
using Graph.Data;
using Graph.Runtime.Execution;

namespace Graph;

/// <summary>What every model has.</summary>
public static class ModelMembers
{
    extension(IModel model)
    {
        /// <summary>Parameters and running statistics by name, to be read and written; optimizer states too, once training has started.</summary>
        public ParameterStore Parameters => model.Instance.Store;

        /// <summary>One of the ways in which the model is trained: its learning rate and how many steps it has made.</summary>
        /// <param name="name">The name of its [Train] method; not needed when there is only one.</param>
        /// <exception cref="System.ArgumentException">There is none of that name.</exception>
        /// <exception cref="System.InvalidOperationException">The model is not trained, or in several ways and none is named.</exception>
        public ModelTraining Training(string? name = null) => new(model.Instance, model.Instance.Model.TrainingOf(name));

        /// <summary>The learning rate of the next training step: the optimizer's own at first. <c>FitAsync</c> with a schedule sets it.</summary>
        /// <exception cref="System.ArgumentOutOfRangeException">The value is not finite.</exception>
        /// <exception cref="System.InvalidOperationException">The model is not trained, or in several ways: <c>Training(name)</c> has the rate of each.</exception>
        public double LearningRate
        {
            get => model.Instance.LearningRate;
            set => model.Instance.LearningRate = value;
        }

        /// <summary>Writes parameters and running statistics as a safetensors file and, once training has started, everything that it needs to go on. The file appears whole or not at all.</summary>
        /// <param name="path">The file; an existing one is replaced.</param>
        /// <param name="weightsOnly">Leaves out what only training needs.</param>
        /// <exception cref="System.IO.IOException">The file cannot be written.</exception>
        public void Save(string path, bool weightsOnly = false) => model.Instance.SaveCheckpoint(path, position: null, run: ImmutableDictionary<string, string>.Empty, weightsOnly);

        /// <summary>Writes parameters and running statistics alone, each real number rounded to a type: a file that other programs read, PyTorch among them. What training needs to go on is never rounded; <c>Save(path)</c> writes that.</summary>
        /// <param name="path">The file; an existing one is replaced.</param>
        /// <param name="type">F16, BF16, F32 or F64.</param>
        /// <exception cref="System.ArgumentOutOfRangeException">The type is none of real numbers.</exception>
        /// <exception cref="System.OverflowException">A weight is too large for the type; nothing was written.</exception>
        /// <exception cref="System.IO.IOException">The file cannot be written.</exception>
        public void Save(string path, ElementType type) => model.Instance.SaveCheckpoint(
            path, position: null, run: ImmutableDictionary<string, string>.Empty, weightsOnly: true,
            type is ElementType.F16 or ElementType.BF16 or ElementType.F32 or ElementType.F64 ? System.Enum.Parse<Compiler.Ir.DType>(type.ToString()) : throw new System.ArgumentOutOfRangeException(nameof(type), type, "Weights are written as F16, BF16, F32 or F64."));

        /// <summary>
        /// Writes the weights as they are computed with, without parametrizations (<see cref="Parametrize"/>): what stands in a parameter's place under the parameter's name, and none of the parameters that it was made of. The file is one
        /// of the modules that were not changed: adapted weights, merged.
        /// </summary>
        /// <param name="path">The file; an existing one is replaced.</param>
        /// <exception cref="System.IO.IOException">The file cannot be written.</exception>
        /// <exception cref="System.InvalidOperationException">Somebody trains the model.</exception>
        public void SaveMerged(string path) => model.Instance.SaveMerged(path, (IModule)model);

        /// <summary>
        /// Reads a safetensors file of this model: names, shapes and types must be the model's, as PyTorch writes them. A file of weights alone, whoever wrote it, is read as such. With options a file may have
        /// other names, or hold more or less than the model.
        /// </summary>
        /// <param name="path">The file.</param>
        /// <param name="options">What is taken, which name stands for which, and whether all must be there.</param>
        /// <returns>What was read; among it the names that were missing and unexpected.</returns>
        /// <exception cref="CheckpointException">The file is damaged or of another model; the model is as before.</exception>
        /// <exception cref="System.IO.FileNotFoundException">There is no such file.</exception>
        public CheckpointInfo Load(string path, LoadOptions? options = null) => model.Instance.LoadCheckpoint(path, options ?? new());

        /// <summary>
        /// Trains on batches, on a thread of its own. Nobody else can train the model until the task has ended. Its other calls may go on, on any thread: they run between steps and see the numbers
        /// of the last one; so may <see cref="FitOptions.Metrics"/> and <paramref name="progress"/>.
        /// </summary>
        /// <param name="data">Each of its columns feeds the loss's argument of its name.</param>
        /// <param name="options">How long, what to measure, where to keep checkpoints; one epoch when left out.</param>
        /// <param name="progress">Told about every step.</param>
        /// <param name="cancel">Ends training after the current step, or in the middle of an evaluation; a checkpoint is written first, if there is a path for it. <see cref="ShutdownSignals"/> gives one that Ctrl-C cancels.</param>
        /// <exception cref="System.ArgumentException">Columns and arguments do not fit, or an option is out of range.</exception>
        /// <exception cref="System.OperationCanceledException">Cancelled; the model keeps what was reached, and so does the checkpoint.</exception>
        /// <exception cref="System.InvalidOperationException">Somebody trains the model already, here or in another session of it.</exception>
        /// <exception cref="System.ArithmeticException">Loss or gradients of a step are not finite. That step was not made: the model is as after the one before, and can be saved or trained on.</exception>
        /// <exception cref="CheckpointException">The checkpoint to resume from is damaged, or of another run.</exception>
        /// <exception cref="System.IO.FileNotFoundException">There is no checkpoint to resume from.</exception>
        /// <exception cref="System.IO.IOException">The checkpoint cannot be written there, or another run has it: found out before training begins.</exception>
        /// <remarks>What a metric, the data or the progress throws comes out of here as it is, after what was reached has been written; should that fail too, the exception's <c>CheckpointFailure</c> says why.</remarks>
        public Task<FitResult> FitAsync(IBatchSource data, FitOptions? options = null, IProgress<FitProgress>? progress = null, CancellationToken cancel = default) =>
            model.Instance.FitAsync(data, options, progress, cancel);

        /// <summary>
        /// The most bytes that a call may take together with all that is stored (weights and masters; in a training step the moments, in other calls what is derived), but without what kernels' threads have for themselves; null for no bound. A
        /// call that would need more computes some of its intermediates again instead of keeping them: every number keeps its bits, and the step takes longer. What the class says with
        /// <see cref="MemoryBudgetAttribute"/> at first. A change holds from the next call on; sessions have their own.
        /// </summary>
        /// <exception cref="System.ArgumentOutOfRangeException">It is not above 0.</exception>
        /// <remarks>A call that cannot be made within it throws <see cref="System.InsufficientMemoryException"/>, which says what the least is and which operation needs it.</remarks>
        public long? MemoryBudget
        {
            get => model.Instance.MemoryBudget;
            set => model.Instance.MemoryBudget = value;
        }

        /// <summary>
        /// How many calls may run at once; more wait for their turn. Each of them has memory of its own for intermediates, as large as its largest call so far needed; parameters are shared. One for
        /// each processor at first. Training steps run alone.
        /// </summary>
        /// <exception cref="System.ArgumentOutOfRangeException">It is below 1, or above 1 for a session that owns states.</exception>
        public int MaxConcurrentCalls
        {
            get => model.Instance.MaxConcurrentCalls;
            set => model.Instance.MaxConcurrentCalls = value;
        }

        /// <summary>
        /// How many calls that draw random numbers (<c>Tensor.Normal</c> and the like in an entry or evaluated loss) were made of this model or session. What the next one draws follows from it and from the
        /// seed: two calls differ, two models of one seed draw the same one after another, sessions draw other numbers each. Set it to have the same numbers again.
        /// </summary>
        /// <exception cref="System.ArgumentOutOfRangeException">It is negative.</exception>
        public long Draws
        {
            get => model.Instance.Draws;
            set => model.Instance.Draws = value;
        }

        /// <summary>How many training steps the parameters have seen.</summary>
        public long Step => model.Instance.Store.Step;
    }

    extension<TModel>(TModel model)
        where TModel : IModel<TModel>
    {
        /// <summary>
        /// The same model once more: it shares the parameters, and has memory, a number of threads and a learning rate of its own. Where entries assign <see cref="State"/>s, it has those for
        /// itself, with the model's values at first, and its calls take turns. Saving and training are of the model, whichever session they are called on.
        /// </summary>
        /// <param name="threads">The most threads that work on one of its calls; 0 for one a processor.</param>
        /// <param name="sizes">How large its states are, where their shapes have named dimensions: <c>sizes: [("B", 4)]</c>. What is left out is what its first call says, and stays so.</param>
        /// <exception cref="System.ArgumentException">No state has such a dimension, or the size is not within its bounds.</exception>
        public TModel NewSession(int threads = 1, params System.ReadOnlySpan<(string Dimension, int Size)> sizes) => ModelInstance.Wrap<TModel>(model.Instance.NewSession(threads, sizes));
    }
}
