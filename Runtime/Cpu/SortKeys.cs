using System;

namespace Graph.Runtime.Cpu;

/// <summary>Elements as unsigned integers in the same order: equal elements have equal keys, 0 and −0 among them, and so has everything that is not a number, which comes last.</summary>
/// <typeparam name="T">The elements as they lie in memory.</typeparam>
/// <typeparam name="TKey">The keys.</typeparam>
interface ISortKey<T, TKey>
{
    static abstract TKey Of(T value);
}

readonly struct Float64Key : ISortKey<double, ulong>
{
    public static ulong Of(double value)
    {
        if (double.IsNaN(value)) return ulong.MaxValue;
        var bits = BitConverter.DoubleToInt64Bits(value + 0.0); // −0 + 0 is 0
        return (ulong)(bits ^ (bits >> 63 | long.MinValue));
    }
}

readonly struct Float32Key : ISortKey<float, uint>
{
    public static uint Of(float value)
    {
        if (float.IsNaN(value)) return uint.MaxValue;
        var bits = BitConverter.SingleToInt32Bits(value + 0f);
        return (uint)(bits ^ (bits >> 31 | int.MinValue));
    }
}

readonly struct Float16Key : ISortKey<ushort, ushort>
{
    public static ushort Of(ushort bits) => Narrow(bits, infinity: 0x7C00);

    /// <summary>Sign and magnitude to an order.</summary>
    public static ushort Narrow(ushort bits, int infinity)
    {
        var magnitude = bits & 0x7FFF;
        if (magnitude > infinity) return ushort.MaxValue;
        return (ushort)(magnitude == 0 ? 0x8000 : bits > magnitude ? ~bits : bits | 0x8000);
    }
}

readonly struct BFloat16Key : ISortKey<ushort, ushort>
{
    public static ushort Of(ushort bits) => Float16Key.Narrow(bits, infinity: 0x7F80);
}

readonly struct Int64Key : ISortKey<long, ulong>
{
    public static ulong Of(long value) => (ulong)(value ^ long.MinValue);
}

readonly struct Int32Key : ISortKey<int, uint>
{
    public static uint Of(int value) => (uint)(value ^ int.MinValue);
}

readonly struct Int8Key : ISortKey<sbyte, byte>
{
    public static byte Of(sbyte value) => (byte)(value ^ sbyte.MinValue);
}

readonly struct UInt8Key : ISortKey<byte, byte>
{
    public static byte Of(byte value) => value;
}
