using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Graph.Runtime.Cpu;
using Graph.Tests.Property;
using Graph.Tests.Ptx.Emission;
using Graph.Tests.Toy;

namespace Graph.Gpu;

/// <summary>
/// Each kind of kernel, in its types and at the edges of warps, blocks and tiles: the bits of the interpreter of kernels. What has kernels for tensor cores runs on them too, where the card has them: with small integers in 16 bits, whose sums are exact in
/// whatever order a tensor core adds them up.
/// </summary>
static class KernelsSection
{
    public static void Run(Card card)
    {
        // Where little is asked for: one without kernels for tensor cores, one with.
        var (made, programs) = (0, card.IsShort ? [KernelProgram.All[0], KernelProgram.Find("products")] : KernelProgram.All);
        foreach (var program in programs)
        {
            if (!card.HasTime) break;
            var lowered = Card.Lower(program.Parse());
            One(card, program, lowered, PtxVariant.Portable);
            if (!PtxTarget.TensorFunctions(lowered).IsEmpty) One(card, program with { Values = KernelProgram.Exact(program.Values) }, lowered, PtxVariant.TensorCores);
            made++;
        }
        card.ReportAll(made, programs.Length);
    }

    static void One(Card card, KernelProgram program, LoweredProgram lowered, PtxVariant variant)
    {
        var driver = card.Open();
        if (driver.Capability < variant.Capability)
        {
            card.Report(new(program.Name, true, ("variant", variant.Architecture), ("skipped", $"{driver.Name} is older than {variant.Architecture}")));
            driver.Dispose();
            return;
        }
        var interpreter = new ToyMachine(WrittenOut.Of(lowered)) { Exponential = x => VectorMath.Exp((float)x) };
        using var module = new CardModule(driver, [lowered], variant);
        var (different, onCores) = (0L, 0);
        foreach (var (binding, arguments) in program.Runs(lowered.Functions[0].Signature.Parameters).Take(card.IsShort ? 3 : int.MaxValue))
        {
            using var machine = new CardMachine(lowered, module);
            different += interpreter.Run("f", binding, arguments).Zip(machine.Run("f", binding, arguments)).Sum(r => Comparison.Different(r.First, r.Second));
            onCores += PtxSequence.Of(lowered.Functions[0], binding, variant).Count(s => s.Call.Variant.HasTensorCores);
        }
        // A run of the second module that starts none of its kernels shows nothing.
        card.Report(new(program.Name, different == 0 && onCores > 0 == variant.HasTensorCores, ("variant", variant.Architecture), ("kernels", lowered.Kernels.Length), ("on_tensor_cores", onCores), ("different", different)));
    }
}

/// <summary>Programs by chance, of all kinds of kernels, in plain instructions: the bits of the interpreter of their kernels. As many as fit are one module.</summary>
static class ProgramsSection
{
    const int Together = 50;

    public static void Run(Card card)
    {
        var made = 0;
        for (var first = 0; first < card.Count && card.HasTime; first += Together)
        {
            var programs = new List<(int Seed, Compiler.Ir.Program Source, LoweredProgram Lowered)>();
            for (var seed = card.First + first; seed < card.First + Math.Min(first + Together, card.Count); seed++)
                try
                {
                    var source = RandomProgram.Make(seed);
                    programs.Add((seed, source, Card.Lower(source)));
                }
                catch (Exception e) when (e is NotSupportedException or InvalidOperationException)
                {
                    // What is refused counts as a failure.
                    card.Report(new("program " + seed, false, ("error", e.Message)));
                    made++;
                }
            using var module = new CardModule(card.Open(), [.. programs.Select(p => p.Lowered)], PtxVariant.Portable);
            for (var i = 0; i < programs.Count; i++, made++) One(card, module, i, programs[i]);
        }
        card.ReportAll(made, card.Count);
    }

    static void One(Card card, CardModule module, int number, (int Seed, Compiler.Ir.Program Source, LoweredProgram Lowered) program)
    {
        var rows = DimBinding.Empty.With("B", 3);
        var (arguments, states) = RandomProgram.Values(program.Source, program.Seed, rows, DType.F32);
        var interpreter = new ToyMachine(WrittenOut.Of(program.Lowered)) { Exponential = x => VectorMath.Exp((float)x) };
        using var machine = new CardMachine(program.Lowered, module, number);
        foreach (var (path, value) in states)
        {
            interpreter.Set(path, value);
            machine.Set(path, value);
        }
        var different = interpreter.Run("loss", rows, arguments).Zip(machine.Run("loss", rows, arguments)).Sum(r => Comparison.Different(r.First, r.Second));
        card.Report(new("program " + program.Seed, different == 0, ("kernels", program.Lowered.Kernels.Length), ("different", different)));
    }
}
