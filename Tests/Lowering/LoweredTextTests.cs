using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Reflection;
using Graph.Compiler.Kernels;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Examples.Digits;
using Graph.Examples.Gpt;
using Graph.Operations;
using Graph.Runtime.Execution;
using Graph.Tests.Ops;
using Graph.Tests.Passes;
using Graph.Yardsticks;
using Graph.Yardsticks.Programs;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Lowered programs and plans as text: what a model starts from is what was compiled, and damage is said.</summary>
public sealed class LoweredTextTests
{
    static readonly TrainingProgram Training = new(ClipNorm: 1, LearningRate: 0.01);

    static LoweredProgram Lower(Program program, TrainingProgram? training) => Lowerer.Lower(training is null ? CompilerPipeline.Run(program, KnownTargets.Cpu) : CompilerPipeline.Run(program, training, KnownTargets.Cpu));

    internal static void ReadsBackEqual(LoweredProgram program)
    {
        var text = LoweredText.Write(program);
        var read = LoweredText.Read(text);
        new Comparison().Same(program, read, program.Name);
        Assert.Equal(text, LoweredText.Write(read));
        Assert.Equal(KernelFingerprint.OfPlan(program, ""), KernelFingerprint.OfPlan(read, ""));
        // Each kernel is told from the others by its text alone.
        Assert.Equal(program.Kernels.Length, program.Kernels.Select(k => k.Text).Distinct().Count());

        var plans = program.Functions.Select(f => Planner.PlanTypical(f, program.Dims)).ToImmutableArray();
        var planned = PlanText.Read(PlanText.Write(plans), read);
        Assert.Equal(plans.Length, planned.Length);
        for (var i = 0; i < plans.Length; i++)
        {
            new Comparison().Same(plans[i], planned[i], program.Name + " plan");
            Assert.Same(read.Functions[i], planned[i].Function);
            PlanVerifier.Verify(planned[i]);
        }
    }

    public static TheoryData<string> Models =>
    [
        nameof(LinearClassifier), nameof(ConvolutionBlock), nameof(NormalizedRows), nameof(CausalAttention), nameof(CacheModel), nameof(EdgeModel), nameof(MaskModel), nameof(NeedyModel),
        nameof(SequentialNet), nameof(Mlp), nameof(Cnn), nameof(NanoGpt), nameof(DigitReader), nameof(MnistReader), nameof(CharacterGpt), nameof(InParts),
    ];

    static ModelIr Ir(string model) => model switch
    {
        nameof(LinearClassifier) => LinearClassifier.Ir,
        nameof(ConvolutionBlock) => ConvolutionBlock.Ir,
        nameof(NormalizedRows) => NormalizedRows.Ir,
        nameof(CausalAttention) => CausalAttention.Ir,
        nameof(CacheModel) => CacheModel.Ir,
        nameof(EdgeModel) => EdgeModel.Ir,
        nameof(MaskModel) => MaskModel.Ir,
        nameof(NeedyModel) => NeedyModel.Ir,
        nameof(SequentialNet) => SequentialNet.Ir,
        nameof(Mlp) => Mlp.Ir,
        nameof(Cnn) => Cnn.Ir,
        nameof(NanoGpt) => NanoGpt.Ir,
        nameof(DigitReader) => DigitReader.Ir,
        nameof(MnistReader) => MnistReader.Ir,
        nameof(CharacterGpt) => CharacterGpt.Ir,
        nameof(InParts) => InParts.Ir,
        _ => throw new ArgumentException(model),
    };

    /// <summary>What a class embeds is what compiling its program gives, kernels and plans included.</summary>
    [Theory, MemberData(nameof(Models))]
    public void What_a_model_starts_from_is_what_was_compiled(string model)
    {
        var compiled = Ir(model).LoweredProgram;
        var embedded = Ir(model).Embedded;
        new Comparison().Same(compiled, embedded.Lowered, model);
        ReadsBackEqual(compiled);
        var read = LoweredText.Read(LoweredText.Write(compiled));
        var plans = PlanText.Read(PlanText.Write(compiled.Functions.Select(f => Planner.PlanTypical(f, compiled.Dims))), read);
        var fresh = new CompiledModel(model, read, _ => 0, plans: plans);
        foreach (var function in fresh.Functions)
        {
            Assert.Same(plans.Single(p => p.Function == function.Lowered), function.Plans.Get([.. function.Solver.Symbols.Select(s => s.Typical)]));
            Assert.Equal(0, function.Plans.Made);
        }
    }

    [Fact]
    public void Random_programs_read_back_equal()
    {
        for (var seed = 0; seed < 24; seed++) ReadsBackEqual(Lower(RandomProgram.Create(seed, size: 20), Training));
        for (var seed = 0; seed < 12; seed++) ReadsBackEqual(Lower(Loops.LoopProgram.Make(seed), null));
    }

    /// <summary>Every operation on every element type that has kernels.</summary>
    [Fact]
    public void Kernels_of_every_type_read_back_equal()
    {
        foreach (var type in new[] { DType.F64, DType.F32, DType.I64, DType.I32, DType.I8 })
        {
            using var compiled = CompiledFunctions.Of([new(type, Shape.Of(6, 50)), new(type, Shape.Of(50))], (b, x) =>
            [
                b.Sum(x[0], 0, keep: false), b.Sum(x[0], 1, keep: false), b.Max(x[0], 0, keep: false), b.Less(x[0], x[1]),
                b.Where(b.Equal(x[0], x[1]), x[0], b.Full(3, x[0].Type)),
            ]);
            ReadsBackEqual(compiled.Lowered);
        }
    }

    /// <summary>Two kernels that differ in nothing but a number within their code.</summary>
    [Fact]
    public void Kernels_that_differ_in_a_short_loop_are_two()
    {
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(5, 1000)), new(DType.F32, Shape.Of(7, 1000))], (b, x) => [b.Sum(x[0], 0, keep: false), b.Sum(x[1], 0, keep: false)]);
        TensorData Ones(int rows) => new(DType.F32, [rows, 1000], [.. Enumerable.Repeat(1.0, rows * 1000)]);
        var results = compiled.Run("f", Ones(5), Ones(7));
        Assert.Equal((5, 7), (results[0][0], results[1][999]));
        Assert.Equal(2, compiled.Lowered.Kernels.Length);
    }

    [Fact]
    public void A_text_that_was_cut_off_altered_or_is_of_another_version_is_refused()
    {
        var text = LoweredText.Write(Lower(RandomProgram.Create(1), Training));
        var random = new Random(3);
        for (var i = 0; i < 200; i++)
        {
            var cut = Assert.Throws<FormatException>(() => LoweredText.Read(text[..random.Next(text.Length)]));
            Assert.True(cut.Message.Contains("cut off", StringComparison.Ordinal) || cut.Message.Contains("no lowered program", StringComparison.Ordinal), cut.Message);
            var at = random.Next($"lowered version {LoweredText.Version}\n".Length, text.Length);
            var altered = text[..at] + (char)(text[at] ^ (1 << random.Next(7))) + text[(at + 1)..];
            var refusal = Assert.Throws<FormatException>(() => LoweredText.Read(altered)).Message;
            Assert.True(refusal.Contains("altered", StringComparison.Ordinal) || refusal.Contains("cut off", StringComparison.Ordinal), refusal);
        }
        var other = Assert.Throws<FormatException>(() => LoweredText.Read(text.Replace($"lowered version {LoweredText.Version}\n", "lowered version 1\n", StringComparison.Ordinal))).Message;
        Assert.Contains("version 1", other, StringComparison.Ordinal);
        Assert.Contains($"knows version {LoweredText.Version}", other, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => LoweredText.Read(""));
    }

    /// <summary>Texts that somebody wrote, with a right sum: wrong lines are named, and nothing but a <see cref="FormatException"/> comes out.</summary>
    [Fact]
    public void Nonsense_with_a_right_sum_is_refused_with_its_line()
    {
        var body = SealedText.Open("lowered", LoweredText.Version, LoweredText.Write(Lower(RandomProgram.Create(2), Training)));
        var lines = body.Split('\n');
        var random = new Random(5);
        for (var i = 0; i < 300; i++)
        {
            var line = random.Next(lines.Length - 1);
            var words = lines[line].Split(' ');
            words[random.Next(words.Length)] = new[] { "", "?", "-1", "99999999999999999999", "[", "p", "v9999", "kernel" }[random.Next(8)];
            var text = SealedText.Seal("lowered", LoweredText.Version, string.Join('\n', lines.Select((l, n) => n == line ? string.Join(' ', words) : l)));
            try
            {
                LoweredText.Read(text);
            }
            catch (FormatException e)
            {
                Assert.StartsWith("line ", e.Message, StringComparison.Ordinal);
            }
        }
        var wrong = SealedText.Seal("lowered", LoweredText.Version, body.Replace("kernel row", "kernle row", StringComparison.Ordinal));
        Assert.Contains("begins no part of a lowered program", Assert.Throws<FormatException>(() => LoweredText.Read(wrong)).Message, StringComparison.Ordinal);
    }

    /// <summary>The body of a kernel is read when somebody asks for it, and then refused with its line: a model that starts needs its name and its form.</summary>
    [Fact]
    public void A_kernel_is_read_when_it_is_asked_for()
    {
        var body = SealedText.Open("lowered", LoweredText.Version, LoweredText.Write(Lower(RandomProgram.Create(2), Training)));
        var at = body.IndexOf("    [", body.IndexOf("  stage", StringComparison.Ordinal), StringComparison.Ordinal);
        var read = LoweredText.Read(SealedText.Seal("lowered", LoweredText.Version, body[..at] + "    q" + body[(at + 5)..]));
        var broken = new List<string>();
        foreach (var kernel in read.Kernels.OfType<LoopKernel>())
        {
            Assert.Equal(kernel.Form == KernelForm.Tile, kernel.IsTile);
            try
            {
                _ = kernel.Stages;
            }
            catch (FormatException e)
            {
                broken.Add(e.Message);
            }
        }
        Assert.StartsWith($"line {body[..at].Count(c => c == '\n') + 2} of a lowered program", Assert.Single(broken), StringComparison.Ordinal);
    }

    const string TwoLayers = """
        [Model] [Dim("B", Max = 8)] public partial class M
        {
            readonly Linear a = new(4, 5);
            readonly Linear b = new(5, 6);
            [Entry] public Tensor Predict([Shape("B", 4)] Tensor x) => b.Forward(a.Forward(x));
        }
        """;

    /// <summary>Layers of different sizes share one product, which says its operands, bodies and order; all of it is in the table, and so in the text and the fingerprint.</summary>
    [Fact]
    public void Products_are_kernels_of_the_table()
    {
        var lowered = Graph.Tests.Models.SourceModel.Lower(TwoLayers).Lowered;
        var product = Assert.Single(lowered.Kernels.OfType<ProductKernel>());
        var launches = lowered.Find("predict")!.Launches.OfType<ContractLaunch>().ToList();
        Assert.Equal(2, launches.Count);
        Assert.All(launches, l => Assert.Same(product, l.Kernel));
        Assert.Equal(["5", "6"], launches.Select(l => l.N.ToString()));
        Assert.NotNull(product.Epilogue);
        Assert.Contains(product.Epilogue, lowered.Kernels);
        Assert.DoesNotContain(product, lowered.Generated);
        Assert.Contains("sums " + KnownTargets.Cpu.Products.Text, product.Text, StringComparison.Ordinal);
        Assert.Contains(product.Text, LoweredText.Write(lowered), StringComparison.Ordinal);
    }

    [Fact]
    public unsafe void A_product_that_was_compiled_for_another_order_of_sums_is_refused()
    {
        var program = Graph.Tests.Models.SourceModel.Lower(TwoLayers).Stages.Final;
        var other = Lowerer.Lower(program, KnownTargets.Cpu with { Products = KnownTargets.Cpu.Products with { DepthBlock = 128 } });
        Assert.NotEqual(KernelFingerprint.OfPlan(Lowerer.Lower(program, KnownTargets.Cpu), ""), KernelFingerprint.OfPlan(other, ""));
        ReadsBackEqual(other);
        using var instance = new ModelInstance(new("M", other, KernelAssembly.Compile(other.Kernels).Address), seed: 0, threads: 1);
        float[] x = new float[8], y = new float[12];
        var refusal = Assert.Throws<NotSupportedException>(() =>
        {
            fixed (void* px = x, py = y) instance.Run("predict", [new(px, 8), new(py, 12)]);
        });
        Assert.Contains("blocks=128", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("blocks=384", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_whose_embedded_text_is_damaged_says_so()
    {
        var lowered = LoweredText.Write(Lower(RandomProgram.Create(1), Training));
        CompiledModelDescriptor Descriptor(string text, string plans) => new()
        {
            AbiVersion = KernelFingerprint.AbiVersion, Name = "Mine", Elaborated = "", Lowered = () => System.Text.Encoding.UTF8.GetBytes(text),
            Plans = () => System.Text.Encoding.UTF8.GetBytes(plans), KernelAddress = _ => 0,
        };
        var refusal = Assert.Throws<InvalidOperationException>(() => _ = Descriptor(lowered[..^40], "").Compiled);
        Assert.Contains("Mine", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("cut off", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Rebuild", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("planned", Assert.Throws<InvalidOperationException>(() => _ = Descriptor(lowered, "planned version 7\n").Compiled).Message, StringComparison.Ordinal);
    }

    /// <summary>Compares two values by everything that they show, objects that are shared once.</summary>
    sealed class Comparison
    {
        sealed class Pairs : IEqualityComparer<(object, object)>
        {
            public bool Equals((object, object) x, (object, object) y) => ReferenceEquals(x.Item1, y.Item1) && ReferenceEquals(x.Item2, y.Item2);

            public int GetHashCode((object, object) pair) => HashCode.Combine(System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(pair.Item1), System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(pair.Item2));
        }

        readonly HashSet<(object, object)> seen = new(new Pairs());
        static readonly Dictionary<Type, PropertyInfo[]> properties = [];

        public void Same(object? expected, object? actual, string path)
        {
            if (expected is null || actual is null)
            {
                Assert.True(expected is null && actual is null, $"{path} is {actual ?? "null"}, expected {expected ?? "null"}");
                return;
            }
            Assert.True(expected.GetType() == actual.GetType(), $"{path} is a {actual.GetType().Name}, expected a {expected.GetType().Name}");
            if (expected is string or Dim or AttributeMap or DimBinding or Shape || expected.GetType().IsPrimitive || expected.GetType().IsEnum)
            {
                Assert.True(expected.Equals(actual), $"{path} is {actual}, expected {expected}");
                return;
            }
            if (!expected.GetType().IsValueType && !seen.Add((expected, actual))) return;
            if (expected is IEnumerable list)
            {
                object?[] some = [.. list.Cast<object?>()], others = [.. ((IEnumerable)actual).Cast<object?>()];
                Assert.True(some.Length == others.Length, $"{path} has {others.Length} items, expected {some.Length}");
                for (var i = 0; i < some.Length; i++) Same(some[i], others[i], $"{path}[{i}]");
                return;
            }
            if (!properties.TryGetValue(expected.GetType(), out var all))
                properties[expected.GetType()] = all = [.. expected.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.GetIndexParameters().Length == 0)];
            foreach (var property in all) Same(property.GetValue(expected), property.GetValue(actual), path + "." + property.Name);
        }
    }
}
