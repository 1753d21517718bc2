using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Runtime.Execution;
using Graph.Tests.Models;
using Graph.Tests.Lowering;
using Graph.Tests.Passes;
using Graph.Yardsticks;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Planning;

/// <summary>What a model starts from: that it is the program's, says enough for a call at typical sizes, and leaves the rest to the program.</summary>
public sealed unsafe class StartTextTests
{
    static readonly TrainingProgram Training = new(ClipNorm: 1, LearningRate: 0.01);

    static ImmutableArray<MemoryPlan> Plans(LoweredProgram program) => [.. program.Functions.Select(f => Planner.PlanTypical(f, program.Dims))];

    static string Write(LoweredProgram program) => StartText.Write(StartProgram.Of(program, Plans(program)));

    static void ReadsBackEqual(LoweredProgram program)
    {
        var text = Write(program);
        var read = StartText.Read(text);
        Assert.Equal(text, StartText.Write(read));
        Assert.Equal(program.States.ToArray(), read.States.ToArray());
        Assert.Equal(program.Training.ToArray(), read.Training.ToArray());
        foreach (var (function, start) in program.Functions.Zip(read.Functions))
        {
            var signature = function.Signature;
            Assert.Equal(signature.Parameters.Concat(signature.Results).Select(t => (t.Name, t.DType)), start.Names.Zip(start.Types));
            Assert.Equal(signature.Assigned.ToArray(), start.Assigned.ToArray());
            Assert.Equal(new DimSolver(function, program.Dims).Symbols.Select(s => s.Name), start.Symbols);
            if (start.Typical is not { } typical) continue;
            Assert.Equal(function.Launches.Length, typical.Read().Launches.Length);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("started version 2\n")]
    [InlineData("state 0 f32[3] zeros 0 0 Größe.weight\nstate 0 f32[3] zeros 0 0 名前\U0001F600\u007f\u0080\n")]
    public void An_embedded_text_is_read_as_it_was_written(string text) => Assert.Equal(text, SealedText.Text(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void A_state_may_have_a_name_of_any_letters()
    {
        var program = new StartProgram("Größe", 0, [new("Gewicht.größe", new(DType.F32, Shape.Of(3)), StateKind.Parameter, InitSpec.Zeros)], [], []);
        var read = StartText.Read(SealedText.Text(Encoding.UTF8.GetBytes(StartText.Write(program))));
        Assert.Equal(("Größe", "Gewicht.größe"), (read.Name, read.States[0].Path));
    }

    public static TheoryData<string> Models => [nameof(Mlp), nameof(Cnn), nameof(NanoGpt), nameof(CacheModel), nameof(EdgeModel), nameof(CausalAttention)];

    static ModelIr Ir(string model) => model switch
    {
        nameof(Mlp) => Mlp.Ir,
        nameof(Cnn) => Cnn.Ir,
        nameof(NanoGpt) => NanoGpt.Ir,
        nameof(CacheModel) => CacheModel.Ir,
        nameof(EdgeModel) => EdgeModel.Ir,
        nameof(CausalAttention) => CausalAttention.Ir,
        _ => throw new ArgumentException(model),
    };

    [Theory, MemberData(nameof(Models))]
    public void What_a_class_embeds_is_its_programs_start(string model)
    {
        ReadsBackEqual(Ir(model).Embedded.Lowered);
        Assert.Equal(Ir(model).Started, StartText.Write(Ir(model).Embedded.Start));
    }

    [Fact]
    public void Random_programs_start_from_what_reads_back_equal()
    {
        for (var seed = 0; seed < 12; seed++) ReadsBackEqual(Lowerer.Lower(CompilerPipeline.Run(RandomProgram.Create(seed, size: 20), Training, KnownTargets.Cpu)));
        for (var seed = 0; seed < 8; seed++) ReadsBackEqual(Lowerer.Lower(CompilerPipeline.Run(Loops.LoopProgram.Make(seed), KnownTargets.Cpu)));
    }

    const string Classifier = """
        [Model]
        [Dim("B", Max = 16, Typical = 4)]
        public partial class M
        {
            readonly Embedding table = new(7, 8);
            readonly Linear hidden = new(8, 6);
            readonly Linear head = new(6, 3);
            [Entry] public Tensor Predict([Shape("B", 5)] Tensor<int> token) => Logits(token);
            [Loss] public Tensor Loss([Shape("B", 5)] Tensor<int> token, [Shape("B")] Tensor<int> label) => Logits(token).CrossEntropy(label);
            [Train] public static AdamW Optimizer() => new(learningRate: 0.01f);
            Tensor Logits(Tensor token) => head.Forward(hidden.Forward(table.Forward(token)).Gelu().Mean(1));
        }
        """;

    // A model over a program that is read at most as often as it may be.
    static CompiledModel Started(LoweredProgram lowered, Func<int, nint> address, bool mayRead) => new(
        "M", StartText.Read(Write(lowered)), address, () => mayRead ? new(lowered, Plans(lowered)) : throw new InvalidOperationException("the program was read"));

    static (float[] Losses, float[] Results) Train(ModelInstance instance, int batch)
    {
        int[] tokens = [.. Enumerable.Range(0, batch * 5).Select(i => i * 3 % 7)], labels = [.. Enumerable.Range(0, batch).Select(i => i % 3)];
        var results = new float[batch * 3];
        var losses = new float[3];
        fixed (void* t = tokens, l = labels, r = results)
        {
            for (var step = 0; step < losses.Length; step++) losses[step] = (float)instance.TrainStep([new(t, tokens.Length), new(l, labels.Length)]).Loss;
            instance.Run("predict", [new(t, tokens.Length), new(r, results.Length)]);
        }
        return (losses, results);
    }

    [Fact]
    public void Calls_at_typical_sizes_read_no_program_and_give_the_same_bits()
    {
        var lowered = SourceModel.Lower(Classifier).Lowered;
        var kernels = KernelAssembly.Compile(lowered.Kernels);
        using var plain = new ModelInstance(new("M", lowered, kernels.Address), seed: 3, threads: 1);
        using var started = new ModelInstance(Started(lowered, kernels.Address, mayRead: false), seed: 3, threads: 1);
        var (expected, actual) = (Train(plain, 4), Train(started, 4));
        Assert.Equal(expected.Losses, actual.Losses);
        Assert.Equal(expected.Results, actual.Results);
        Assert.Equal(plain.Store.Select(t => (t.Path, t.Length)), started.Store.Select(t => (t.Path, t.Length)));
        Assert.Contains("the program was read", Assert.Throws<InvalidOperationException>(() => Train(started, 5)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_at_other_sizes_read_the_program_and_give_the_same_bits()
    {
        var lowered = SourceModel.Lower(Classifier).Lowered;
        var kernels = KernelAssembly.Compile(lowered.Kernels);
        using var plain = new ModelInstance(new("M", lowered, kernels.Address), seed: 3, threads: 1);
        using var started = new ModelInstance(Started(lowered, kernels.Address, mayRead: true), seed: 3, threads: 1);
        foreach (var batch in new[] { 4, 5, 4, 16 })
        {
            var (expected, actual) = (Train(plain, batch), Train(started, batch));
            Assert.Equal(expected.Losses, actual.Losses);
            Assert.Equal(expected.Results, actual.Results);
        }
        Assert.Equal(lowered.Find("predict"), started.Session.PlanOf("predict").Function);
    }

    [Fact]
    public void A_wrong_call_at_typical_sizes_says_what_the_program_knows()
    {
        var lowered = SourceModel.Lower(Classifier).Lowered;
        using var started = new ModelInstance(Started(lowered, KernelAssembly.Compile(lowered.Kernels).Address, mayRead: true), seed: 3, threads: 1);
        int[] tokens = new int[20];
        var results = new float[12];
        string Refused<T>(int length) where T : Exception => Assert.Throws<T>(() =>
        {
            fixed (void* t = tokens, r = results) started.Run("predict", [new(t, tokens.Length), new(r, length)]);
        }).Message;
        Assert.Contains("expected 12", Refused<ArgumentException>(11), StringComparison.Ordinal);
        _ = Train(started, 4);
        tokens[17] = 7;
        Assert.Contains("token[17] is 7, expected 0 to 6", Refused<ArgumentOutOfRangeException>(12), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_start_is_refused()
    {
        var text = Write(SourceModel.Lower(Classifier).Lowered);
        Assert.Contains("cut off", Assert.Throws<FormatException>(() => StartText.Read(text[..^30])).Message, StringComparison.Ordinal);
        Assert.Contains("altered", Assert.Throws<FormatException>(() => StartText.Read(text.Replace("typical 4", "typical 5", StringComparison.Ordinal))).Message, StringComparison.Ordinal);
        Assert.Contains("version 9", Assert.Throws<FormatException>(() => StartText.Read(text.Replace($"started version {StartText.Version}", "started version 9", StringComparison.Ordinal))).Message, StringComparison.Ordinal);

        CompiledModelDescriptor Descriptor(string start, string lowered) => new()
        {
            AbiVersion = KernelFingerprint.AbiVersion, Name = "Mine", Elaborated = "", StartText = start, Lowered = () => Encoding.UTF8.GetBytes(lowered), KernelAddress = _ => 0,
        };
        Assert.Contains("Rebuild", Assert.Throws<InvalidOperationException>(() => _ = Descriptor(text[..^30], "").Compiled).Message, StringComparison.Ordinal);
        // The program is looked at when it is needed.
        var compiled = Descriptor(text, "lowered version 0\n").Compiled;
        Assert.Contains("Mine", Assert.Throws<InvalidOperationException>(() => compiled.Lowered).Message, StringComparison.Ordinal);
    }
}
