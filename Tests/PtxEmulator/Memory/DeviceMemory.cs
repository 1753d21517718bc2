using System;
using System.Collections.Generic;

namespace Graph.PtxEmulator;

/// <summary>Allocations of a device by address. Their ends are exact and between any two lies a gap, so that an access past the end hits nothing.</summary>
sealed class DeviceMemory
{
    const ulong Alignment = 256, Gap = 1 << 20;
    readonly List<Region> regions = [];
    ulong next = AddressSpace.FirstAllocation;

    public Region Allocate(string name, long size, StateSpace space = StateSpace.Global)
    {
        var region = new Region(name, space, next, size);
        next = (next + (ulong)size + Gap + Alignment - 1) / Alignment * Alignment;
        regions.Add(region); // addresses only grow, so that the list stays sorted
        return region;
    }

    public void Free(Region region)
    {
        if (!regions.Remove(region)) throw new ArgumentException($"'{region.Name}' is not allocated.", nameof(region));
        region.Release(); // whoever still remembers it misses
    }

    /// <summary>The allocation that holds an address, or that ends there.</summary>
    public Region? Find(ulong address)
    {
        var (low, high) = (0, regions.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var region = regions[middle];
            if (address < region.Base) high = middle - 1;
            else if (address >= region.Base + region.Size) low = middle + 1;
            else return region;
        }
        return null;
    }

    /// <summary>The allocation nearest below an address, for reports.</summary>
    public Region? Below(ulong address) => regions.FindLast(region => region.Base <= address);

    /// <summary>Which space a generic address belongs to.</summary>
    public static StateSpace SpaceOf(ulong address) => address - AddressSpace.SharedWindow < AddressSpace.WindowSize ? StateSpace.Shared
        : address - AddressSpace.LocalWindow < AddressSpace.WindowSize ? StateSpace.Local : StateSpace.Global;
}
