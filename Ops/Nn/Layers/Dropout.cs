namespace Graph.Nn;

/// <summary>While training, zeroes each element with probability <paramref name="rate"/> and scales the others by 1 / (1 − rate); else x itself.</summary>
/// <remarks>Srivastava et al., JMLR 2014.</remarks>
/// <param name="rate">The probability of a zero, below 1.</param>
[Module]
public sealed partial class Dropout(double rate = 0.5) : ILayer
{
    /// <summary>Shape of x.</summary>
    public Tensor Forward(Tensor x) => x.Dropout(rate);
}
