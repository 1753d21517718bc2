using System;

namespace Graph.Nn;

/// <summary>What averages that begin at 0 lack.</summary>
[Module]
static partial class BiasCorrection
{
    /// <summary><c>1 − βᵗ</c>, what an average that began at 0 lacks after t steps. In this form because 1 − 0.999 has lost four digits in 32 bits.</summary>
    public static Tensor Of(double beta, Tensor step) => -(step * Math.Log(beta)).Expm1();

    /// <summary>The length of a parameter over that of its change; 1 where either is 0.</summary>
    public static Tensor TrustRatio(Tensor value, Tensor change)
    {
        var (length, of) = (value.Norm(), change.Norm());
        return Tensor.Where((length > 0) * (of > 0), length / of, 1);
    }
}
