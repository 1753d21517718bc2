using System;
using System.Numerics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// A convolution and its two gradients in any type but float32, each as the products of its images and groups (<see cref="BlockedProduct{T}"/>) whose operands are unfolded, or made by bodies, while they are packed: the
/// unfolded image never exists.
/// </summary>
/// <typeparam name="T">The type of the operands and sums.</typeparam>
static unsafe class BlockedConvolution<T> where T : unmanaged, INumber<T>
{
    /// <summary>map[n, f, o] = Σ weight[f, (c, tap)] · image[n, c, o + tap].</summary>
    public static void Forward(WorkerPool pool, ConvolutionCall* call)
    {
        long taps = call->KernelHeight * call->KernelWidth, pixels = call->MapHeight * call->MapWidth, filters = call->Filters / call->Groups, channels = call->Channels / call->Groups;
        var product = new ContractCall(filters, pixels, channels * taps)
        {
            Batch0 = call->Batch, Batch1 = call->Groups,
            A = call->Weight, AM = call->WeightStrides.Image, AK = 1, ABatch1 = filters * call->WeightStrides.Image,
            PrologueA = call->WeightMaker.IsSet ? &RowsOfWeight : call->HasDenseFilters ? null : &LayWeight, PrologueAPointers = (void**)call,
            PrologueB = &UnfoldImage, PrologueBPointers = (void**)call,
            C = call->Map, CM = pixels, CN = 1, CBatch0 = call->Filters * pixels, CBatch1 = filters * pixels,
        };
        Finish(&product, call, filters);
        BlockedProduct<T>.Run(pool, &product);
    }

    /// <summary>image[n, c, i] = Σ weight[f, c, tap] · map[n, f, (i − tap) / stride], where the stride divides.</summary>
    public static void ImageGradient(WorkerPool pool, ConvolutionCall* call)
    {
        long taps = call->KernelHeight * call->KernelWidth, pixels = call->Height * call->Width, filters = call->Filters / call->Groups, channels = call->Channels / call->Groups;
        var product = new ContractCall(channels, pixels, filters * taps)
        {
            Batch0 = call->Batch, Batch1 = call->Groups,
            PrologueA = &TurnWeight, PrologueAPointers = (void**)call,
            PrologueB = &UnfoldMap, PrologueBPointers = (void**)call,
            C = call->Image, CM = pixels, CN = 1, CBatch0 = call->Channels * pixels, CBatch1 = channels * pixels,
        };
        Finish(&product, call, channels);
        BlockedProduct<T>.Run(pool, &product);
    }

    /// <summary>weight[f, (c, tap)] = Σ over images and places o of map[n, f, o] · image[n, c, o + tap].</summary>
    public static void WeightGradient(WorkerPool pool, ConvolutionCall* call)
    {
        long taps = call->KernelHeight * call->KernelWidth, filters = call->Filters / call->Groups, channels = call->Channels / call->Groups;
        var product = new ContractCall(filters, channels * taps, call->Batch * call->MapHeight * call->MapWidth)
        {
            Batch1 = call->Groups,
            PrologueA = &RowsOfMap, PrologueAPointers = (void**)call,
            PrologueB = &UnfoldPixels, PrologueBPointers = (void**)call, TransposedB = true,
            C = call->Weight, CM = channels * taps, CN = 1, CBatch1 = filters * channels * taps,
        };
        BlockedProduct<T>.Run(pool, &product);
    }

    // The convolution's epilogue sees the rows of all groups.
    static void Finish(ContractCall* product, ConvolutionCall* call, long rowsOfGroup)
    {
        if (call->Epilogue == null) return;
        product->Epilogue = &AllGroups;
        product->EpiloguePointers = (void**)call;
        product->EpilogueDims = (long*)rowsOfGroup;
    }

    static void AllGroups(void** p, long* d, float* tile, long tileStride, long batch, long row, long rows, long col, long cols)
    {
        var call = (ConvolutionCall*)p;
        call->Epilogue(call->EpiloguePointers, call->EpilogueDims, tile, tileStride, batch / call->Groups, batch % call->Groups * (long)d + row, rows, col, cols);
    }

    // Elements of a line of a plane, `step` apart from `x` on, of which those outside are 0: read, or made in pieces.
    static void Line(T* to, ConvolutionPlanes planes, long image, long channel, long y, long x, long step, long count)
    {
        long first = x < 0 ? Math.Min(count, (-x + step - 1) / step) : 0, end = x >= planes.Width ? first : Math.Max(first, Math.Min(count, (planes.Width - 1 - x) / step + 1));
        if (y < 0 || y >= planes.Height) first = end = count;
        for (long k = 0; k < first; k++) to[k] = T.Zero;
        for (var k = end; k < count; k++) to[k] = T.Zero;
        if (!planes.IsMade)
        {
            var line = (T*)planes.Plane(image, channel, sizeof(T)) + y * planes.RowStride;
            for (var k = first; k < end; k++) to[k] = line[(x + k * step) * planes.ColumnStride];
            return;
        }
        const int Most = 256;
        var made = stackalloc T[Most];
        while (first < end)
        {
            var piece = Math.Min(end - first, (Most - 1) / step + 1);
            planes.Make((float*)made, Most, image, channel, 1, y * planes.Width + x + first * step, (piece - 1) * step + 1);
            for (long k = 0; k < piece; k++) to[first + k] = made[k * step];
            first += piece;
        }
    }

    // Rows (channel, tap), columns places of the map.
    static void UnfoldImage(void** p, long* d, float* tile, long tileStride, long batch, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        long taps = c->KernelHeight * c->KernelWidth, image = batch / c->Groups, first = batch % c->Groups * (c->Channels / c->Groups);
        var images = c->Images;
        for (long r = 0; r < rows; r++)
        {
            long channel = (row + r) / taps, tap = (row + r) % taps;
            long dy = tap / c->KernelWidth * c->DilationHeight - c->PaddingTop, dx = tap % c->KernelWidth * c->DilationWidth - c->PaddingLeft;
            var to = (T*)tile + r * tileStride;
            for (long k = 0; k < cols;)
            {
                // What lies in one row of the map at a time.
                long y = (col + k) / c->MapWidth, x = (col + k) % c->MapWidth, count = Math.Min(cols - k, c->MapWidth - x);
                Line(to + k, images, image, first + channel, y * c->StrideHeight + dy, x * c->StrideWidth + dx, c->StrideWidth, count);
                k += count;
            }
        }
    }

    // Rows (filter, tap), columns pixels of the image.
    static void UnfoldMap(void** p, long* d, float* tile, long tileStride, long batch, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        long taps = c->KernelHeight * c->KernelWidth, image = batch / c->Groups, first = batch % c->Groups * (c->Filters / c->Groups);
        const int Most = 128;
        var seen = stackalloc T[Most];
        var maps = c->Maps;
        for (long r = 0; r < rows; r++)
        {
            long filter = (row + r) / taps, tap = (row + r) % taps;
            long dy = c->PaddingTop - tap / c->KernelWidth * c->DilationHeight, dx = c->PaddingLeft - tap % c->KernelWidth * c->DilationWidth;
            var to = (T*)tile + r * tileStride;
            for (long k = 0; k < cols;)
            {
                // What lies in one row of the image at a time; of its pixels, every so many see the map.
                long y = (col + k) / c->Width + dy, x = (col + k) % c->Width + dx, count = Math.Min(Math.Min(cols - k, c->Width - (col + k) % c->Width), Most);
                for (long j = 0; j < count; j++) to[k + j] = T.Zero;
                var skipped = (c->StrideWidth - x % c->StrideWidth) % c->StrideWidth;
                if (y % c->StrideHeight == 0 && skipped < count)
                {
                    var places = (count - 1 - skipped) / c->StrideWidth + 1;
                    Line(seen, maps, image, first + filter, y / c->StrideHeight, (x + skipped) / c->StrideWidth, 1, places);
                    for (long j = 0; j < places; j++) to[k + skipped + j * c->StrideWidth] = seen[j];
                }
                k += count;
            }
        }
    }

    // Rows filters, columns (channel, tap).
    static void RowsOfWeight(void** p, long* d, float* tile, long tileStride, long batch, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        c->WeightMaker.Fill(tile, tileStride, 0, batch % c->Groups * (c->Filters / c->Groups) + row, rows, col, cols);
    }

    // The same of a weight that lies in another order.
    static void LayWeight(void** p, long* d, float* tile, long tileStride, long batch, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        long taps = c->KernelHeight * c->KernelWidth, first = batch % c->Groups * (c->Filters / c->Groups);
        for (long r = 0; r < rows; r++)
            for (long k = 0; k < cols; k++)
                ((T*)tile)[r * tileStride + k] = *Weight(c, first + row + r, (col + k) / taps, (col + k) % taps);
    }

    static T* Weight(ConvolutionCall* c, long filter, long channel, long tap) =>
        (T*)c->Weight + filter * c->WeightStrides.Image + channel * c->WeightStrides.Channel + tap / c->KernelWidth * c->WeightStrides.Row + tap % c->KernelWidth * c->WeightStrides.Column;

    // Rows channels, columns (filter, tap).
    static void TurnWeight(void** p, long* d, float* tile, long tileStride, long batch, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        long taps = c->KernelHeight * c->KernelWidth, first = batch % c->Groups * (c->Filters / c->Groups);
        for (long r = 0; r < rows; r++)
            for (long k = 0; k < cols;)
            {
                // What lies in one filter at a time.
                long filter = first + (col + k) / taps, tap = (col + k) % taps, count = Math.Min(cols - k, taps - tap), from = (row + r) * taps + tap;
                var to = (T*)tile + r * tileStride + k;
                if (c->WeightMaker.IsSet) c->WeightMaker.Fill((float*)to, count, 0, filter, 1, from, count);
                else
                    for (long j = 0; j < count; j++) to[j] = *Weight(c, filter, row + r, tap + j);
                k += count;
            }
    }

    // Rows filters, columns (image, place of the map).
    static void RowsOfMap(void** p, long* d, float* tile, long tileStride, long group, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        long places = c->MapHeight * c->MapWidth, first = group * (c->Filters / c->Groups);
        var maps = c->Maps;
        for (long r = 0; r < rows; r++)
            for (long k = 0; k < cols;)
            {
                long image = (col + k) / places, place = (col + k) % places, count = Math.Min(cols - k, c->MapWidth - place % c->MapWidth);
                Line((T*)tile + r * tileStride + k, maps, image, first + row + r, place / c->MapWidth, place % c->MapWidth, 1, count);
                k += count;
            }
    }

    // Rows (channel, tap), columns (image, place of the map).
    static void UnfoldPixels(void** p, long* d, float* tile, long tileStride, long group, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        var places = c->MapHeight * c->MapWidth;
        for (long k = 0; k < cols;)
        {
            // What lies in one image at a time.
            long image = (col + k) / places, place = (col + k) % places, count = Math.Min(cols - k, places - place);
            UnfoldImage(p, d, (float*)((T*)tile + k), tileStride, image * c->Groups + group, row, rows, place, count);
            k += count;
        }
    }
}
