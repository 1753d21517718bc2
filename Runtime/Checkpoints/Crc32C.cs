using System;
using System.Buffers.Binary;
using System.Numerics;

namespace Graph.Runtime.Checkpoints;

/// <summary>
/// The cyclic redundancy check of Castagnoli, Bräuer and Herrmann (IEEE Transactions on Communications 41, 1993), as iSCSI has it: it notices every error of up to 32 bits in a row, and processors
/// have an instruction for it.
/// </summary>
static class Crc32C
{
    /// <summary>The check of no bytes, to begin with.</summary>
    public const uint Start = 0;

    /// <summary>The check of some bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => Append(Start, bytes);

    /// <summary>The check of what <paramref name="check"/> is the check of, followed by <paramref name="bytes"/>.</summary>
    public static uint Append(uint check, ReadOnlySpan<byte> bytes)
    {
        var state = ~check;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..]) state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var value in bytes) state = BitOperations.Crc32C(state, value);
        return ~state;
    }
}
