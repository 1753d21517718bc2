using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

// 8-bit integers between memory and lanes of 32 bits. Stores keep the lowest bits of each lane, as arithmetic in the type wraps around.
public static unsafe partial class Lanes
{
    /// <summary>8-bit integers as 32-bit ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Bytes512(sbyte* p) => Vector512.Create(Bytes256(p), Bytes256(p + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Bytes256(sbyte* p) => Widen256(Vector64.Load(p).ToVector128());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Bytes128(sbyte* p) => Widen128(Vector128.CreateScalar(Unsafe.ReadUnaligned<int>(p)).AsSByte());

    /// <summary>8-bit integers without a sign as 32-bit ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Bytes512(byte* p) => Vector512.Create(Bytes256(p), Bytes256(p + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Bytes256(byte* p) => Vector256.WidenLower(Vector128.WidenLower(Vector64.Load(p).ToVector128()).ToVector256Unsafe()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Bytes128(byte* p) => Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>(p)).AsByte())).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Widen256(Vector128<sbyte> bytes) => Vector256.WidenLower(Vector128.WidenLower(bytes).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Widen128(Vector128<sbyte> bytes) => Vector128.WidenLower(Vector128.WidenLower(bytes));

    /// <summary>The lowest 8 bits of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Vector512<int> x, void* p)
    {
        StoreBytes(x.GetLower(), p);
        StoreBytes(x.GetUpper(), (byte*)p + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Vector256<int> x, void* p)
    {
        var words = Vector128.Narrow(x.GetLower(), x.GetUpper());
        Unsafe.WriteUnaligned(p, Vector128.Narrow(words, words).AsInt64().ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Vector128<int> x, void* p)
    {
        var words = Vector128.Narrow(x, x);
        Unsafe.WriteUnaligned(p, Vector128.Narrow(words, words).AsInt32().ToScalar());
    }
}
