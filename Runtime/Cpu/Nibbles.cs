using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Threading;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Integers of 4 bits, two in a byte, the earlier one in the lower half. They have no address of their own: a place is twice the address of its byte, and one more for the upper half, so that strides count
/// elements here as everywhere.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Nibbles
{
    /// <summary>The place of the first element of a byte.</summary>
    public static nint PlaceOf(void* address) => (nint)address << 1;

    static byte* Byte(long place) => (byte*)(nint)(place >> 1);

    /// <summary>The element at a place: −8 to 7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Load(long place) => *Byte(place) << 28 - 4 * ((int)place & 1) >> 28;

    /// <summary>Writes the lowest 4 bits of a number. Another thread may write the other half of the byte at the same time.</summary>
    public static void Store(long place, int value)
    {
        ref var at = ref *Byte(place);
        var shift = 4 * ((int)place & 1);
        for (var before = Volatile.Read(ref at); ;)
        {
            var after = (byte)((before & ~(15 << shift)) | ((value & 15) << shift));
            var found = Interlocked.CompareExchange(ref at, after, before);
            if (found == before) return;
            before = found;
        }
    }

    /// <summary>As many elements as there are lanes, from a place on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load512(long place)
    {
        var p = Byte(place);
        // Of an odd place the bytes are half of nine.
        var bits = (place & 1) == 0 ? Unsafe.ReadUnaligned<ulong>(p) : Unsafe.ReadUnaligned<ulong>(p) >> 4 | (ulong)p[8] << 60;
        var bytes = Spread(bits);
        return Vector512.Create(Widen(bytes), Widen(Vector128.CreateScalar(bytes.AsInt64().GetElement(1)).AsSByte()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load256(long place)
    {
        var p = Byte(place);
        return Widen(Spread((place & 1) == 0 ? Unsafe.ReadUnaligned<uint>(p) : Unsafe.ReadUnaligned<uint>(p) >> 4 | (uint)p[4] << 28));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Load128(long place)
    {
        var p = Byte(place);
        var bits = (place & 1) == 0 ? Unsafe.ReadUnaligned<ushort>(p) : Unsafe.ReadUnaligned<ushort>(p) >> 4 | p[2] << 12;
        return Vector128.WidenLower(Vector128.WidenLower(Spread((ulong)bits & 0xFFFF)));
    }

    // 16 numbers of 4 bits as numbers of 8 bits, in order.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<sbyte> Spread(ulong bits)
    {
        var pairs = Vector128.WidenLower(Vector128.CreateScalar(bits).AsByte());
        var halves = ((pairs | pairs << 4) & Vector128.Create((ushort)0x0F0F)).AsSByte();
        var sign = Vector128.Create((sbyte)8);
        return (halves ^ sign) - sign;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Widen(Vector128<sbyte> bytes) => Vector256.WidenLower(Vector128.WidenLower(bytes).ToVector256Unsafe());

    /// <summary>Writes the lowest 4 bits of each lane, from a place on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> x, long place)
    {
        Store(x.GetLower(), place);
        Store(x.GetUpper(), place + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> x, long place)
    {
        Store(x.GetLower(), place);
        Store(x.GetUpper(), place + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<int> x, long place)
    {
        if ((place & 1) != 0)
        {
            for (var i = 0; i < 4; i++) Store(place + i, x.GetElement(i));
            return;
        }
        // Whole bytes: no other thread has a part in them.
        var pairs = (x & Vector128.Create(15)).AsInt64();
        pairs |= pairs >> 28;
        *(Byte(place)) = (byte)pairs.GetElement(0);
        *(Byte(place) + 1) = (byte)pairs.GetElement(1);
    }
}
