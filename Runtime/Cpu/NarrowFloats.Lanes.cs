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

    /// <summary>Stores numbers that float16 holds behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreExactHalf(Vector512<float> x, ushort* p) => Put(ToExactHalf(x), p);

    /// <summary>Stores numbers that float16 holds behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreExactHalf(Vector256<float> x, ushort* p) => Put(ToExactHalf(x), p);

    /// <summary>Stores numbers that float16 holds behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreExactHalf(Vector128<float> x, ushort* p) => Put(ToExactHalf(x), p);

    /// <summary>Stores numbers that float16 holds <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterExactHalf(Vector512<float> x, ushort* p, long stride) => Put(ToExactHalf(x), p, stride);

    /// <summary>Stores numbers that float16 holds <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterExactHalf(Vector256<float> x, ushort* p, long stride) => Put(ToExactHalf(x), p, stride);

    /// <summary>Stores numbers that float16 holds <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterExactHalf(Vector128<float> x, ushort* p, long stride) => Put(ToExactHalf(x), p, stride);

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

    /// <summary>Stores numbers that bfloat16 holds behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreExactBFloat16(Vector512<float> x, ushort* p) => Put(ToExactBFloat16(x), p);

    /// <summary>Stores numbers that bfloat16 holds behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreExactBFloat16(Vector256<float> x, ushort* p) => Put(ToExactBFloat16(x), p);

    /// <summary>Stores numbers that bfloat16 holds behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreExactBFloat16(Vector128<float> x, ushort* p) => Put(ToExactBFloat16(x), p);

    /// <summary>Stores numbers that bfloat16 holds <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterExactBFloat16(Vector512<float> x, ushort* p, long stride) => Put(ToExactBFloat16(x), p, stride);

    /// <summary>Stores numbers that bfloat16 holds <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterExactBFloat16(Vector256<float> x, ushort* p, long stride) => Put(ToExactBFloat16(x), p, stride);

    /// <summary>Stores numbers that bfloat16 holds <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterExactBFloat16(Vector128<float> x, ushort* p, long stride) => Put(ToExactBFloat16(x), p, stride);

    // Words that lie in memory, with the upper bit of each in all bits above: for a bfloat16 number these are shifted out.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<int> Words512(ushort* p) => Avx512F.IsSupported ? Avx512F.ConvertToVector512Int32(Vector256.Load((short*)p)) : Vector512.WidenLower(Vector256.Load((short*)p).ToVector512Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Words256(ushort* p) => Avx2.IsSupported ? Avx2.ConvertToVector256Int32((short*)p) : Vector256.WidenLower(Vector128.Load((short*)p).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Words128(ushort* p) => Vector128.WidenLower(Vector64.Load((short*)p).ToVector128Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<int> Words512(ushort* p, long stride) => Vector512.Create(Words256(p, stride), Words256(p + 8 * stride, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Words256(ushort* p, long stride) => Vector256.Create(Words128(p, stride), Words128(p + 4 * stride, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Words128(ushort* p, long stride) => Vector128.Create((int)(short)p[0], (short)p[stride], (short)p[2 * stride], (short)p[3 * stride]);

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
