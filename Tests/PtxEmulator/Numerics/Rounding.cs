using System;

namespace Graph.PtxEmulator;

/// <summary>Where a result that is not representable goes: to the nearest (ties to even), towards zero, down, up.</summary>
public enum Rounding { Nearest, Zero, Down, Up }

interface IRounding { static abstract Rounding Mode { get; } }
struct Rn : IRounding { public static Rounding Mode => Rounding.Nearest; }
struct Rz : IRounding { public static Rounding Mode => Rounding.Zero; }
struct Rm : IRounding { public static Rounding Mode => Rounding.Down; }
struct Rp : IRounding { public static Rounding Mode => Rounding.Up; }

static class Roundings
{
    public static Rounding Of(string modifier) => modifier switch
    {
        "rn" or "rni" => Rounding.Nearest,
        "rz" or "rzi" => Rounding.Zero,
        "rm" or "rmi" => Rounding.Down,
        "rp" or "rpi" => Rounding.Up,
        _ => throw new ArgumentOutOfRangeException(nameof(modifier), modifier, null),
    };

    public static Type TypeOf(string modifier) => Of(modifier) switch { Rounding.Zero => typeof(Rz), Rounding.Down => typeof(Rm), Rounding.Up => typeof(Rp), _ => typeof(Rn) };

    /// <summary>A float's integer part by a mode.</summary>
    public static double ToInteger(double x, Rounding mode) => mode switch
    {
        Rounding.Zero => Math.Truncate(x),
        Rounding.Down => Math.Floor(x),
        Rounding.Up => Math.Ceiling(x),
        _ => Math.Round(x, MidpointRounding.ToEven),
    };
}

/// <summary>
/// Results in double rounded to odd: if not exact, the neighbour whose last bit is 1. Rounding such a value again to at most 51 bits gives what rounding the exact one would have,
/// in every mode, so that narrower formats need no arithmetic of their own.
/// </summary>
static class RoundToOdd
{
    /// <summary>a + b, by Knuth's two-sum; neither overflows in the formats it is used for.</summary>
    public static double Add(double a, double b)
    {
        var sum = a + b;
        if (!double.IsFinite(sum)) return sum;
        var of = sum - a;
        var error = (a - (sum - of)) + (b - of);
        return Odd(sum, error);
    }

    /// <summary>a / b of values with at most 24 bits.</summary>
    public static double Divide(double a, double b)
    {
        var quotient = a / b;
        if (!double.IsFinite(quotient) || double.IsInfinity(b) || quotient == 0) return quotient;
        var rest = Math.FusedMultiplyAdd(-quotient, b, a);
        return Odd(quotient, rest == 0 ? 0 : double.IsNegative(b) ? -rest : rest);
    }

    /// <summary>The root of a value with at most 24 bits.</summary>
    public static double Sqrt(double a)
    {
        var root = Math.Sqrt(a);
        return double.IsFinite(root) && root != 0 ? Odd(root, Math.FusedMultiplyAdd(-root, root, a)) : root;
    }

    /// <summary>An integer of 64 bits and a sign.</summary>
    public static double FromInteger(ulong magnitude, bool negative)
    {
        var value = magnitude < 1UL << 53 ? magnitude : (double)(magnitude >> 11 | ((magnitude & 0x7FF) != 0 ? 1UL : 0)) * 2048;
        return negative ? -value : value;
    }

    static double Odd(double nearest, double error)
    {
        if (error == 0 || (BitConverter.DoubleToInt64Bits(nearest) & 1) != 0) return nearest;
        return error > 0 ? Math.BitIncrement(nearest) : Math.BitDecrement(nearest);
    }
}
