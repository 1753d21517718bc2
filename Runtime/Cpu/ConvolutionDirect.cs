using System;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Convolutions of shapes that the packed ones have no room for: windows of thousands of elements, images as wide as no cache, strides above 16 in the gradient of the image. Plain loops over
/// lines of the result, summed in double precision; which shapes come here, and the order of every sum, follow from the shape alone.
/// </summary>
unsafe struct ConvolutionDirect
{
    // Elements of a line that are summed at once, on the stack of the worker.
    const int Segment = 1024;

    // A chunk of work has about so many multiplications.
    const long ChunkWork = 64 * 1024;

    ConvolutionCall* call;
    ConvolutionPlanes images, maps;
    float** scratch;
    long channels, filters, taps;

    static ConvolutionDirect Of(WorkerPool pool, ConvolutionCall* call) => new()
    {
        call = call,
        images = call->Images,
        maps = call->Maps,
        scratch = Prepared(pool, call),
        channels = call->Channels / call->Groups,
        filters = call->Filters / call->Groups,
        taps = call->KernelHeight * call->KernelWidth,
    };

    static float** Prepared(WorkerPool pool, ConvolutionCall* call)
    {
        pool.EnsureScratch(Numerics.Packing.ThreadBytes(call->Sizes));
        return pool.ScratchTable;
    }

    // The window of one filter and channel of a group: where it lies, or made.
    readonly float* Window(long filter, long channel, float* made)
    {
        if (call->WeightMaker.IsSet)
        {
            call->WeightMaker.Fill(made, taps, 0, filter, 1, channel * taps, taps);
            return made;
        }
        var window = call->Weight + filter * call->WeightStrides.Image + channel * call->WeightStrides.Channel;
        if (call->HasDenseWindows) return window;
        for (long tap = 0; tap < taps; tap++) made[tap] = window[tap / call->KernelWidth * call->WeightStrides.Row + tap % call->KernelWidth * call->WeightStrides.Column];
        return made;
    }

    static long Grain(double work) => Math.Max(1, (long)(ChunkWork / Math.Max(1, work)));

    /// <summary>Makes the map, or hands it to the epilogue.</summary>
    public static void Forward(WorkerPool pool, ConvolutionCall* call)
    {
        var job = Of(pool, call);
        pool.Run(&ForwardLines, &job, call->Batch * call->Filters * call->MapHeight, Grain((double)call->MapWidth * job.channels * job.taps));
    }

    static void ForwardLines(void* context, long begin, long end, int worker)
    {
        var job = (ConvolutionDirect*)context;
        for (long i = begin; i < end; i++) job->ForwardLine(i, job->scratch[worker]);
    }

    readonly void ForwardLine(long line, float* made)
    {
        long y = line % call->MapHeight, filter = line / call->MapHeight % call->Filters, image = line / call->MapHeight / call->Filters, group = filter / filters;
        double* sums = stackalloc double[Segment];
        for (long left = 0; left < call->MapWidth; left += Segment)
        {
            long count = Math.Min(Segment, call->MapWidth - left);
            new Span<double>(sums, (int)count).Clear();
            for (long c = 0; c < channels; c++)
            {
                float* weight = Window(filter, c, made);
                for (long ky = 0; ky < call->KernelHeight; ky++)
                {
                    long row = y * call->StrideHeight + ky * call->DilationHeight - call->PaddingTop;
                    if (row < 0 || row >= call->Height) continue;
                    float* pixels = images.Line(image, group * channels + c, row, made + taps, out long step);
                    for (long kx = 0; kx < call->KernelWidth; kx++)
                    {
                        var (from, to, first) = Inside(left, count, kx);
                        double factor = weight[ky * call->KernelWidth + kx];
                        float* source = pixels + first * step;
                        for (long x = from; x < to; x++, source += call->StrideWidth * step) sums[x] += factor * *source;
                    }
                }
            }
            Emit(sums, count, image, filter, call->Filters, call->Map, y * call->MapWidth + left, call->MapHeight * call->MapWidth);
        }
    }

    // Which columns of [left, left + count) of the map see a pixel through a column of the window, and the first of those pixels.
    readonly (long From, long To, long First) Inside(long left, long count, long kx)
    {
        long start = left * call->StrideWidth + kx * call->DilationWidth - call->PaddingLeft, stride = call->StrideWidth;
        long from = start >= 0 ? 0 : Math.Min(count, (-start + stride - 1) / stride);
        long to = start >= call->Width ? from : Math.Clamp((call->Width - start + stride - 1) / stride, from, count);
        return (from, to, start + from * stride);
    }

    /// <summary>Makes the image's gradient from the map's, or hands it to the epilogue.</summary>
    public static void ImageGradient(WorkerPool pool, ConvolutionCall* call)
    {
        var job = Of(pool, call);
        double seen = (double)job.filters * job.taps * call->MapWidth / call->StrideHeight;
        pool.Run(&ImageLines, &job, call->Batch * call->Channels * call->Height, Grain(Math.Max(seen, call->Width)));
    }

    static void ImageLines(void* context, long begin, long end, int worker)
    {
        var job = (ConvolutionDirect*)context;
        for (long i = begin; i < end; i++) job->ImageLine(i, job->scratch[worker]);
    }

    readonly void ImageLine(long line, float* made)
    {
        long row = line % call->Height, channel = line / call->Height % call->Channels, image = line / call->Height / call->Channels, group = channel / channels;
        double* sums = stackalloc double[Segment];
        for (long left = 0; left < call->Width; left += Segment)
        {
            long count = Math.Min(Segment, call->Width - left);
            new Span<double>(sums, (int)count).Clear();
            for (long f = 0; f < filters; f++)
            {
                float* weight = Window(group * filters + f, channel % channels, made);
                for (long ky = 0; ky < call->KernelHeight; ky++)
                {
                    // The row of the map that sees this row through this row of the window.
                    long distance = row + call->PaddingTop - ky * call->DilationHeight;
                    if (distance < 0 || distance % call->StrideHeight != 0 || distance / call->StrideHeight >= call->MapHeight) continue;
                    float* source = maps.Line(image, group * filters + f, distance / call->StrideHeight, made + taps, out long step);
                    for (long kx = 0; kx < call->KernelWidth; kx++)
                    {
                        double factor = weight[ky * call->KernelWidth + kx];
                        // Column x of the map sees the pixel x·stride + shift.
                        long shift = kx * call->DilationWidth - call->PaddingLeft - left, stride = call->StrideWidth;
                        long from = shift >= 0 ? 0 : (-shift + stride - 1) / stride, to = shift >= count ? 0 : Math.Min(call->MapWidth, (count - shift + stride - 1) / stride);
                        for (long x = from; x < to; x++) sums[x * stride + shift] += factor * source[x * step];
                    }
                }
            }
            Emit(sums, count, image, channel, call->Channels, call->Image, row * call->Width + left, call->Height * call->Width);
        }
    }

    readonly void Emit(double* sums, long count, long image, long row, long rows, float* result, long pixel, long pixels)
    {
        if (call->Epilogue == null)
        {
            float* to = result + (image * rows + row) * pixels + pixel;
            for (long i = 0; i < count; i++) to[i] = (float)sums[i];
            return;
        }
        float* tile = stackalloc float[Segment];
        for (long i = 0; i < count; i++) tile[i] = (float)sums[i];
        call->Epilogue(call->EpiloguePointers, call->EpilogueDims, tile, Segment, image, row, 1, pixel, count);
    }

    /// <summary>Makes the weight's gradient from the image and the map's gradient.</summary>
    public static void WeightGradient(WorkerPool pool, ConvolutionCall* call)
    {
        var job = Of(pool, call);
        pool.Run(&Weights, &job, call->Filters * job.channels * job.taps, Grain((double)call->Batch * call->MapHeight * call->MapWidth));
    }

    static void Weights(void* context, long begin, long end, int worker)
    {
        var job = (ConvolutionDirect*)context;
        for (long i = begin; i < end; i++) job->call->Weight[i] = (float)job->WeightSum(i, job->scratch[worker]);
    }

    readonly double WeightSum(long element, float* made)
    {
        long tap = element % taps, channel = element / taps % channels, filter = element / taps / channels, group = filter / filters;
        long ky = tap / call->KernelWidth;
        var (from, to, first) = Inside(0, call->MapWidth, tap % call->KernelWidth);
        double sum = 0;
        for (long image = 0; image < call->Batch; image++)
        {
            for (long y = 0; y < call->MapHeight; y++)
            {
                long row = y * call->StrideHeight + ky * call->DilationHeight - call->PaddingTop;
                if (row < 0 || row >= call->Height) continue;
                float* map = maps.Line(image, filter, y, made, out long mapStep);
                float* source = images.Line(image, group * channels + channel, row, made + call->MapWidth, out long step) + first * step;
                for (long x = from; x < to; x++, source += call->StrideWidth * step) sum += (double)map[x * mapStep] * *source;
            }
        }
        return sum;
    }
}
