using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Benchmarks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Graph.Runtime.Cpu;
using Graph.Tests.Property;
using Graph.Tests.Ptx.Emission;
using Graph.Tests.Toy;

namespace Graph.Gpu;

/// <summary>Which card and driver there are.</summary>
static class DeviceSection
{
    public static void Run(Card card)
    {
        using var driver = card.Open();
        card.Report(new("card", true, ("device", driver.Name), ("system", System.Runtime.InteropServices.RuntimeInformation.OSDescription)));
    }
}

/// <summary>Functions of real numbers: the bits of the processor's library.</summary>
static class FunctionsSection
{
    static readonly (string Name, Func<float, float> Of)[] functions =
    [
        ("exp", VectorMath.Exp), ("log", VectorMath.Log), ("tanh", VectorMath.Tanh), ("sigmoid", VectorMath.Sigmoid), ("erf", VectorMath.Erf), ("atan", VectorMath.Atan), ("rsqrt", VectorMath.Rsqrt), ("sin", VectorMath.Sin), ("cos", VectorMath.Cos),
    ];

    public static void Run(Card card)
    {
        var random = new Random(5);
        var n = 4 * Math.Max(16, card.Count);
        var x = new TensorData(DType.F32, [n], [.. Enumerable.Range(0, n).Select(i => i % 2 == 0 ? (double)BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)) : (float)((random.NextDouble() - 0.5) * 40))]);
        foreach (var (name, of) in functions)
        {
            var program = Card.Lower(ProgramParser.Parse($"program P version 1\nfunc f(x: f32[{n}]) -> (f32[{n}])\n  %0 = {name} x\n  return %0\n", OperationTable.Set));
            using var machine = new CardMachine(program, card.Open());
            var actual = machine.Run("f", DimBinding.Empty, [x])[0];
            var different = Enumerable.Range(0, n).Count(i => !Comparison.IsSame(of((float)x.Real[i]), actual.Real[i]));
            card.Report(new(name, different == 0, ("numbers", n), ("different", different)));
        }
    }
}

/// <summary>Programs by chance, of all kinds of kernels: the bits of the interpreter of their kernels.</summary>
static class ProgramsSection
{
    public static void Run(Card card)
    {
        var rows = DimBinding.Empty.With("B", 3);
        for (var seed = 0; seed < card.Count && card.HasTime; seed++)
        {
            var source = RandomProgram.Make(seed);
            try
            {
                var lowered = Card.Lower(source);
                var (arguments, states) = RandomProgram.Values(source, seed, rows, DType.F32);
                var interpreter = new ToyMachine(WrittenOut.Of(lowered)) { Exponential = x => VectorMath.Exp((float)x) };
                using var machine = new CardMachine(lowered, card.Open());
                foreach (var (path, value) in states)
                {
                    interpreter.Set(path, value);
                    machine.Set(path, value);
                }
                var expected = interpreter.Run("loss", rows, arguments);
                var actual = machine.Run("loss", rows, arguments);
                var different = expected.Zip(actual).Sum(r => Comparison.Different(r.First, r.Second));
                card.Report(new("program " + seed, different == 0, ("kernels", lowered.Kernels.Length), ("different", different)));
            }
            catch (Exception e) when (e is NotSupportedException or InvalidOperationException)
            {
                // What is refused counts as a failure.
                card.Report(new("program " + seed, false, ("error", e.Message)));
            }
        }
    }
}

/// <summary>The yardsticks, dropout on: ten losses on the card beside those of the processor.</summary>
static class ModelsSection
{
    const int Steps = 10;

    public static void Run(Card card)
    {
        foreach (var model in Yardstick.All.Where(y => y.Name != "nanogpt1024"))
        {
            if (!card.HasTime || card.Count < 100 && model.Name != "mlp") continue;
            double[] Losses(IModel made)
            {
                using (made)
                {
                    var step = model.Step(made);
                    StepResult[] results = [.. Enumerable.Range(0, card.Count < 100 ? 2 : Steps).Select(_ => step())];
                    return [.. results.Select(r => r.Loss)];
                }
            }
            var lowered = Card.Lower(ProgramParser.Parse(model.Ir().Elaborated, OperationTable.Set));
            var actual = Losses(model.Over(card.Model(lowered, seed: 1)));
            var expected = Losses(model.Create(threads: 0));
            var worst = expected.Zip(actual).Max(l => Math.Abs(l.First - l.Second) / Math.Max(1, Math.Abs(l.First)));
            card.Report(new(model.Name, worst <= 1e-4, ("losses", actual), ("processor", expected), ("worst", worst)));
        }
    }
}

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
        var (rows, columns) = card.Count < 100 ? (8, 33) : (65536, 1024);
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
                card.Report(new(name, true, ("bytes", bytes), ("ms", seconds * 1e3), ("gb_per_s", rate / 1e9), ("of_copy", rate / copied)));
            }
            finally
            {
                System.Runtime.InteropServices.NativeMemory.Free(memory);
            }
        }
    }
}

/// <summary>Numbers bit by bit; what is no number is one, whatever its bits.</summary>
static class Comparison
{
    public static bool IsSame(double expected, double actual) => BitConverter.DoubleToInt64Bits(expected) == BitConverter.DoubleToInt64Bits(actual) || (double.IsNaN(expected) && double.IsNaN(actual));

    /// <summary>How many elements differ.</summary>
    public static long Different(TensorData expected, TensorData actual)
    {
        long count = 0;
        for (long i = 0; i < expected.Size; i++)
            if (expected.DType.IsFloat() ? !IsSame(expected.Real[i], actual.Real[i]) : expected.Int[i] != actual.Int[i]) count++;
        return count;
    }
}
