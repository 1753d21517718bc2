using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Graph.Operations;

namespace Graph.Gpu;

/// <summary>
/// Kernels of 16-bit numbers on tensor cores: products of 4096 and 8192, causal attention of 64 and 128 columns forward and backward, convolutions as a residual network has them. <c>peer.py --speed</c> makes the same in PyTorch; here only times and rates
/// are found out, and that the launches took the tensor cores where the card has any.
/// </summary>
static class TensorSpeedSection
{
    static IEnumerable<(string Name, string Text, double Operations)> Programs(bool isShort)
    {
        foreach (var n in isShort ? [40] : (int[])[4096, 8192])
            yield return ($"product {n}", $"func f(a: f16[{n},{n}], b: f16[{n},{n}]) -> (f16[{n},{n}])\n  %0 = matmul a, b\n  return %0\n", 2.0 * n * n * n);
        foreach (var width in isShort ? [32] : (int[])[64, 128])
        {
            var (batch, heads, length) = isShort ? (1, 2, 40) : (4, 16, 4096);
            string head = $"f16[{batch},{heads},{length},{width}]", result = $"f16[{batch},{length},{heads},{width}]", numbers = $"f32[{batch},{heads},{length},2]";
            var attributes = FormattableString.Invariant($"{{causal=true, scale={1 / Math.Sqrt(width)}}}");
            // Of a causal attention half: two products forward, five backward.
            var each = 2.0 * batch * heads * length * length * width / 2;
            yield return ($"attention {width} forward", $"func f(q: {head}, k: {head}, v: {head}) -> ({result})\n  %0, %1 = scaled_dot_product_attention q, k, v {attributes}\n  return %0\n", 2 * each);
            yield return ($"attention {width} backward", $"func f(q: {head}, k: {head}, v: {head}, o: {result}, n: {numbers}, g: {result}) -> ({head}, {head}, {head})\n  %0, %1, %2 = scaled_dot_product_attention_grad q, k, v, o, n, g {attributes}\n  return %0, %1, %2\n", 5 * each);
        }
        foreach (var (channels, size) in isShort ? [(8, 6)] : ((int, int)[])[(64, 56), (256, 14)])
        {
            var images = isShort ? 1 : 64;
            string x = $"{images},{channels},{size},{size}", w = $"{channels},{channels},3,3", window = "dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]";
            var operations = 2.0 * images * size * size * channels * channels * 9;
            yield return ($"convolution {channels} forward", $"func f(x: f16[{x}], w: f16[{w}]) -> (f16[{x}])\n  %0 = conv2d x, w {{{window}}}\n  return %0\n", operations);
            yield return ($"convolution {channels} image gradient", $"func f(g: f16[{x}], w: f16[{w}]) -> (f16[{x}])\n  %0 = conv2d_grad_input g, w {{{window}, shape=[{x}]}}\n  return %0\n", operations);
            yield return ($"convolution {channels} weight gradient", $"func f(x: f16[{x}], g: f16[{x}]) -> (f16[{w}])\n  %0 = conv2d_grad_weight x, g {{{window}, shape=[{w}]}}\n  return %0\n", operations);
        }
    }

    public static unsafe void Run(Card card)
    {
        foreach (var (name, text, operations) in Programs(card.IsShort))
        {
            var lowered = Card.Lower(ProgramParser.Parse("program P version 1\n" + text, OperationTable.Set));
            var function = lowered.Find("f")!;
            using var model = card.Model(lowered, seed: 1);
            int capability;
            using (var driver = card.Open()) capability = driver.Capability;
            var variant = PtxTarget.Modules(PtxTarget.Emit(lowered), capability)[^1].Variant;
            var (isOnCores, hasCores) = (function.Launches.SelectMany(l => PtxLaunches.Of(l, DimBinding.Empty, variant)).Any(l => l.Variant.HasTensorCores), capability >= PtxVariant.TensorCores.Capability);
            (long Count, DType Type)[] all = [.. function.Signature.Parameters.Select(p => p.Type).Concat(function.Signature.Results.Select(r => r.Type)).Select(t => (t.Shape.Evaluate(DimBinding.Empty).Aggregate(1L, (n, s) => n * s), t.DType))];
            long Bytes((long Count, DType Type) of) => (of.Count * of.Type.Size() + 63) / 64 * 64;
            var memory = (byte*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc((nuint)all.Sum(Bytes), 64);
            try
            {
                var (arguments, random) = (new List<Runtime.Execution.CallArgument>(), new Random(1));
                var at = memory;
                foreach (var of in all)
                {
                    // Numbers like those of a model: a card that has nothing to add runs faster.
                    for (long i = 0; i < of.Count; i++)
                        if (of.Type == DType.F16) ((Half*)at)[i] = (Half)(random.NextSingle() - 0.5f);
                        else ((float*)at)[i] = 1 + random.NextSingle();
                    arguments.Add(new(at, of.Count));
                    at += Bytes(of);
                }
                model.Run("f", [.. arguments]);
                model.Session.Profiling = true;
                for (var i = 0; i < (card.IsShort ? 1 : 10); i++) model.Run("f", [.. arguments]);
                var seconds = model.Session.Profile("f").Sum() / (card.IsShort ? 1 : 10);
                card.Report(new(name, isOnCores == hasCores && seconds > 0, ("ms", seconds * 1e3), ("tflops", operations / seconds / 1e12), ("variant", variant.Architecture)));
            }
            finally
            {
                System.Runtime.InteropServices.NativeMemory.AlignedFree(memory);
            }
        }
    }
}
