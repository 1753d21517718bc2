using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Graph.PtxEmulator;
using Graph.Tests.Attention;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>
/// Small faults in products and convolutions on tensor cores: those of every kernel, and those of fragments, places and asynchronous copies. Each product is run at sizes whose stages pass through the ring more than once; sums are exact, so results are compared bit by
/// bit. docs/tensor-cores.md has the table; <c>tensor-mutants.md</c> beside the tests has that of this run.
/// </summary>
public sealed partial class TensorMutantTests
{
    // Both operands along the summed extent; both along their lines; through registers, made and at odd places; what windows see beside filters that are copied, of a strided gradient, and along pixels.
    static readonly (string Name, string Text)[] Programs =
    [
        ("deep", "func f(a: f16[19,168], bt: f16[40,168], c: f16[40]) -> (f16[19,40])\n  %0 = transpose bt {order=[1,0]}\n  %1 = matmul a, %0\n  %2 = add %1, c\n  return %2\n"),
        ("lines", "func f(at: f16[168,24], b: f16[168,66]) -> (f32[24,66])\n  %0 = transpose at {order=[1,0]}\n  %1 = cast %0 {dtype=\"f32\"}\n  %2 = cast b {dtype=\"f32\"}\n  %3 = matmul %1, %2\n  return %3\n"),
        ("registers", "func f(a: f16[18,167], b: f16[167,35]) -> (f16[18,35])\n  %0 = mul a, a\n  %1 = matmul %0, b\n  return %1\n"),
        ("windows", "func f(x: f16[2,24,5,6], w: f16[18,24,3,3], c: f16[18,1,1]) -> (f16[2,18,5,6])\n  %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}\n  %1 = add %0, c\n  return %1\n"),
        ("windows reached", "func f(dy: f16[1,40,3,4], w: f16[40,18,2,3]) -> (f16[1,18,5,7])\n  %0 = conv2d_grad_input dy, w {dilation=[1,1], groups=1, padding=[1,1], shape=[1,18,5,7], stride=[2,2]}\n  return %0\n"),
        ("windows of pixels", "func f(x: f16[3,5,9,7], dy: f16[3,18,9,7]) -> (f32[18,5,3,3])\n  %0 = cast x {dtype=\"f32\"}\n  %1 = cast dy {dtype=\"f32\"}\n  %2 = conv2d_grad_weight %0, %1 {dilation=[1,1], groups=1, padding=[1,1], shape=[18,5,3,3], stride=[1,1]}\n  return %2\n"),
    ];

    [GeneratedRegex(@"^(?<head>    mma\S+ \{[^}]*\}, \{)(?<a>[^}]*)(?<middle>\}, \{)(?<b>[^}]*)(?<tail>\}, .*)$")]
    private static partial Regex Products();

    static IEnumerable<Mutant> Particular(string text)
    {
        var lines = text.Split('\n');
        var products = 0;
        for (var i = 0; i < lines.Length; i++)
        {
            Mutant Of(MutationKind kind, string after) => new(kind, i + 1, lines[i], after, string.Join('\n', lines.Select((l, n) => n == i ? after : l)));
            if (Products().Match(lines[i]) is { Success: true } product && products++ % 3 == 0)
            {
                string[] a = product.Groups["a"].Value.Split(", "), b = product.Groups["b"].Value.Split(", ");
                string With(string[] left, string[] right) => product.Groups["head"].Value + string.Join(", ", left) + product.Groups["middle"].Value + string.Join(", ", right) + product.Groups["tail"].Value;
                yield return Of(MutationKind.FragmentSwapped, products % 2 == 0 ? With([a[0], a[2], a[1], a[3]], b) : With([a[1], a[0], a[2], a[3]], b));
                yield return Of(MutationKind.FragmentSwapped, With(a, [b[1], b[0]]));
            }
            else if (lines[i].StartsWith("    ldmatrix", StringComparison.Ordinal))
                yield return Of(MutationKind.FragmentSwapped, lines[i].Contains(".trans", StringComparison.Ordinal) ? lines[i].Replace(".trans", "", StringComparison.Ordinal) : lines[i].Replace(".x4", ".x4.trans", StringComparison.Ordinal));
            else if (lines[i].StartsWith("    xor.b32", StringComparison.Ordinal))
            {
                yield return Of(MutationKind.SwizzleChanged, lines[i].Replace("xor", "or", StringComparison.Ordinal));
                yield return Of(MutationKind.SwizzleChanged, "    mov.b32" + lines[i]["    xor.b32".Length..lines[i].LastIndexOf(',')] + ";");
            }
            else if (lines[i].StartsWith("    cp.async.wait_group", StringComparison.Ordinal)) yield return Of(MutationKind.CopyOrderDropped, $"    cp.async.wait_group {int.Parse(lines[i].TrimEnd(';').Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture) + 1};");
        }
    }

    [Fact]
    public void Small_faults_on_tensor_cores_are_caught()
    {
        var tile = PtxTensorTile.Table.Single(t => t.Name == "64x64");
        var outcomes = new List<MutantOutcome>();
        for (var p = 0; p < Programs.Length; p++)
        {
            var (name, source) = Programs[p];
            var lowered = KernelTests.Lower(KernelTests.Parse(source));
            outcomes.AddRange(Outcomes(name, lowered, [.. lowered.Functions[0].Signature.Parameters.Select(a => KernelProgram.Draw(a.Type, a.Name!, DimBinding.Empty, new(p + a.Name!.Length), (_, _, random) => random.Next(-3, 4)))], tile, p, 10));
        }
        AttentionCase[] attentions = [new("attention", (2, 2, 40, 32), (1, 150), 32) { Causal = true, Position = 100, Lengths = [139, 0] }, new("wide attention", (2, 1, 34, 256), (1, 66), 256) { Lengths = [66, 0] }];
        for (var a = 0; a < attentions.Length; a++) outcomes.AddRange(Outcomes(attentions[a].Name, AttentionKernelTests.Lower(attentions[a], DType.F16), attentions[a].Arguments(DType.F16), tile, Programs.Length + a, a == 0 ? 12 : 4));
        var table = MutantRunner.Table(outcomes) + "\n" + string.Join("\n", outcomes.GroupBy(o => o.Kernel).Select(g => $"{g.Key}: {g.Count(o => o.Caught)} of {g.Count()}")) + "\n" + string.Join("\n", outcomes.Where(o => !o.Caught).Select(o => $"{o.Kernel}: {o.Mutant}")) + "\n";
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "tensor-mutants.md"), table);
        Assert.True(outcomes.Count >= 200, table);
        Assert.True(outcomes.Count(o => o.Caught) >= 0.95 * outcomes.Count, table);
    }

    // Some faults of each kind in a program's module.
    static IReadOnlyList<MutantOutcome> Outcomes(string name, LoweredProgram lowered, TensorData[] arguments, PtxTensorTile tile, int p, int some)
    {
        var text = EmulatedMachine.TensorModule(lowered, tile: tile);
        TensorData[] Run(string module) => new EmulatedMachine(lowered, new() { Seed = 1, InstructionLimit = 8_000_000 }, text: module, variant: PtxVariant.TensorCores, tile: tile).Run("f", DimBinding.Empty, arguments);
        var expected = Run(text);
        var every = Math.Max(1, 4 * text.Count(c => c == '\n') / some);
        var mutants = Mutator.Make(text, seed: 1 + p, (kind, n) => kind is MutationKind.BarrierDeleted or MutationKind.CopyOrderDropped
            || (kind is MutationKind.RegisterSwapped or MutationKind.ImmediateChanged or MutationKind.PredicateInverted or MutationKind.OffsetChanged && (n + p) % every == 0));
        var particular = Particular(text).ToList();
        return MutantRunner.Run(name, [.. mutants, .. particular.Where((_, i) => i % Math.Max(1, particular.Count / (3 * some)) == 0)], module =>
        {
            var results = Run(module);
            for (var r = 0; r < results.Length; r++) KernelTests.Same(expected[r], results[r], name);
        });
    }
}
