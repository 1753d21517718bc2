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

        /// <summary>The learning rate of the next training step: the optimizer's own at first. <c>FitAsync</c> with a schedule sets it.</summary>
        /// <exception cref="System.ArgumentOutOfRangeException">The value is not finite.</exception>
        public float LearningRate
        {
            get => model.Instance.LearningRate;
            set => model.Instance.LearningRate = value;
        }

        /// <summary>Writes parameters and running statistics as a safetensors file and, once training has started, everything that it needs to go on. The file appears whole or not at all.</summary>
        /// <param name="path">The file; an existing one is replaced.</param>
        /// <param name="weightsOnly">Leaves out what only training needs.</param>
        /// <exception cref="System.IO.IOException">The file cannot be written.</exception>
        public void Save(string path, bool weightsOnly = false) => model.Instance.SaveCheckpoint(path, position: null, run: ImmutableDictionary<string, string>.Empty, weightsOnly);

        /// <summary>Reads a safetensors file of this model: names, shapes and types must be the model's. A file of weights alone, whoever wrote it, is read as such.</summary>
        /// <param name="path">The file.</param>
        /// <param name="weightsOnly">Takes parameters and running statistics alone, whatever else the file holds.</param>
        /// <exception cref="CheckpointException">The file is damaged or of another model; the model is as before.</exception>
        /// <exception cref="System.IO.FileNotFoundException">There is no such file.</exception>
        public CheckpointInfo Load(string path, bool weightsOnly = false) => model.Instance.LoadCheckpoint(path, weightsOnly);

        /// <summary>Trains on batches, on a thread of its own. Nothing else may use the model meanwhile, but for sessions of <c>NewSession</c>, which see numbers change.</summary>
        /// <param name="data">Its columns are the loss's arguments, in order.</param>
        /// <param name="options">How long, what to measure, where to keep checkpoints; one epoch when left out.</param>
        /// <param name="progress">Told about every step.</param>
        /// <param name="cancel">Ends training after the current step; a checkpoint is written first, if there is a path for it.</param>
        /// <exception cref="System.ArgumentException">Columns and arguments do not fit, or an option is out of range.</exception>
        /// <exception cref="System.OperationCanceledException">Cancelled; the model keeps what was reached.</exception>
        /// <exception cref="System.ArithmeticException">Loss or gradients of a step are not finite. That step was not made: the model is as after the one before, and can be saved or trained on.</exception>
        /// <exception cref="CheckpointException">The checkpoint to resume from does not fit.</exception>
        public Task<FitResult> FitAsync(IBatchSource data, FitOptions? options = null, IProgress<FitProgress>? progress = null, CancellationToken cancel = default) =>
            model.Instance.FitAsync(data, options, progress, cancel);

        /// <summary>How many training steps the parameters have seen.</summary>
        public long Step => model.Instance.Store.Step;
    }

    extension<TModel>(TModel model)
        where TModel : IModel<TModel>
    {
        /// <summary>The same model for another thread: it shares the parameters and has memory and <paramref name="threads"/> of its own. Dispose it before the original.</summary>
        public TModel NewSession(int threads = 1) => ModelInstance.Wrap<TModel>(model.Instance.NewSession(threads));
    }
}
