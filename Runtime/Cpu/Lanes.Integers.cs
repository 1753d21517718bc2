using System;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

// Scalar functions whose C# operators do something else, or throw, at the edges.
public static unsafe partial class Lanes
{
    /// <summary>The absolute value; the smallest integer, which has no opposite, stays what it is, as in every vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Abs(int x) => x < 0 ? unchecked(-x) : x;

    /// <inheritdoc cref="Abs(int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Abs(long x) => x < 0 ? unchecked(-x) : x;

    /// <summary>a − b·⌊a / b⌋: the remainder with the sign of <paramref name="b"/>.</summary>
    /// <exception cref="DivideByZeroException"><paramref name="b"/> is 0.</exception>
    public static int Remainder(int a, int b) => (int)Remainder((long)a, b);

    /// <inheritdoc cref="Remainder(int, int)"/>
    public static long Remainder(long a, long b)
    {
        // The processor traps at the smallest integer by −1.
        if (b == -1) return 0;
        if (b == 0) throw new DivideByZeroException($"The remainder of {a} by 0: % of integers needs divisors that are not 0.");
        var rest = a % b;
        return rest != 0 && (rest ^ b) < 0 ? rest + b : rest;
    }

    /// <summary>a − b·⌊a / b⌋: the remainder with the sign of <paramref name="b"/>; not a number where <paramref name="b"/> is 0 or <paramref name="a"/> is infinite.</summary>
    public static float Remainder(float a, float b)
    {
        var rest = a % b;
        return rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
    }

    /// <inheritdoc cref="Remainder(float, float)"/>
    public static double Remainder(double a, double b)
    {
        var rest = a % b;
        return rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
    }
}
