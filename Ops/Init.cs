using System.Linq;

namespace Graph;

/// <summary>Makes initializers.</summary>
public static class Init
{
    // √2, the gain of relu, as a literal: an optional parameter needs a constant.
    const double ReluGain = 1.4142135623730951;

    /// <summary>All 0.</summary>
    public static Initializer Zeros { get; } = new ConstantInitializer(0);

    /// <summary>All 1.</summary>
    public static Initializer Ones { get; } = new ConstantInitializer(1);

    /// <summary>All <paramref name="value"/>.</summary>
    public static Initializer Constant(double value) => new ConstantInitializer(value);

    /// <summary>These numbers, row-major, as many as the shape has elements: <c>new State([2, 2], Init.Values([0.5, 0, 0, 0.5]))</c>. They become part of the assembly, so there are at most 16,384.</summary>
    public static Initializer Values(double[] values) => new ListedInitializer(values);

    /// <inheritdoc cref="Values(double[])"/>
    public static Initializer Values(float[] values) => new ListedInitializer([.. values.Select(v => (double)v)]);

    /// <summary>Normal with mean 0 (or <paramref name="mean"/>).</summary>
    public static Initializer Normal(double std, double mean = 0) => new NormalInitializer(mean, std);

    /// <summary>Uniform in [−<paramref name="bound"/>, <paramref name="bound"/>).</summary>
    public static Initializer Uniform(double bound) => new UniformInitializer(-bound, bound);

    /// <summary>Uniform in ±<c>gain · √(3 / fan_in)</c>. He et al., "Delving Deep into Rectifiers", ICCV 2015.</summary>
    public static Initializer KaimingUniform(double gain = ReluGain, Fan fan = Fan.Inputs) => new ScaledInitializer(gain, fan, IsNormal: false);

    /// <summary>Normal with standard deviation <c>gain / √fan_in</c>. He et al., "Delving Deep into Rectifiers", ICCV 2015.</summary>
    public static Initializer KaimingNormal(double gain = ReluGain, Fan fan = Fan.Inputs) => new ScaledInitializer(gain, fan, IsNormal: true);

    /// <summary>Uniform in ±<c>gain · √(6 / (fan_in + fan_out))</c>. Glorot and Bengio, AISTATS 2010.</summary>
    public static Initializer XavierUniform(double gain = 1) => new ScaledInitializer(gain, Fan.Average, IsNormal: false);

    /// <summary>Normal with standard deviation <c>gain · √(2 / (fan_in + fan_out))</c>. Glorot and Bengio, AISTATS 2010.</summary>
    public static Initializer XavierNormal(double gain = 1) => new ScaledInitializer(gain, Fan.Average, IsNormal: true);
}
