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
        public float LearningRate
        {
            get => model.Instance.LearningRate;
            set => model.Instance.LearningRate = value;
        }

        /// <summary>How many training steps the parameters have seen.</summary>
        public long Step => model.Instance.Store.Step;
    }

    extension<TModel>(TModel model)
        where TModel : IModel<TModel>
    {
        /// <summary>The same model for another thread: it shares the parameters and has memory and <paramref name="threads"/> of its own. Dispose it before the original.</summary>
        public TModel NewSession(int threads = 1) => TModel.Over(model.Instance.NewSession(threads));
    }
}
