using System.Globalization;

namespace Graph.Compiler.Ir;

/// <summary>What a state is for; it decides what is trained, saved and printed.</summary>
public enum StateKind
{
    /// <summary>Trained by the optimizer.</summary>
    Parameter,
    /// <summary>Written by the forward pass, saved with the model: running statistics.</summary>
    Buffer,
    /// <summary>An optimizer's moment of one parameter; exists once training starts.</summary>
    Optimizer,
    /// <summary>The training loop's own: step, loss scale.</summary>
    Counter,
}

/// <summary>How a state gets its first value; <paramref name="Scale"/> is the constant, the standard deviation, the bound or the gain.</summary>
/// <remarks>Kaiming: He et al., ICCV 2015, fan in. Xavier: Glorot and Bengio, AISTATS 2010. Fans are counted as PyTorch does: axis 0 is out, axis 1 times the receptive field is in.</remarks>
public sealed record InitSpec(string Kind, double Scale)
{
    public static readonly InitSpec Zeros = new("zeros", 0);

    public override string ToString() => Kind is "zeros" or "ones" ? Kind : Kind + "(" + Scale.ToString("R", CultureInfo.InvariantCulture) + ")";
}

/// <summary>One tensor that outlives a call, under a path such as <c>blocks.0.norm.weight</c>. Its shape is constant.</summary>
public sealed record StateDecl(string Path, TensorType Type, StateKind Kind, InitSpec Init);
