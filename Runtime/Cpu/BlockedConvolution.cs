using System;
using System.Numerics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// A convolution and its two gradients in any type but float32, each as the products of its images and groups (<see cref="BlockedProduct{T}"/>) whose operands are unfolded while they are packed: the unfolded
/// image never exists.
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
            A = call->Weight, AM = channels * taps, AK = 1, ABatch1 = filters * channels * taps,
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

    // Rows (channel, tap), columns places of the map.
    static void UnfoldImage(void** p, long* d, float* tile, long tileStride, long batch, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        long taps = c->KernelHeight * c->KernelWidth, image = batch / c->Groups, first = batch % c->Groups * (c->Channels / c->Groups);
        for (long r = 0; r < rows; r++)
        {
            long channel = (row + r) / taps, tap = (row + r) % taps;
            long dy = tap / c->KernelWidth * c->DilationHeight - c->PaddingTop, dx = tap % c->KernelWidth * c->DilationWidth - c->PaddingLeft;
            var plane = (T*)c->Image + image * c->ImageStrides.Image + (first + channel) * c->ImageStrides.Channel;
            var to = (T*)tile + r * tileStride;
            for (long k = 0; k < cols; k++)
            {
                long y = (col + k) / c->MapWidth * c->StrideHeight + dy, x = (col + k) % c->MapWidth * c->StrideWidth + dx;
                to[k] = (ulong)y < (ulong)c->Height && (ulong)x < (ulong)c->Width ? plane[y * c->ImageStrides.Row + x * c->ImageStrides.Column] : T.Zero;
            }
        }
    }

    // Rows (filter, tap), columns pixels of the image.
    static void UnfoldMap(void** p, long* d, float* tile, long tileStride, long batch, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        long taps = c->KernelHeight * c->KernelWidth, image = batch / c->Groups, first = batch % c->Groups * (c->Filters / c->Groups);
        for (long r = 0; r < rows; r++)
        {
            long filter = (row + r) / taps, tap = (row + r) % taps;
            long dy = c->PaddingTop - tap / c->KernelWidth * c->DilationHeight, dx = c->PaddingLeft - tap % c->KernelWidth * c->DilationWidth;
            var plane = (T*)c->Map + image * c->MapStrides.Image + (first + filter) * c->MapStrides.Channel;
            var to = (T*)tile + r * tileStride;
            for (long k = 0; k < cols; k++)
            {
                long y = (col + k) / c->Width + dy, x = (col + k) % c->Width + dx;
                var meets = y >= 0 && x >= 0 && y % c->StrideHeight == 0 && x % c->StrideWidth == 0 && y / c->StrideHeight < c->MapHeight && x / c->StrideWidth < c->MapWidth;
                to[k] = meets ? plane[y / c->StrideHeight * c->MapStrides.Row + x / c->StrideWidth * c->MapStrides.Column] : T.Zero;
            }
        }
    }

    // Rows channels, columns (filter, tap).
    static void TurnWeight(void** p, long* d, float* tile, long tileStride, long batch, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        long taps = c->KernelHeight * c->KernelWidth, channels = c->Channels / c->Groups, first = batch % c->Groups * (c->Filters / c->Groups);
        for (long r = 0; r < rows; r++)
            for (long k = 0; k < cols; k++)
                ((T*)tile)[r * tileStride + k] = ((T*)c->Weight)[((first + (col + k) / taps) * channels + row + r) * taps + (col + k) % taps];
    }

    // Rows filters, columns (image, place of the map).
    static void RowsOfMap(void** p, long* d, float* tile, long tileStride, long group, long row, long rows, long col, long cols)
    {
        var c = (ConvolutionCall*)p;
        long places = c->MapHeight * c->MapWidth, first = group * (c->Filters / c->Groups);
        for (long r = 0; r < rows; r++)
            for (long k = 0; k < cols; k++)
            {
                long image = (col + k) / places, place = (col + k) % places;
                ((T*)tile)[r * tileStride + k] = ((T*)c->Map)[image * c->MapStrides.Image + (first + row + r) * c->MapStrides.Channel + place / c->MapWidth * c->MapStrides.Row + place % c->MapWidth * c->MapStrides.Column];
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
