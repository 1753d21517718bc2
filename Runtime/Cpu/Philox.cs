using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Scalar = Graph.Compiler.Ir.Philox;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Vectors of consecutive elements of the streams that <see cref="Scalar"/> defines, with the same bits. A block's four words lie in one 128-bit lane, so that a round is
/// one widening product of the even words and two shuffles.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Philox
{
    const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57, Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    const int Rounds = 10;
    const float Unit = 1f / (1 << 24);

    /// <summary>The stream of an iteration.</summary>
    public static ulong Stream(long stream, long iteration) => Scalar.Stream(stream, iteration);

    /// <summary>Element <paramref name="element"/> of a stream, in [0, 1).</summary>
    public static float Uniform(ulong seed, ulong stream, long element) => Scalar.Uniform(seed, stream, (ulong)element);

    /// <summary>Elements [element, element + 4) of a stream; fastest when element is a multiple of 4.</summary>
    public static Vector128<float> Uniform128(ulong seed, ulong stream, long element)
    {
        if ((element & 3) == 0) return ToUnit(Blocks128(seed, stream, (ulong)element >> 2));
        uint* words = stackalloc uint[8];
        ulong block = (ulong)element >> 2;
        Blocks128(seed, stream, block).Store(words);
        Blocks128(seed, stream, block + 1).Store(words + 4);
        return ToUnit(Vector128.Load(words + (element & 3)));
    }

    /// <summary>Elements [element, element + 8) of a stream; fastest when element is a multiple of 4.</summary>
    public static Vector256<float> Uniform256(ulong seed, ulong stream, long element)
    {
        if ((element & 3) == 0) return ToUnit(Blocks256(seed, stream, (ulong)element >> 2));
        uint* words = stackalloc uint[16];
        ulong block = (ulong)element >> 2;
        Blocks256(seed, stream, block).Store(words);
        Blocks256(seed, stream, block + 2).Store(words + 8);
        return ToUnit(Vector256.Load(words + (element & 3)));
    }

    /// <summary>Elements [element, element + 16) of a stream; fastest when element is a multiple of 4.</summary>
    public static Vector512<float> Uniform512(ulong seed, ulong stream, long element)
    {
        if ((element & 3) == 0) return ToUnit(Blocks512(seed, stream, (ulong)element >> 2));
        uint* words = stackalloc uint[32];
        ulong block = (ulong)element >> 2;
        Blocks512(seed, stream, block).Store(words);
        Blocks512(seed, stream, block + 4).Store(words + 16);
        return ToUnit(Vector512.Load(words + (element & 3)));
    }

    /// <summary>Writes elements [first, first + count) of a stream.</summary>
    public static void Fill(float* destination, ulong seed, ulong stream, long first, long count)
    {
        long i = 0;
        for (; i < count && (first + i & 3) != 0; i++) destination[i] = Uniform(seed, stream, first + i);
        if (Avx512F.IsSupported)
        {
            for (; i + 16 <= count; i += 16) Uniform512(seed, stream, first + i).Store(destination + i);
        }
        if (Avx2.IsSupported)
        {
            for (; i + 8 <= count; i += 8) Uniform256(seed, stream, first + i).Store(destination + i);
        }
        for (; i + 4 <= count; i += 4) Uniform128(seed, stream, first + i).Store(destination + i);
        for (; i < count; i++) destination[i] = Uniform(seed, stream, first + i);
    }

    /// <summary>Writes words [first, first + count) of a stream.</summary>
    /// <param name="first">A multiple of 4.</param>
    /// <param name="count">A multiple of 16.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Words(uint* destination, ulong seed, ulong stream, long first, int count)
    {
        var block = (ulong)first >> 2;
        if (Avx512F.IsSupported)
        {
            for (int i = 0; i < count; i += 16) Blocks512(seed, stream, block + (ulong)i / 4).Store(destination + i);
        }
        else if (Avx2.IsSupported)
        {
            for (int i = 0; i < count; i += 8) Blocks256(seed, stream, block + (ulong)i / 4).Store(destination + i);
        }
        else
        {
            for (int i = 0; i < count; i += 4) Blocks128(seed, stream, block + (ulong)i / 4).Store(destination + i);
        }
    }

    static Vector128<float> ToUnit(Vector128<uint> x) => Vector128.ConvertToSingle((x >>> 8).AsInt32()) * Vector128.Create(Unit);

    static Vector256<float> ToUnit(Vector256<uint> x) => Vector256.ConvertToSingle((x >>> 8).AsInt32()) * Vector256.Create(Unit);

    static Vector512<float> ToUnit(Vector512<uint> x) => Vector512.ConvertToSingle((x >>> 8).AsInt32()) * Vector512.Create(Unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> Blocks128(ulong seed, ulong stream, ulong block)
    {
        var x = Vector128.Create(block, stream).AsUInt32();
        // The round keys sit where the high halves of the products land: words 0 and 2.
        var k = Vector128.Create((uint)seed, 0, (uint)(seed >> 32), 0);
        var weyl = Vector128.Create(Weyl0, 0, Weyl1, 0);
        var multiplier = Vector128.Create(Multiplier0, 0, Multiplier1, 0);
        for (int round = 0; round < Rounds; round++)
        {
            var product = Product(x, multiplier).AsUInt32();
            x = Vector128.Shuffle(product, Vector128.Create(3u, 2, 1, 0)) ^ (x.AsUInt64() >>> 32).AsUInt32() ^ k;
            k += weyl;
        }
        return x;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<ulong> Product(Vector128<uint> x, Vector128<uint> y)
    {
        if (Sse2.IsSupported) return Sse2.Multiply(x, y);
        if (AdvSimd.IsSupported) return AdvSimd.MultiplyWideningLower(AdvSimd.ExtractNarrowingLower(x.AsUInt64()), AdvSimd.ExtractNarrowingLower(y.AsUInt64()));
        return Vector128.Create((ulong)x[0] * y[0], (ulong)x[2] * y[2]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<uint> Blocks256(ulong seed, ulong stream, ulong block)
    {
        if (!Avx2.IsSupported) return Vector256.Create(Blocks128(seed, stream, block), Blocks128(seed, stream, block + 1));
        var x = Vector256.Create(block, stream, block + 1, stream).AsUInt32();
        var k = Vector256.Create(Vector128.Create((uint)seed, 0, (uint)(seed >> 32), 0));
        var weyl = Vector256.Create(Vector128.Create(Weyl0, 0, Weyl1, 0));
        var multiplier = Vector256.Create(Vector128.Create(Multiplier0, 0, Multiplier1, 0));
        for (int round = 0; round < Rounds; round++)
        {
            x = Avx2.Shuffle(Avx2.Multiply(x, multiplier).AsUInt32(), 0x1B) ^ (x.AsUInt64() >>> 32).AsUInt32() ^ k;
            k += weyl;
        }
        return x;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<uint> Blocks512(ulong seed, ulong stream, ulong block)
    {
        if (!Avx512F.IsSupported) return Vector512.Create(Blocks256(seed, stream, block), Blocks256(seed, stream, block + 2));
        var x = Vector512.Create(block, stream, block + 1, stream, block + 2, stream, block + 3, stream).AsUInt32();
        var k = Vector512.Create(Vector128.Create((uint)seed, 0, (uint)(seed >> 32), 0));
        var weyl = Vector512.Create(Vector128.Create(Weyl0, 0, Weyl1, 0));
        var multiplier = Vector512.Create(Vector128.Create(Multiplier0, 0, Multiplier1, 0));
        for (int round = 0; round < Rounds; round++)
        {
            x = Avx512F.Shuffle(Avx512F.Multiply(x, multiplier).AsUInt32(), 0x1B) ^ (x.AsUInt64() >>> 32).AsUInt32() ^ k;
            k += weyl;
        }
        return x;
    }
}
