using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

// The source of every width: the build writes those of 256 and 512 bits from it, so a number has the same bits whatever vector it lies in.
static partial class NormalQuantile
{
    /// <summary>The quantile of p from <paramref name="q"/> = p − ½, where that is within ± <see cref="Middle"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Inner(Vector128<double> q)
    {
        var s = Vector128.Create(0.180625) - q * q;
        var a = Vector128.Create(2509.0809287301226727) * s + Vector128.Create(33430.575583588128105);
        var b = Vector128.Create(5226.495278852854561) * s + Vector128.Create(28729.085735721942674);
        a = a * s + Vector128.Create(67265.770927008700853);
        b = b * s + Vector128.Create(39307.89580009271061);
        a = a * s + Vector128.Create(45921.953931549871457);
        b = b * s + Vector128.Create(21213.794301586595867);
        a = a * s + Vector128.Create(13731.693765509461125);
        b = b * s + Vector128.Create(5394.1960214247511077);
        a = a * s + Vector128.Create(1971.5909503065514427);
        b = b * s + Vector128.Create(687.1870074920579083);
        a = a * s + Vector128.Create(133.14166789178437745);
        b = b * s + Vector128.Create(42.313330701600911252);
        a = a * s + Vector128.Create(3.387132872796366608);
        b = b * s + Vector128<double>.One;
        return q * a / b;
    }

    /// <summary>The quantile of p, where p − ½ is beyond ± <see cref="Middle"/> and p at least 1.4e-11 away from 0 and 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Outer(Vector128<double> p)
    {
        var upper = Vector128.GreaterThanOrEqual(p - Vector128.Create(0.5), Vector128<double>.Zero);
        var r = Vector128.Sqrt(-Log(Vector128.ConditionalSelect(upper, Vector128<double>.One - p, p))) - Vector128.Create(1.6);
        var a = Vector128.Create(7.7454501427834140764e-4) * r + Vector128.Create(0.0227238449892691845833);
        var b = Vector128.Create(1.05075007164441684324e-9) * r + Vector128.Create(5.475938084995344946e-4);
        a = a * r + Vector128.Create(0.24178072517745061177);
        b = b * r + Vector128.Create(0.0151986665636164571966);
        a = a * r + Vector128.Create(1.27045825245236838258);
        b = b * r + Vector128.Create(0.14810397642748007459);
        a = a * r + Vector128.Create(3.64784832476320460504);
        b = b * r + Vector128.Create(0.68976733498510000455);
        a = a * r + Vector128.Create(5.7694972214606914055);
        b = b * r + Vector128.Create(1.67638483018380384940);
        a = a * r + Vector128.Create(4.6303378461565452959);
        b = b * r + Vector128.Create(2.05319162663775882187);
        a = a * r + Vector128.Create(1.42343711074968357734);
        b = b * r + Vector128<double>.One;
        var x = a / b;
        return Vector128.ConditionalSelect(upper, x, -x);
    }

    /// <summary>The natural logarithm of a normal number: exponent · ln 2 plus 2·artanh((m−1)/(m+1)) of a mantissa in [√½, √2) by its series.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<double> Log(Vector128<double> value)
    {
        var bits = value.AsUInt64();
        // The exponent as a double: 2⁵² with it in the low bits, less 2⁵².
        var exponent = ((bits >>> 52) | Vector128.Create(0x4330000000000000UL)).AsDouble() - Vector128.Create(4503599627370496.0 + 1022);
        var mantissa = ((bits & Vector128.Create(0xFFFFFFFFFFFFFUL)) | Vector128.Create(1022UL << 52)).AsDouble(); // in [½, 1)
        var small = Vector128.LessThan(mantissa, Vector128.Create(0.70710678118654752440));
        mantissa = Vector128.ConditionalSelect(small, mantissa + mantissa, mantissa);
        exponent -= small & Vector128<double>.One;
        var z = (mantissa - Vector128<double>.One) / (mantissa + Vector128<double>.One);
        var square = z * z;
        var sum = Vector128.Create(1.0 / 21);
        sum = sum * square + Vector128.Create(1.0 / 19);
        sum = sum * square + Vector128.Create(1.0 / 17);
        sum = sum * square + Vector128.Create(1.0 / 15);
        sum = sum * square + Vector128.Create(1.0 / 13);
        sum = sum * square + Vector128.Create(1.0 / 11);
        sum = sum * square + Vector128.Create(1.0 / 9);
        sum = sum * square + Vector128.Create(1.0 / 7);
        sum = sum * square + Vector128.Create(1.0 / 5);
        sum = sum * square + Vector128.Create(1.0 / 3);
        sum = sum * square + Vector128<double>.One;
        return exponent * Vector128.Create(0.69314718055994530942) + Vector128.Create(2.0) * z * sum;
    }
}
