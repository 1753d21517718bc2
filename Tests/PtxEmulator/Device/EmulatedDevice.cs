using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Graph.PtxEmulator;

/// <summary>
/// A device without a GPU: memory, modules and launches, each done when the call returns. One thread at a time; several devices are independent.
/// </summary>
public sealed class EmulatedDevice
{
    readonly DeviceMemory memory = new();
    readonly Dictionary<ulong, Region> allocations = [];
    ulong launches;

    /// <summary>How launches are executed unless they say otherwise.</summary>
    public LaunchOptions Options { get; set; } = new();

    /// <summary>Bytes of shared memory that a block may have; 99 KB unless set, as on sm_86.</summary>
    public int SharedLimit { get; set; } = 99 * 1024;

    internal DeviceMemory Memory => memory;

    /// <summary>Allocates bytes, 256-aligned, none of them written; the name stands in reports.</summary>
    /// <returns>The address.</returns>
    public ulong Allocate(long size, string? name = null)
    {
        if (size < 0) throw new ArgumentOutOfRangeException(nameof(size), size, "a size is not negative");
        var region = memory.Allocate(name ?? string.Create(CultureInfo.InvariantCulture, $"allocation {allocations.Count}"), size);
        region.Shadow = new RaceShadow(size);
        allocations.Add(region.Base, region);
        return region.Base;
    }

    /// <summary>Frees what <see cref="Allocate"/> gave.</summary>
    public void Free(ulong address)
    {
        if (!allocations.Remove(address, out var region)) throw new ArgumentException($"0x{address:x} is no allocation's address.", nameof(address));
        memory.Free(region);
    }

    /// <summary>Bytes that are allocated now.</summary>
    public long Allocated
    {
        get
        {
            long sum = 0;
            foreach (var region in allocations.Values) sum += (long)region.Size;
            return sum;
        }
    }

    /// <summary>
    /// Declares what of an allocation holds something from now on: kernels may access these parts only, each access within one. What was not live before counts as not written.
    /// Null declares all of it live again.
    /// </summary>
    public void Plan(ulong address, IReadOnlyList<Extent>? live)
    {
        if (!allocations.TryGetValue(address, out var region)) throw new ArgumentException($"0x{address:x} is no allocation's address.", nameof(address));
        if (live is null) { region.Live = null; return; }
        var sorted = new Extent[live.Count];
        for (var i = 0; i < sorted.Length; i++) sorted[i] = live[i];
        Array.Sort(sorted, (a, b) => a.Offset.CompareTo(b.Offset));
        for (var i = 0; i < sorted.Length; i++)
        {
            if (sorted[i].Offset < 0 || sorted[i].Size < 0 || sorted[i].Offset + sorted[i].Size > (long)region.Size) throw new ArgumentException($"'{sorted[i].Name}' does not lie within {region.Name}.", nameof(live));
            if (i > 0 && sorted[i - 1].Offset + sorted[i - 1].Size > sorted[i].Offset) throw new ArgumentException($"'{sorted[i - 1].Name}' and '{sorted[i].Name}' overlap.", nameof(live));
        }
        foreach (var part in sorted)
            if (Array.IndexOf(region.Live ?? [], part) < 0) region.Mark(part.Offset, part.Size, 0);
        region.Live = sorted;
    }

    /// <summary>Copies values to the device.</summary>
    public void Write<T>(ulong address, ReadOnlySpan<T> values) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        var (region, offset) = Resolve(address, bytes.Length);
        bytes.CopyTo(region.Bytes(offset, bytes.Length));
        region.Mark(offset, bytes.Length, 1);
    }

    /// <summary>Copies values from the device.</summary>
    /// <exception cref="InvalidOperationException">A byte of them was never written.</exception>
    public void Read<T>(ulong address, Span<T> values) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        var (region, offset) = Resolve(address, bytes.Length);
        var missing = region.WrittenBytes(offset, bytes.Length).IndexOf((byte)0);
        if (missing >= 0) throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"byte {offset + missing} of {region.Name} is read but was never written."));
        region.Bytes(offset, bytes.Length).CopyTo(bytes);
    }

    /// <summary>Copies within the device; bytes that were never written stay so.</summary>
    public void Copy(ulong to, ulong from, long size)
    {
        var (source, at) = Resolve(from, size);
        var (target, start) = Resolve(to, size);
        source.Bytes(at, size).CopyTo(target.Bytes(start, size));
        source.WrittenBytes(at, size).CopyTo(target.WrittenBytes(start, size));
    }

    /// <summary>Sets bytes.</summary>
    public void Set(ulong address, byte value, long size)
    {
        var (region, offset) = Resolve(address, size);
        region.Bytes(offset, size).Fill(value);
        region.Mark(offset, size, 1);
    }

    (Region Region, long Offset) Resolve(ulong address, long size)
    {
        var region = memory.Find(address) ?? (size == 0 ? memory.Below(address) : null);
        if (region is null || address - region.Base + (ulong)size > region.Size)
            throw new ArgumentOutOfRangeException(nameof(address), string.Create(CultureInfo.InvariantCulture, $"{size} bytes at 0x{address:x} do not lie in one allocation."));
        return (region, (long)(address - region.Base));
    }

    /// <summary>Parses and decodes a module; nothing in it is left for the launch to find.</summary>
    /// <exception cref="PtxSyntaxException">The text is wrong, or of a part of PTX that is not modelled.</exception>
    public EmulatedModule Load(string text) => new(this, Parser.Parse(text));

    /// <summary>Runs a kernel to its end. <paramref name="parameters"/> are laid out as the text declares them.</summary>
    /// <exception cref="PtxFaultException">The kernel has a fault.</exception>
    public LaunchStatistics Launch(EmulatedKernel kernel, Dim3 grid, Dim3 block, int dynamicShared, ReadOnlySpan<byte> parameters, LaunchOptions? options = null)
    {
        Region? region = null;
        if (parameters.Length != kernel.ParameterBytes) throw new ArgumentException($"'{kernel.Name}' takes {kernel.ParameterBytes} bytes of parameters, not {parameters.Length}.", nameof(parameters));
        if (parameters.Length > 0)
        {
            region = new Region($"the parameters of '{kernel.Name}'", StateSpace.Param, AddressSpace.Param, parameters.Length) { ReadOnly = true };
            parameters.CopyTo(region.Bytes(0, parameters.Length));
            region.Mark(0, parameters.Length, 1);
        }
        var launch = new Launch(kernel.Program, memory, grid, block, dynamicShared, region, ++launches, options ?? Options);
        try
        {
            launch.Check(SharedLimit);
            return new Scheduler(launch).Run();
        }
        finally { region?.Release(); }
    }

    /// <summary>As above with each parameter given as a value: numbers and addresses, in order.</summary>
    public LaunchStatistics Launch(EmulatedKernel kernel, Dim3 grid, Dim3 block, int dynamicShared, params ReadOnlySpan<object> arguments)
        => Launch(kernel, grid, block, dynamicShared, kernel.Pack(arguments));
}
