using System;
using System.ComponentModel;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Windows over the planes of a contiguous [.., Height, Width] tensor, one for each element of a [.., MapHeight, MapWidth] map. Every window has at least one element inside of its plane.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct PoolingCall
{
    /// <summary>Planes: batch times channels.</summary>
    public long Planes;
    public long Height, Width, MapHeight, MapWidth;
    public long KernelHeight, KernelWidth, StrideHeight, StrideWidth, PaddingTop, PaddingLeft;

    /// <summary>Forward: read. Gradient: written.</summary>
    public void* Image;

    /// <summary>Forward: written. Gradient: the map's gradient, read.</summary>
    public void* Map;

    /// <summary>Maximum pooling: where in its plane (row · width + column) each maximum lies. Written forward, read by the gradient.</summary>
    public int* Index;

    /// <summary>Gradients whose elements are narrower than their sums: a plane of sums for each worker.</summary>
    public float** Sums;

    /// <summary>The rows of the image that the windows of a row of the map have.</summary>
    internal readonly (long Begin, long End) Rows(long y)
    {
        long top = y * StrideHeight - PaddingTop;
        return (Math.Max(0, top), Math.Min(Height, top + KernelHeight));
    }

    /// <summary>The columns of the image that the windows of a column of the map have.</summary>
    internal readonly (long Begin, long End) Columns(long x)
    {
        long left = x * StrideWidth - PaddingLeft;
        return (Math.Max(0, left), Math.Min(Width, left + KernelWidth));
    }
}
