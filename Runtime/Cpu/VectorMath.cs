using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Elementary functions on float32 vectors of every width and on scalars. A lane's bits depend on its own argument only, not on the width and not on its
/// neighbours. NaN in gives NaN out; infinities and denormals are as in IEEE 754. The polynomials are minimax fits, their coefficients rounded one by one.
/// </summary>
/// <remarks>Multiply-adds are fused where the processor can, so processors without it may differ in the last bit.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static partial class VectorMath
{
    const float Log2E = 1.44269504f, TwoOverPi = 0.636619772f;

    // ln 2 = 0x1.62e4p-1 + 1.4286…e-6: the product of the first with a small integer is exact.
    const float Ln2High = 0.693145752f, Ln2Low = 1.42860677e-06f;

    // Adding 1.5·2^23 rounds to an integer and leaves it in the low bits.
    const float Magic = 12582912f;
    const int MagicBits = 0x4B400000;

    const float SmallestNormal = 1.17549435e-38f;
    const int SqrtHalfBits = 0x3F3504F3;
    const long SqrtHalfBits64 = 0x3FE6A09E667F3BCD;

    // π/2 in pieces of 8, 11, 11 and 24 bits.
    const float HalfPi1 = 1.5703125f, HalfPi2 = 0.0004837512969970703f, HalfPi3 = 7.549533620476723e-08f, HalfPi4 = 2.56334407e-12f;
    const float LargestReduced = 8192f;

    /// <inheritdoc cref="Exp(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Exp(float x) => Exp(Vector128.Create(x)).ToScalar();

    /// <inheritdoc cref="Log(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Log(float x) => Log(Vector128.Create(x)).ToScalar();

    /// <inheritdoc cref="Tanh(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Tanh(float x) => Tanh(Vector128.Create(x)).ToScalar();

    /// <inheritdoc cref="Sigmoid(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sigmoid(float x) => Sigmoid(Vector128.Create(x)).ToScalar();

    /// <inheritdoc cref="Erf(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Erf(float x) => Erf(Vector128.Create(x)).ToScalar();

    /// <inheritdoc cref="Sin(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sin(float x) => Sin(Vector128.Create(x)).ToScalar();

    /// <inheritdoc cref="Cos(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Cos(float x) => Cos(Vector128.Create(x)).ToScalar();

    /// <inheritdoc cref="Atan(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Atan(float x) => Atan(Vector128.Create(x)).ToScalar();

    /// <inheritdoc cref="Rsqrt(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Rsqrt(float x) => Rsqrt(Vector128.Create(x)).ToScalar();

    /// <inheritdoc cref="Pow(Vector128{float}, Vector128{float})"/>
    public static float Pow(float x, float y) => Pow(Vector128.Create(x), Vector128.Create(y)).ToScalar();
}
