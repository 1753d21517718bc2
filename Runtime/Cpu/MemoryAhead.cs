using System;

namespace Graph.Runtime.Cpu;

/// <summary>
/// What a task of a convolution asks memory for while it multiplies, because it reads that next (<see cref="KernelList"/>): in a forward pass the next panel of weights that are kept packed, in the gradient of a weight the next image
/// and its map's gradient.
/// </summary>
/// <remarks>Asking changes no number and never fails, wherever it points.</remarks>
unsafe struct MemoryAhead
{
    const long CacheLine = 64;

    readonly byte* near;
    readonly long step;
    byte* from, rest;
    long bytes, restBytes;

    /// <param name="near">A place that is in the cache, for when there is nothing to ask for.</param>
    /// <param name="bytes">What is asked for in so many steps of micro-kernels, about.</param>
    /// <param name="steps">The steps.</param>
    public MemoryAhead(void* near, double bytes, double steps)
    {
        this.near = (byte*)near;
        step = Math.Clamp((long)(bytes / Math.Max(1, steps)) + 1, 1, CacheLine);
    }

    /// <summary>Up to two pieces of memory are next, one behind the other; none of no bytes or fewer.</summary>
    public void Follow(void* first, long firstBytes, void* second = null, long secondBytes = 0)
    {
        from = (byte*)first;
        bytes = firstBytes;
        rest = (byte*)second;
        restBytes = secondBytes;
    }

    /// <summary>Says what is asked for in so many steps.</summary>
    public void Ask(ref KernelList list, long steps)
    {
        if (bytes > 0) Take(ref list, ref from, ref bytes, steps);
        else if (restBytes > 0) Take(ref list, ref rest, ref restBytes, steps);
        else
        {
            list.Ahead = near;
            list.AheadStep = 0;
        }
    }

    readonly void Take(ref KernelList list, ref byte* place, ref long left, long steps)
    {
        list.Ahead = place;
        list.AheadStep = step;
        place += step * steps;
        left -= step * steps;
    }
}
