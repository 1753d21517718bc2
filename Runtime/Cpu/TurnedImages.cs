using System;

namespace Graph.Runtime.Cpu;

/// <summary>A band of some images, turned so that images are contiguous: [channel][pixel][image].</summary>
static unsafe class TurnedImages
{
    // Of so many images channels are made before they are turned, which is done in squares of that size.
    const long Together = 8;

    /// <summary>Floats of room in which a body makes what is turned.</summary>
    public static long Room(long pixels) => Together * pixels;

    /// <summary>Turns rows [first, last) of some channels of some images.</summary>
    /// <param name="lanes">Floats of a pixel, at least as many as there are images.</param>
    /// <param name="channelStep">Floats of a channel.</param>
    public static void Fill(in ConvolutionPlanes source, long image, long images, long channel, long channels, long first, long last, float* turned, long channelStep, long lanes, float* made, long room)
    {
        long width = source.Width, pixels = (last - first) * width;
        if (pixels == 0) return;
        if (!source.IsMade)
        {
            for (long c = 0; c < channels; c++)
            {
                float* plane = source.Plane(image, channel + c) + first * source.RowStride, to = turned + c * channelStep;
                if (source.HasOneStep) Packing.Panel(to, lanes, plane, source.ImageStride, source.ColumnStride, images, images, images, pixels);
                else
                {
                    for (long y = first; y < last; y++, plane += source.RowStride, to += width * lanes)
                        Packing.Panel(to, lanes, plane, source.ImageStride, source.ColumnStride, images, images, images, width);
                }
            }
            return;
        }
        // As many channels at once as there is room for.
        long most = room / Room(pixels);
        for (long n = 0; n < images; n += Together)
        {
            long count = Math.Min(Together, images - n);
            for (long c = 0; c < channels; c += most)
            {
                long some = Math.Min(most, channels - c);
                for (long i = 0; i < count; i++) source.Make(made + i * some * pixels, pixels, image + n + i, channel + c, some, first * width, pixels);
                for (long i = 0; i < some; i++) Packing.Panel(turned + (c + i) * channelStep + n, lanes, made + i * pixels, some * pixels, 1, count, count, count, pixels);
            }
        }
    }
}
