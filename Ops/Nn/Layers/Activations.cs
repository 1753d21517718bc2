namespace Graph.Nn;

/// <summary><c>max(x, 0)</c>, as a layer.</summary>
[Module]
public sealed partial class Relu : ILayer
{
    /// <summary>Shape of x.</summary>
    public Tensor Forward(Tensor x) => x.Relu();
}

/// <summary>The Gaussian error linear unit, as a layer. Hendrycks and Gimpel, 2016.</summary>
[Module]
public sealed partial class Gelu(GeluApproximation approximate = GeluApproximation.None) : ILayer
{
    /// <summary>Shape of x.</summary>
    public Tensor Forward(Tensor x) => x.Gelu(approximate);
}

/// <summary><c>x · sigmoid(x)</c>, as a layer.</summary>
[Module]
public sealed partial class Silu : ILayer
{
    /// <summary>Shape of x.</summary>
    public Tensor Forward(Tensor x) => x.Silu();
}

/// <summary>The hyperbolic tangent, as a layer.</summary>
[Module]
public sealed partial class Tanh : ILayer
{
    /// <summary>Shape of x.</summary>
    public Tensor Forward(Tensor x) => x.Tanh();
}

/// <summary><c>1 / (1 + e⁻ˣ)</c>, as a layer.</summary>
[Module]
public sealed partial class Sigmoid : ILayer
{
    /// <summary>Shape of x.</summary>
    public Tensor Forward(Tensor x) => x.Sigmoid();
}
