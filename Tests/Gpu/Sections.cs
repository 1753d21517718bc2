using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Targets.Ptx;
using Graph.Operations;
using Graph.Runtime.Cpu;

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
            using var module = new CardModule(card.Open(), [program], PtxVariant.Portable);
            using var machine = new CardMachine(program, module);
            var actual = machine.Run("f", DimBinding.Empty, [x])[0];
            var different = Enumerable.Range(0, n).Count(i => !Comparison.IsSame(of((float)x.Real[i]), actual.Real[i]));
            card.Report(new(name, different == 0, ("numbers", n), ("different", different)));
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
