namespace Graph;

/// <summary>A generation of NVIDIA's cards, by what they are called: kernels run on all of them, and how many run at once depends on it.</summary>
public enum Sm
{
    /// <summary>Volta, of compute capability 7.0.</summary>
    V100 = 70,

    /// <summary>Turing, 7.5: also the GeForce 20 series.</summary>
    T4 = 75,

    /// <summary>Ampere, 8.0.</summary>
    A100 = 80,

    /// <summary>Ampere, 8.6: also the GeForce 30 series.</summary>
    A10 = 86,

    /// <summary>Ada, 8.9: also the GeForce 40 series.</summary>
    L4 = 89,

    /// <summary>Hopper, 9.0.</summary>
    H100 = 90,
}
