namespace Graph;

/// <summary>How the first numbers of a parameter are made. The fans are those of torch.nn.init: inputs = shape[1] × receptive field, outputs = shape[0] × receptive field.</summary>
public abstract record Initializer
{
    private protected Initializer()
    {
    }
}

/// <summary>All <paramref name="Value"/>.</summary>
public sealed record ConstantInitializer(double Value) : Initializer;

/// <summary>Numbers that the source gives, row-major.</summary>
public sealed record ListedInitializer(double[] Values) : Initializer
{
    /// <summary>Says how many there are.</summary>
    public override string ToString() => $"{Values.Length} numbers";
}

/// <summary>Normal with a mean and a standard deviation.</summary>
public sealed record NormalInitializer(double Mean, double StandardDeviation) : Initializer;

/// <summary>Uniform in [<paramref name="Low"/>, <paramref name="High"/>).</summary>
public sealed record UniformInitializer(double Low, double High) : Initializer;

/// <summary>Which fans bound the spread.</summary>
public enum Fan
{
    /// <summary>The inputs of a unit: keeps the variance of activations.</summary>
    Inputs,
    /// <summary>The mean of inputs and outputs.</summary>
    Average,
    /// <summary>The outputs: keeps the variance of gradients.</summary>
    Outputs,
}

/// <summary>Variance <c>gain² / fan</c>, from a normal or a uniform distribution.</summary>
public sealed record ScaledInitializer(double Gain, Fan Fan, bool IsNormal) : Initializer;
