using System;

namespace Graph.Runtime.Cpu;

/// <summary>The images (or maps) that a convolution reads: in memory, at any strides, or made block by block as [batch, channels, height · width].</summary>
unsafe struct ConvolutionPlanes(float* data, PlaneStrides strides, TileCall maker, long height, long width)
{
    public readonly long Height = height, Width = width;

    /// <summary>Elements from one row to the next and from one column to the next, in memory.</summary>
    public readonly long RowStride => strides.Row;

    public readonly long ColumnStride => strides.Column;

    public readonly long ChannelStride => strides.Channel;

    public readonly long ImageStride => strides.Image;

    public readonly bool IsMade => maker.IsSet;

    /// <summary>A channel of an image in memory.</summary>
    public readonly float* Plane(long image, long channel) => data + image * strides.Image + channel * strides.Channel;

    /// <summary>Of images in memory, every so manyth row and column.</summary>
    public readonly ConvolutionPlanes Every(long rows, long columns, long newHeight, long newWidth) =>
        new(data, strides with { Row = strides.Row * rows, Column = strides.Column * columns }, default, newHeight, newWidth);

    /// <summary>A channel of an image in memory, of elements of so many bytes.</summary>
    public readonly void* Plane(long image, long channel, int size) => (byte*)data + (image * strides.Image + channel * strides.Channel) * size;

    /// <summary>Whether the pixels of rows behind one another lie at one distance.</summary>
    public readonly bool HasOneStep => strides.Row == Width * strides.Column;

    /// <summary>Makes pixels [pixel, pixel + pixels) of some channels of an image, the channels <paramref name="step"/> apart.</summary>
    public readonly void Make(float* to, long step, long image, long channel, long channels, long pixel, long pixels)
    {
        if (pixels > 0) maker.Fill(to, step, image, channel, channels, pixel, pixels);
    }

    /// <summary>One line of a channel, and the distance of its pixels: where it lies, or made in <paramref name="made"/>, which has room for a line.</summary>
    public readonly float* Line(long image, long channel, long row, float* made, out long step)
    {
        if (!IsMade)
        {
            step = strides.Column;
            return Plane(image, channel) + row * strides.Row;
        }
        step = 1;
        Make(made, Width, image, channel, 1, row * Width, Width);
        return made;
    }
}

/// <summary>The pixels of an image that a block of work reads; what lies outside is padding.</summary>
readonly struct PlaneRegion(long top, long bottom, long left, long right)
{
    /// <summary>Rows [Top, Bottom) and columns [Left, Right).</summary>
    public readonly long Top = top, Bottom = bottom, Left = left, Right = right;

    public long Width => Right - Left;

    public long Pixels => (Bottom - Top) * (Right - Left);

    /// <summary>The part of some rows and columns that an image of this size has.</summary>
    public static PlaneRegion Within(long height, long width, long top, long rows, long left, long columns)
    {
        long first = Math.Clamp(top, 0, height), start = Math.Clamp(left, 0, width);
        return new(first, Math.Clamp(top + rows, first, height), start, Math.Clamp(left + columns, start, width));
    }
}
