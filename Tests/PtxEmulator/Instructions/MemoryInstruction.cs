using System;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graph.PtxEmulator;

enum AccessKind { Read, NonCoherent, Write, Atomic }

/// <summary>An address operand: a register or variable, and a number of bytes.</summary>
readonly record struct AddressSource(StateSpace Space, int Register, bool Wide, long Offset, bool Entry);

/// <summary>An instruction with an address: finds the bytes and checks everything that can be wrong with them.</summary>
abstract unsafe class MemoryInstruction(AddressSource source) : Instruction
{
    protected readonly AddressSource Source = source;
    static readonly Region Nowhere = new("nothing", StateSpace.Global, 0, 0);
    Region last = Nowhere;

    /// <summary>Decodes <c>[a]</c>, <c>[a+4]</c>, <c>[variable]</c>.</summary>
    public static AddressSource Decode(Site site, Operand operand, StateSpace space)
    {
        if (operand is not AddressOperand address) throw new PtxSyntaxException(operand.Span.Start, "an address in brackets is expected here.");
        if (address.Base is NameOperand name && site.Statement.Scope.Find(name.Name) is Variable variable)
        {
            var (where, at, entry) = site.Builder.AddressOf(variable);
            if (where != space && space != StateSpace.Generic) throw new PtxSyntaxException(operand.Span.Start, $"'{name.Name}' lies in .{where.ToString().ToLowerInvariant()}, the instruction is of .{space.ToString().ToLowerInvariant()}.");
            if (space == StateSpace.Generic && where is StateSpace.Shared or StateSpace.Local) throw new PtxSyntaxException(operand.Span.Start, $"'{name.Name}' lies in .{where.ToString().ToLowerInvariant()}; its generic address is another (cvta).");
            return new AddressSource(where, site.Builder.Constant(at, 8), true, address.Offset, entry);
        }
        if (address.Base is null) throw new PtxSyntaxException(operand.Span.Start, "an absolute address is not modelled.");
        var type = site.RegisterType(address.Base);
        if (space == StateSpace.Param && type is not null) throw new PtxSyntaxException(operand.Span.Start, "a parameter is addressed by its name.");
        var narrow = type?.Size() == 4;
        if (narrow && space is StateSpace.Global or StateSpace.Generic) throw new PtxSyntaxException(operand.Span.Start, "an address here is a register of 64 bits.");
        return new AddressSource(space, site.Read(address.Base, narrow ? PtxType.U32 : PtxType.U64), !narrow, address.Offset, false);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected ulong Address(byte* values, int lane) => (Source.Wide ? ((ulong*)values)[lane] : ((uint*)values)[lane]) + (ulong)Source.Offset;

    /// <summary>The bytes at an address, checked: bounds, alignment, what is live, what is written, and races if the launch looks for them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected byte* Access(Warp warp, int lane, ulong address, int size, AccessKind kind)
    {
        var region = Source.Space switch
        {
            StateSpace.Global or StateSpace.Const => last,
            StateSpace.Shared => warp.Block.Shared ?? Nowhere,
            _ => Nowhere,
        };
        var offset = address - region.Base;
        if (offset >= region.Size || region.Size - offset < (ulong)size || (address & (ulong)(size - 1)) != 0 || region.Live is not null || region.ReadOnly)
            (region, offset) = Find(warp, lane, address, size, kind);
        var written = region.Written + offset;
        if (kind != AccessKind.Write && !IsWritten(written, size)) throw NotWritten(warp, lane, region, offset, size);
        if (kind >= AccessKind.Write) MarkWritten(written, size);
        if (region.Shadow is { } shadow && warp.Launch.Strict)
        {
            if (kind < AccessKind.Write) shadow.Read(warp, lane, offset, size, this, region, kind == AccessKind.NonCoherent);
            else shadow.Write(warp, lane, offset, size, this, region, kind == AccessKind.Atomic);
        }
        return region.Data + offset;
    }

    (Region, ulong) Find(Warp warp, int lane, ulong address, int size, AccessKind kind)
    {
        var region = Locate(warp, lane, ref address);
        if (region is null || address - region.Base >= region.Size || region.Size - (address - region.Base) < (ulong)size) throw OutOfBounds(warp, lane, address, size, region);
        var offset = address - region.Base;
        if (address % (ulong)size != 0)
            throw warp.Fault(FaultKind.Misaligned, this, lane, string.Create(CultureInfo.InvariantCulture, $"it accesses {size} bytes at byte {offset} of {region.Name}.\n  Expected: an address that is a multiple of {size}."), address);
        if (region.Live is not null && region.LivePart(offset, size) is null)
            throw warp.Fault(FaultKind.OutOfBounds, this, lane, string.Create(CultureInfo.InvariantCulture, $"it accesses {size} bytes at byte {offset} of {region.Name}, outside of what lives there.\n  Expected: {Near(region, offset)}"), address);
        if (region.ReadOnly && kind >= AccessKind.Write) throw warp.Fault(FaultKind.ReadOnly, this, lane, $"it writes to {region.Name}, which is read only.", address);
        if (region.Space is StateSpace.Global or StateSpace.Const) last = region;
        return (region, offset);
    }

    Region? Locate(Warp warp, int lane, ref ulong address)
    {
        var space = Source.Space;
        if (space == StateSpace.Generic)
        {
            space = DeviceMemory.SpaceOf(address);
            if (space == StateSpace.Shared) address -= AddressSpace.SharedWindow;
            else if (space == StateSpace.Local) address -= AddressSpace.LocalWindow;
            else return warp.Launch.Memory.Find(address);
        }
        switch (space)
        {
            case StateSpace.Shared: return warp.Block.Shared;
            case StateSpace.Local: return warp.Local?[lane];
            case StateSpace.Param: return Source.Entry ? warp.Launch.Parameters : warp.Params?[lane];
            default:
                var found = warp.Launch.Memory.Find(address);
                return found?.Space == space ? found : null;
        }
    }

    static string Near(Region region, ulong offset)
    {
        Extent? nearest = null;
        long Distance(Extent part) => Math.Max(0, Math.Max(part.Offset - (long)offset, (long)offset - part.Offset - part.Size));
        foreach (var part in region.LiveParts)
            if (nearest is not { } best || Distance(part) <= Distance(best)) nearest = part;
        return nearest is { } near
            ? string.Create(CultureInfo.InvariantCulture, $"bytes {near.Offset} to {near.Offset + near.Size - 1} ('{near.Name}'), which are the nearest.")
            : "another buffer; nothing of it is live.";
    }

    PtxFaultException OutOfBounds(Warp warp, int lane, ulong address, int size, Region? region)
    {
        var near = region ?? (Source.Space is StateSpace.Global or StateSpace.Generic or StateSpace.Const ? warp.Launch.Memory.Below(address) : null);
        var where = near is null ? "no memory of the launch lies there" : string.Create(CultureInfo.InvariantCulture, $"that is byte {unchecked((long)(address - near.Base))} of {near.Name}, which has {near.Size} bytes");
        return warp.Fault(FaultKind.OutOfBounds, this, lane, $"it accesses {size} bytes of .{Source.Space.ToString().ToLowerInvariant()}: {where}.", address);
    }

    PtxFaultException NotWritten(Warp warp, int lane, Region region, ulong offset, int size)
    {
        var first = 0;
        while (region.Written[offset + (ulong)first] == 1) first++;
        var why = region.Written[offset + (ulong)first] == Region.Pending ? "waits for a cp.async that may not have landed yet" : "was never written";
        return warp.Fault(FaultKind.Uninitialised, this, lane, string.Create(CultureInfo.InvariantCulture, $"it reads {size} bytes at byte {offset} of {region.Name}, of which byte {offset + (ulong)first} {why}."), region.Base + offset);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static bool IsWritten(byte* written, int size) => size switch
    {
        1 => *written == 1,
        2 => *(ushort*)written == 0x0101,
        4 => *(uint*)written == 0x01010101,
        8 => *(ulong*)written == 0x0101010101010101,
        _ => ((ulong*)written)[0] == 0x0101010101010101 && ((ulong*)written)[1] == 0x0101010101010101,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void MarkWritten(byte* written, int size)
    {
        switch (size)
        {
            case 1: *written = 1; break;
            case 2: *(ushort*)written = 0x0101; break;
            case 4: *(uint*)written = 0x01010101; break;
            case 8: *(ulong*)written = 0x0101010101010101; break;
            default: ((ulong*)written)[0] = 0x0101010101010101; ((ulong*)written)[1] = 0x0101010101010101; break;
        }
    }
}
