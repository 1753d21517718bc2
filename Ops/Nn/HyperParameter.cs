using System;

namespace Graph.Nn;

/// <summary>Checks of hyper-parameters: while a model is compiled they become errors where the layer or optimizer is made.</summary>
[Module]
static partial class HyperParameter
{
    /// <summary>The value if <c>least ≤ value &lt; bound</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not, or is not a number.</exception>
    public static double Within(string name, double value, double least, double bound) => value >= least && value < bound ? value
        : throw new ArgumentOutOfRangeException(name, $"{name} is {value}, expected {least} ≤ {name} < {bound}.");

    /// <summary>The value if it is at least <paramref name="least"/> and finite.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static double AtLeast(string name, double value, double least) => value >= least && value < double.PositiveInfinity ? value
        : throw new ArgumentOutOfRangeException(name, $"{name} is {value}, expected a number of at least {least}.");
}
