using Graph.Runtime.Execution;

namespace Graph;

/// <summary>One of the ways in which a model is trained, a method marked <c>[Train]</c>: its rate and how far it is.</summary>
public sealed class ModelTraining
{
    readonly ModelInstance model;
    readonly CompiledTraining training;

    internal ModelTraining(ModelInstance model, CompiledTraining training)
    {
        this.model = model;
        this.training = training;
    }

    /// <summary>The name of its method; empty for a model's only one.</summary>
    public string Name => training.Name;

    /// <summary>What it computes in.</summary>
    public Precision Precision => System.Enum.Parse<Precision>(training.Program.Precision);

    /// <summary>The optimizer with its hyper-parameters, as C# would write it.</summary>
    public string Optimizer => training.Program.Optimizer;

    /// <summary>The learning rate of its next step: the optimizer's own at first.</summary>
    /// <exception cref="System.ArgumentOutOfRangeException">The value is not finite.</exception>
    public double LearningRate
    {
        get => model.Rate(training);
        set => model.SetRate(training, value);
    }

    /// <summary>In how many equal parts a step goes through its batch; 1 as a whole.</summary>
    public int MicroBatches => training.Program.MicroBatches;

    /// <summary>The most bytes that a step may take with all that is stored, as its [MemoryBudget] says; null without one. What the model says holds too, where it is less.</summary>
    public long? MemoryBudget => training.Program.MemoryBudget;

    /// <summary>How many steps it has made: those whose loss and gradients were finite.</summary>
    public long Step => model.Store.AppliedSteps(training.AppliedSteps);

    /// <summary>What the loss of the next step is multiplied with before the backward pass; 1 but in 16 bits.</summary>
    public double LossScale => model.Store.LossScale(training);

    /// <summary>How many steps the program has skipped because their loss or gradients were not finite, lowering the scale of its loss each time; 0 of a program that does not move it.</summary>
    public long SkippedSteps => training.SkippedSteps is { } path ? model.Store.Counted(path) : 0;

    /// <summary>The name, the optimizer and the steps.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{(Name.Length == 0 ? "training" : Name)}: {Optimizer}, step {Step}");
}
