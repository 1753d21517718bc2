using System;
using System.ComponentModel;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Windows over the planes of a tensor [images, channels, Height, Width], one for each element of a map [images, channels, MapHeight, MapWidth]. Every window has at least one element inside of its plane.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct PoolingCall
{
    /// <summary>Planes: images times channels.</summary>
    public long Planes, Channels;
    public long Height, Width, MapHeight, MapWidth;
    public long KernelHeight, KernelWidth, StrideHeight, StrideWidth, PaddingTop, PaddingLeft;

    /// <summary>Forward: read, wherever it lies. Gradient: written, element behind element.</summary>
    public void* Image;

    /// <summary>Forward: written, element behind element. Gradient: the map's gradient, read wherever it lies.</summary>
    public void* Map;

    /// <summary>Where what is read lies: the image forward, the map's gradient in a gradient.</summary>
    public PlaneStrides From;

    /// <summary>Maximum pooling: where in its plane (row · width + column) each maximum lies. Written forward, read by the gradient.</summary>
    public int* Index;

    /// <summary>Where elements are narrower than what is computed with: a plane of the image and one of the map for each worker.</summary>
    public float** Widened;

    /// <summary>Says that what is read lies element behind element: planes of so many rows and columns.</summary>
    public void LayDense(long height, long width) => (Channels, From) = (1, PlaneStrides.Dense(1, height, width));

    /// <summary>Where a plane of what is read begins.</summary>
    internal readonly long Plane(long plane) => plane / Channels * From.Image + plane % Channels * From.Channel;

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
