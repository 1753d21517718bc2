using System.Collections.Immutable;
using Graph.Compiler.Ir;

namespace Graph;

/// <summary>Where in its data training stood when a checkpoint was written.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Batch">How many of its batches were used.</param>
public sealed record TrainingPosition(int Epoch, int Batch);

/// <summary>What was read from a checkpoint.</summary>
/// <param name="IsTraining">Optimizer states, step and seed were read too: training can go on.</param>
/// <param name="Step">How many training steps the model has seen.</param>
/// <param name="SamePlan">The file was written by the same compiled program, so that training goes on with the same bits on the same kind of processor.</param>
public sealed record CheckpointInfo(bool IsTraining, long Step, bool SamePlan)
{
    /// <summary>Where training stood; null when the file does not say.</summary>
    public TrainingPosition? Position { get; init; }

    /// <summary>All that the file says beside its tensors, by key.</summary>
    public ImmutableDictionary<string, string> Metadata { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>The tensors that the file holds in another real type than the model, in the order of the model; each number was rounded once.</summary>
    public ImmutableArray<ConvertedTensor> Converted { get; init; } = [];

    /// <summary>The model's tensors that the file lacks, in the order of the model; they keep their numbers. None unless <see cref="LoadOptions.Strict"/> is off.</summary>
    public ImmutableArray<string> Missing { get; init; } = [];

    /// <summary>The file's tensors that the model has not, by their names in the file. None unless <see cref="LoadOptions.Strict"/> is off.</summary>
    public ImmutableArray<string> Unexpected { get; init; } = [];
}

/// <summary>A tensor that was cast when it was read.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="From">The type in the file.</param>
/// <param name="To">The type in the model.</param>
public sealed record ConvertedTensor(string Name, DType From, DType To)
{
    public override string ToString() => $"{Name}: {From.Name()} → {To.Name()}";
}
