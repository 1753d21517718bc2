using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;

namespace Graph.Gpu;

/// <summary>Row kernels and the optimizer beside a copy of as many bytes.</summary>
static class SpeedSection
{
    static readonly (string Name, string Text)[] programs =
    [
        ("copy", "func f(x: f32[R,C]) -> (f32[R,C])\n  %0 = neg x\n  return %0\n"), ("softmax", "func f(x: f32[R,C]) -> (f32[R,C])\n  %0 = softmax x {axis=1}\n  return %0\n"),
        ("layer_norm", "func f(x: f32[R,C], w: f32[C], b: f32[C]) -> (f32[R,C])\n  %0 = layer_norm x, w, b {epsilon=0.00001}\n  return %0\n"),
        ("update", "func f(x: f32[R,C], g: f32[R,C], m: f32[R,C]) -> (f32[R,C], f32[R,C])\n  %0 = constant {dtype=\"f32\", value=0.9}\n  %1 = mul m, %0\n  %2 = add %1, g\n  %3 = sub x, %2\n  return %3, %2\n"),
    ];

    public static unsafe void Run(Card card)
    {
        // 256 MB a tensor; less where a few programs are asked for, as tests do.
        var (rows, columns) = card.IsShort ? (8, 33) : (65536, 1024);
        double copied = 0;
        foreach (var (name, text) in programs)
        {
            var lowered = Card.Lower(ProgramParser.Parse($"program P version 1\n{text.Replace("R,", rows + ",").Replace(",C]", $",{columns}]").Replace("[C]", $"[{columns}]")}", OperationTable.Set));
            var function = lowered.Find("f")!;
            using var model = card.Model(lowered, seed: 1);
            long Count(TensorType type) => type.Shape.Evaluate(DimBinding.Empty).Aggregate(1L, (n, s) => n * s);
            long[] sizes = [.. function.Signature.Parameters.Select(p => Count(p.Type)), .. function.Signature.Results.Select(r => Count(r.Type))];
            var memory = (float*)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)(sizes.Sum() * sizeof(float)));
            try
            {
                var arguments = new List<Runtime.Execution.CallArgument>();
                foreach (var size in sizes) arguments.Add(new(memory + arguments.Sum(a => a.Length), size));
                // Of kernels, without the copies to and from the card: a profile starts them one by one.
                model.Session.Profiling = true;
                model.Run("f", [.. arguments]);
                model.Session.Profiling = false;
                model.Session.Profiling = true;
                for (var i = 0; i < 5; i++) model.Run("f", [.. arguments]);
                var seconds = model.Session.Profile("f").Sum() / 5;
                var bytes = function.Launches.Sum(l => l.Traffic.Evaluate(DimBinding.Empty));
                var rate = bytes / seconds;
                if (name == "copy") copied = rate;
                // A row kernel or an update moves at least four fifths of what a copy does; of a card that is emulated the times say nothing.
                card.Report(new(name, card.IsShort || rate >= 0.8 * copied, ("bytes", bytes), ("ms", seconds * 1e3), ("gb_per_s", rate / 1e9), ("of_copy", rate / copied)));
            }
            finally
            {
                System.Runtime.InteropServices.NativeMemory.Free(memory);
            }
        }
    }
}
