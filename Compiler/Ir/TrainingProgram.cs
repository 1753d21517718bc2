using System.Collections.Immutable;

namespace Graph.Compiler.Ir;

/// <summary>
/// One way to train a model: which loss it makes small, which parameters change and by what rule. A model has as many as it needs, over one set of parameters; a parameter that no rule of a program
/// names is frozen in it.
/// </summary>
/// <param name="Name">What tells it from the model's others; empty for the only one.</param>
/// <param name="Loss">The function that evaluates its loss.</param>
/// <param name="ClipNorm">The gradients are scaled down so that their global norm does not exceed it; null leaves them as they are.</param>
/// <param name="Precision">The number type of activations, one of <see cref="Precisions"/>.</param>
/// <param name="LearningRate">The optimizer's own learning rate, in force until a schedule says otherwise; null if it has no such hyper-parameter.</param>
/// <param name="Optimizer">The optimizer with its hyper-parameters, as C# would write it: <c>new AdamW(0.0003, …)</c>.</param>
public sealed record TrainingProgram(
    string Name = "", string Loss = "loss", double? ClipNorm = null, string Precision = "Float32", double? LearningRate = null, string Optimizer = "")
{
    /// <summary>The <see cref="Precision"/> of a model whose every real is an f64.</summary>
    public const string InDouble = Precisions.Float64;

    /// <summary>The type of its parameters and of what an optimizer keeps for them, of the learning rate, the loss and the norm of the gradients; activations may be narrower.</summary>
    public DType Master => Precision == InDouble ? DType.F64 : DType.F32;

    /// <summary>The 16-bit type that it computes products in; null in 32 and 64 bits.</summary>
    public DType? Narrow => Precisions.Narrow(Precision);

    /// <summary>What the loss is multiplied with before the backward pass, so that gradients which 16 bits are too few for survive; 1 for nothing. 0: a state of the program, which it moves by itself.</summary>
    public double LossScale { get; init; } = 1;

    /// <summary>Whether the scale of the loss is a state.</summary>
    public bool ScalesDynamically => LossScale == 0;

    /// <summary>In how many equal parts a step goes through its batch, one after another, adding up their gradients.</summary>
    public int MicroBatches { get; init; } = 1;

    /// <summary>The most bytes that its step may take with all that is stored; null where only the model says it.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>The 16-bit type that what an optimizer keeps for parameters is stored in, rounded by chance; null for the master's. A built step has it in its states.</summary>
    public DType? Moments { get; init; }

    /// <summary>False in 16 bits where parameters are stored in them and nowhere wider: what changes them is rounded by chance. A built step has it in its states.</summary>
    public bool HasMasters { get; init; } = true;

    /// <summary>The paths of parameters that are stored so, while others have masters. A built step has it in its states.</summary>
    public ImmutableArray<string> WithoutMasters { get; init; } = [];

    /// <summary>How each parameter changes. While there is none, every parameter changes by the function <c>update</c>; a training step that is built names them all.</summary>
    public ImmutableArray<UpdateRule> Rules { get; init; } = [];
}

/// <summary>The optimizer's rule for some parameters.</summary>
/// <param name="Function">
/// <c>(value, gradient, states…, learning_rate: f32[], step: i64[]) → (value, states…)</c>. Of one flat parameter of any size, called for each; or of their shape, and then part of the step.
/// </param>
/// <param name="States">The names of the states that it keeps for each of them, in the order of its arguments and results: <c>m</c>, <c>v</c>.</param>
/// <param name="Parameters">Their paths.</param>
public sealed record UpdateRule(string Function, ImmutableArray<string> States, ImmutableArray<string> Parameters)
{
    /// <summary>The types of the working copies that a built step writes together with the parameters.</summary>
    public ImmutableArray<DType> Copies { get; init; } = [];
}
