using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

// Loads and stores of generated kernels: as many numbers as a vector has floats, half as wide in memory.
public static unsafe partial class NarrowFloats
{
    /// <summary>float16 numbers that lie behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadHalf512(ushort* p) => FromHalf(Words512(p));

    /// <summary>float16 numbers that lie behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadHalf256(ushort* p) => FromHalf(Words256(p));

    /// <summary>float16 numbers that lie behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadHalf128(ushort* p) => FromHalf(Words128(p));

    /// <summary>float16 numbers that lie <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GatherHalf512(ushort* p, long stride) => FromHalf(Words512(p, stride));

    /// <summary>float16 numbers that lie <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> GatherHalf256(ushort* p, long stride) => FromHalf(Words256(p, stride));

    /// <summary>float16 numbers that lie <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> GatherHalf128(ushort* p, long stride) => FromHalf(Words128(p, stride));

    /// <summary>Stores the nearest float16 numbers behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(Vector512<float> x, ushort* p) => Put(ToHalf(x), p);

    /// <summary>Stores the nearest float16 numbers behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(Vector256<float> x, ushort* p) => Put(ToHalf(x), p);

    /// <summary>Stores the nearest float16 numbers behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(Vector128<float> x, ushort* p) => Put(ToHalf(x), p);

    /// <summary>Stores the nearest float16 numbers <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterHalf(Vector512<float> x, ushort* p, long stride) => Put(ToHalf(x), p, stride);

    /// <summary>Stores the nearest float16 numbers <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterHalf(Vector256<float> x, ushort* p, long stride) => Put(ToHalf(x), p, stride);

    /// <summary>Stores the nearest float16 numbers <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterHalf(Vector128<float> x, ushort* p, long stride) => Put(ToHalf(x), p, stride);

    /// <summary>bfloat16 numbers that lie behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadBFloat16512(ushort* p) => FromBFloat16(Words512(p));

    /// <summary>bfloat16 numbers that lie behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadBFloat16256(ushort* p) => FromBFloat16(Words256(p));

    /// <summary>bfloat16 numbers that lie behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadBFloat16128(ushort* p) => FromBFloat16(Words128(p));

    /// <summary>bfloat16 numbers that lie <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GatherBFloat16512(ushort* p, long stride) => FromBFloat16(Words512(p, stride));

    /// <summary>bfloat16 numbers that lie <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> GatherBFloat16256(ushort* p, long stride) => FromBFloat16(Words256(p, stride));

    /// <summary>bfloat16 numbers that lie <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> GatherBFloat16128(ushort* p, long stride) => FromBFloat16(Words128(p, stride));

    /// <summary>Stores the nearest bfloat16 numbers behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(Vector512<float> x, ushort* p) => Put(ToBFloat16(x), p);

    /// <summary>Stores the nearest bfloat16 numbers behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(Vector256<float> x, ushort* p) => Put(ToBFloat16(x), p);

    /// <summary>Stores the nearest bfloat16 numbers behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(Vector128<float> x, ushort* p) => Put(ToBFloat16(x), p);

    /// <summary>Stores the nearest bfloat16 numbers <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterBFloat16(Vector512<float> x, ushort* p, long stride) => Put(ToBFloat16(x), p, stride);

    /// <summary>Stores the nearest bfloat16 numbers <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterBFloat16(Vector256<float> x, ushort* p, long stride) => Put(ToBFloat16(x), p, stride);

    /// <summary>Stores the nearest bfloat16 numbers <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterBFloat16(Vector128<float> x, ushort* p, long stride) => Put(ToBFloat16(x), p, stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<uint> Words512(ushort* p) => Vector512.WidenLower(Vector256.Load(p).ToVector512Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<uint> Words256(ushort* p) => Vector256.WidenLower(Vector128.Load(p).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> Words128(ushort* p) => Vector128.WidenLower(Vector64.Load(p).ToVector128Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<uint> Words512(ushort* p, long stride) => Vector512.Create(Words256(p, stride), Words256(p + 8 * stride, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<uint> Words256(ushort* p, long stride) => Vector256.Create(Words128(p, stride), Words128(p + 4 * stride, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> Words128(ushort* p, long stride) => Vector128.Create((uint)p[0], p[stride], p[2 * stride], p[3 * stride]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector512<uint> x, ushort* p) => (Avx512F.IsSupported ? Avx512F.ConvertToVector256UInt16(x) : Vector256.Narrow(x.GetLower(), x.GetUpper())).Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector256<uint> x, ushort* p) => (Avx512F.VL.IsSupported ? Avx512F.VL.ConvertToVector128UInt16(x) : Vector128.Narrow(x.GetLower(), x.GetUpper())).Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector128<uint> x, ushort* p) => Vector128.Narrow(x, x).GetLower().Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector512<uint> x, ushort* p, long stride)
    {
        Put(x.GetLower(), p, stride);
        Put(x.GetUpper(), p + 8 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector256<uint> x, ushort* p, long stride)
    {
        Put(x.GetLower(), p, stride);
        Put(x.GetUpper(), p + 4 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector128<uint> x, ushort* p, long stride)
    {
        p[0] = (ushort)x.ToScalar();
        p[stride] = (ushort)x.GetElement(1);
        p[2 * stride] = (ushort)x.GetElement(2);
        p[3 * stride] = (ushort)x.GetElement(3);
    }
}
