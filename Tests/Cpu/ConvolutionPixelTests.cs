using System;
using System.Linq;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

/// <summary>Whether a convolution goes pixel by pixel over many images or unfolds blocks of one is a matter of time alone: the bits are equal, one image at a time or all at once.</summary>
public unsafe class ConvolutionPixelTests
{
    static float[] Run(ConvolutionCall call, ConvolutionKind kind, int threads, bool one)
    {
        using var pool = new WorkerPool(threads);
        long from = kind == ConvolutionKind.Forward ? ConvolutionTests.ImageFloats(call) : ConvolutionTests.MapFloats(call);
        long to = kind == ConvolutionKind.Forward ? ConvolutionTests.MapFloats(call) : ConvolutionTests.ImageFloats(call);
        using var result = new NativeArray(to);
        long images = call.Batch;
        for (long n = 0; n < (one ? images : 1); n++)
        {
            var part = call;
            if (one) part.Batch = 1;
            float* source = (kind == ConvolutionKind.Forward ? call.Image : call.Map) + n * from / images, target = result.Pointer + n * to / images;
            part.Image = kind == ConvolutionKind.Forward ? source : target;
            part.Map = kind == ConvolutionKind.Forward ? target : source;
            Workspaces.Run(pool, &part, kind);
        }
        return result.Span.ToArray();
    }

    [Fact]
    public void All_images_at_once_give_the_bits_of_one_at_a_time()
    {
        foreach (var template in ConvolutionTests.calls.Where(c => c.Batch >= 16))
        {
            using var image = NativeArray.Random(ConvolutionTests.ImageFloats(template), 1);
            using var weight = NativeArray.Random(ConvolutionTests.WeightFloats(template), 2);
            using var map = NativeArray.Random(ConvolutionTests.MapFloats(template), 3);
            var call = template with { Image = image.Pointer, Weight = weight.Pointer, Map = map.Pointer };
            foreach (var kind in (ConvolutionKind[])[ConvolutionKind.Forward, ConvolutionKind.ImageGradient])
            {
                var expected = Run(call, kind, threads: 1, one: true);
                foreach (int threads in (int[])[1, 3])
                    Assert.True(Run(call, kind, threads, one: false).AsSpan().SequenceEqual(expected), $"{kind} {call.Channels}→{call.Filters} {call.Height}×{call.Width} {threads} threads");
            }
        }
    }

    // The one difference: what an infinite weight makes of padding. It also shows which way is taken.
    [Fact]
    public void An_infinite_weight_is_not_seen_where_its_tap_lies_outside()
    {
        var call = ConvolutionTests.calls.First(c => c is { Batch: 32, Channels: 16, Height: 4 });
        using var image = NativeArray.Filled(ConvolutionTests.ImageFloats(call), 1);
        using var weight = NativeArray.Filled(ConvolutionTests.WeightFloats(call), 1);
        using var map = NativeArray.Filled(ConvolutionTests.MapFloats(call), 1);
        for (long i = 0; i < weight.Count; i += 9) weight.Pointer[i] = float.PositiveInfinity;
        call.Image = image.Pointer;
        call.Weight = weight.Pointer;
        call.Map = map.Pointer;
        // The window's first element lies above and to the left of a pixel: the first row and column do not see it.
        var forward = Run(call, ConvolutionKind.Forward, 2, one: false);
        for (int i = 0; i < forward.Length; i++) Assert.Equal(i % 4 == 0 || i / 4 % 4 == 0, float.IsFinite(forward[i]));
        var gradient = Run(call, ConvolutionKind.ImageGradient, 2, one: false);
        for (int i = 0; i < gradient.Length; i++) Assert.Equal(i % 4 == 3 || i / 4 % 4 == 3, float.IsFinite(gradient[i]));
        Assert.DoesNotContain(float.NaN, forward);
        Assert.Contains(float.NaN, Run(call, ConvolutionKind.Forward, 2, one: true));
    }
}
