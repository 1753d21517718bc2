using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Targets;
using Graph.Yardsticks.Programs;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Language;

/// <summary>What entries compute from the model's numbers alone: once for each version of them.</summary>
public sealed class DerivedTests
{
    const string Source = """
        [Model] [Dim("B", Max = 8)] public partial class M
        {
            readonly Parameter weight = new([40, 40], Init.Normal(1)), gain = new([40], Init.Constant(2));
            readonly State mean = new([40, 40], Init.Ones), last = new([40, 40], Init.Ones);
            Tensor Normalized => weight / weight.Square().Sum(1, keep: true).Sqrt() - mean;
            [Entry] public Tensor Predict([Shape("B", 40)] Tensor x) => x.MatMul(Normalized.T) * (gain * 2);
            [Entry] public Tensor Bounded([Shape("B", 40)] Tensor x) => x.MatMul(Normalized.T).Tanh();
            [Entry] public Tensor Keep([Shape("B", 40)] Tensor x)
            {
                var y = x.MatMul((last * last * 3).T);
                last.Assign(last + 1);
                return y;
            }
            [Loss] public Tensor Loss([Shape("B", 40)] Tensor x)
            {
                if (Mode.Training) mean.Assign(mean * 0.5f);
                return (x.MatMul(Normalized.T) * gain).Square().Mean();
            }
            [Train] public static Sgd Optimizer() => new(learningRate: 0.1);
        }
        """;

    static float[] Input(int rows) => [.. Enumerable.Range(0, rows * 40).Select(i => (i * 37 % 23 - 11) / 8f)];

    static StateDecl[] Derived(RunningModel model) => [.. model.Source.Stages.Final.States.Where(s => s.Kind == StateKind.Derived)];

    // What the program says before anything was taken out of it, with the numbers that the model has now.
    static void Compare(RunningModel model, string function)
    {
        var x = Input(2);
        var states = model.Instance.Store.ToDictionary(t => t.Path, t => new TensorData(DType.F32, [.. t.Shape], [.. t.Values.ToArray().Select(v => (double)v)]));
        var expected = new Interpreter(model.Source.Stages.Find("Graph")!).Run(function, [new(DType.F32, [2, 40], [.. x.Select(v => (double)v)])], states, DimBinding.Empty.With("B", 2)).Results[0];
        var actual = model.Call(function, 80, x);
        for (var i = 0; i < 80; i++) Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-4 * Math.Max(1, Math.Abs(expected[i])), $"{function}[{i}] is {actual[i]}, expected {expected[i]}");
    }

    [Fact]
    public void What_depends_on_the_numbers_alone_is_computed_once_a_version()
    {
        using var model = RunningModel.Of(Source);
        var store = model.Instance.Store;
        var before = store.Bytes;
        Assert.Equal([40L, 40], Assert.Single(Derived(model)).Type.Shape.Evaluate(DimBinding.Empty)); // one for both entries and the loss; gain * 2 is not worth it
        Compare(model, "predict");
        Compare(model, "bounded");
        using (var session = model.NewSession()) Compare(session, "predict");
        Assert.Equal(1, store.Derivations);
        Assert.Equal(before + 40 * 40 * 4 + KnownTargets.Cpu.Packing.RightFloats(KnownTargets.Cpu.Products, 40, 40) * 4, store.Bytes); // the loss reads it as it is, the entries packed

        model.Step(Input(3));
        model.Step(Input(3));
        Assert.Equal(1, store.Derivations); // steps compute what they change for themselves
        Compare(model, "predict");
        Compare(model, "bounded");
        Assert.Equal(2, store.Derivations);
        store["weight"].Write<float>(w => w[3] = 7);
        Compare(model, "predict");
        store["mean"].Write<float>([.. Enumerable.Repeat(0.25f, 1600)]);
        Compare(model, "bounded");
        Assert.Equal(4, store.Derivations);
        store.Reset(seed: 8);
        Compare(model, "predict");
        Assert.Equal(5, store.Derivations);
    }

    [Fact]
    public void A_file_does_not_have_it_and_loading_ends_its_version()
    {
        var path = Path.GetTempFileName();
        try
        {
            using var model = RunningModel.Of(Source, seed: 3);
            using var other = RunningModel.Of(Source, seed: 4);
            Compare(model, "predict");
            Compare(other, "predict");
            model.Instance.SaveCheckpoint(path, null, System.Collections.Immutable.ImmutableDictionary<string, string>.Empty, weightsOnly: false);
            Assert.DoesNotContain("derived", File.ReadAllText(path), StringComparison.Ordinal);
            other.Instance.LoadCheckpoint(path, new());
            Compare(other, "predict");
            Assert.Equal(model.Call("predict", 80, Input(2)), other.Call("predict", 80, Input(2)));
            Assert.DoesNotContain(other.Instance.Store, t => t.Kind == StateKind.Derived);
            Assert.Contains("is not to be written", Assert.Throws<InvalidOperationException>(() => other.Instance.Store[Derived(other)[0].Path].Write<float>(_ => { })).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Readers_beside_a_writer_see_what_belongs_to_one_version()
    {
        using var model = RunningModel.Of(Source, threads: 1);
        float[][] weights = [[.. Input(40)], [.. Input(40).Select((v, i) => v + (i % 5 == 0 ? 1.5f : 0))]];
        var expected = weights.Select(w =>
        {
            model.Instance.Store["weight"].Write<float>(w);
            return model.Call("predict", 40, Input(1));
        }).ToArray();
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(r => Task.Factory.StartNew(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    var seen = model.Call(r == 0 ? "bounded" : "predict", 40, Input(1));
                    if (r > 0) Assert.True(expected.Any(e => e.SequenceEqual(seen)), "a result is of no one version");
                }
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        for (var i = 0; i < 300; i++)
        {
            model.Instance.Store["weight"].Write<float>(weights[i % 2]);
            if (i % 3 == 0) Assert.Equal(expected[i % 2], model.Call("predict", 40, Input(1)));
        }
        stop.Cancel();
        await Task.WhenAll(readers);
    }

    [Fact]
    public void What_an_entry_assigns_a_session_owns_or_an_argument_sizes_stays_where_it_is()
    {
        using var model = RunningModel.Of("""
            [Model] [Dim("B", Max = 64)] public partial class M
            {
                readonly Parameter weight = new([64, 64], Init.Ones);
                readonly State last = new([64, 64], Init.Ones), cache = new([64, 64], Init.Ones, lifetime: StateLifetime.Session);
                [Entry] public Tensor Keep([Shape(64)] Tensor x) { var y = (last * last).Sum(0) * x; last.Assign(last + 1); return y; }
                [Entry] public Tensor Read([Shape(64)] Tensor x) => (last * last).Sum(0) * x;
                [Entry] public Tensor Cached([Shape(64)] Tensor x) => (cache * cache).Sum(0) * x;
                [Entry] public Tensor Sized([Shape("B", 64)] Tensor x) => x * (weight * x.Shape[0]).Sum(0);
                [Entry] public Tensor Drawn([Shape(64)] Tensor x) => x * (weight * Tensor.Uniform([64, 64], 0, 1)).Sum(0);
                [Entry] public Tensor Viewed([Shape(64)] Tensor x) => x * weight.T.Slice(0, 3, 4).Reshape(64);
            }
            """);
        Assert.Empty(Derived(model));
        using var session = model.NewSession();
        float[] ones = [.. Enumerable.Repeat(1f, 64)];
        Assert.Equal(64, session.Call("keep", 64, ones)[0]);
        Assert.Equal(256, session.Call("read", 64, ones)[0]);
        Assert.Equal(64, model.Call("read", 64, ones)[0]);
        Assert.Equal(128, model.Call("sized", 128, (float[])[.. ones, .. ones])[0]);
    }

    [Fact]
    public void Casts_copies_folded_statistics_and_merged_weights_are_derived()
    {
        using var model = RunningModel.Of("""
            [Model] [Dim("B", Max = 4)] public partial class M
            {
                readonly Parameter table = new([64, 64], Init.Normal(1));
                readonly Conv2d conv = new(3, 512, kernel: 1, bias: false);
                readonly BatchNorm2d norm = new(512);
                [Entry] public Tensor Rounded([Shape("B", 64)] Tensor x) => x + table.Cast(ElementType.F16).Cast(ElementType.F32).Sum(0);
                [Entry] public Tensor Turned([Shape("B", 64)] Tensor x) => x.MatMul(table.Reshape(8, 8, 64).Transpose(0, 1).Reshape(64, 64));
                [Entry] public Tensor Features([Shape("B", 3, 4, 4)] Tensor image) => norm.Forward(conv.Forward(image)).Relu().Mean([2, 3]);
                [Entry] public Tensor Table([Shape(1)] Tensor x) => table * table;
            }
            """);
        string Nodes(string function) => RunningModel.Stage(model.Source, "Scheduled", function);
        Assert.DoesNotContain("cast", Nodes("rounded"), StringComparison.Ordinal);
        Assert.DoesNotContain("transpose", Nodes("turned"), StringComparison.Ordinal);
        Assert.DoesNotContain("rsqrt", Nodes("features"), StringComparison.Ordinal);
        Assert.DoesNotContain("mul", Nodes("table"), StringComparison.Ordinal);
        var derive = Nodes("derive.states");
        foreach (var operation in new[] { "cast", "transpose", "rsqrt" }) Assert.Contains(operation, derive, StringComparison.Ordinal);
        var table = model["table"].ToArray();
        Assert.Equal(table.Select(v => v * v), model.Call("table", 4096, new float[1]));
        float[] one = [.. Enumerable.Range(0, 64).Select(i => i == 9 ? 1f : 0)];
        Assert.Equal(table[(1 * 8 * 64 + 1 * 64)..(1 * 8 * 64 + 2 * 64)], model.Call("turned", 64, one)); // row (1, 1) of the turned table
        var sums = model.Call("rounded", 64, new float[64]);
        for (var c = 0; c < 64; c++) Assert.Equal(Enumerable.Range(0, 64).Sum(r => (double)(float)(Half)table[64 * r + c]), sums[c], 1e-3);

        // The adapted weights of LoRA are merged once for all calls.
        Assert.Contains("derived#0", LoraGpt.Ir.Scheduled, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_of_modules_that_are_called_often_are_merged_before_the_calls()
    {
        using var model = RunningModel.Of("""
            [Module] public partial class Low(Parameter of) : IParametrization
            {
                readonly Parameter a = new([2, of.Shape[1]], Init.Normal(1)), b = new([of.Shape[0], 2], Init.Normal(1));
                public Tensor Forward(Tensor value) => value + b.MatMul(a);
            }
            [Module] public partial class Block
            {
                readonly Linear one = new(40, 40), two = new(40, 40);
                readonly LayerNorm norm = new(40);
                public Tensor Forward(Tensor x) => x + two.Forward(one.Forward(norm.Forward(x)).Tanh().Square().Exp().Sigmoid()).Softmax(-1) * 0.5f;
            }
            [Module] public partial class Net
            {
                readonly Block[] blocks = [new(), new(), new(), new(), new()];
                public Tensor Forward(Tensor x)
                {
                    foreach (var block in blocks) x = block.Forward(x);
                    return x;
                }
            }
            [Model] [Dim("B", Max = 8)] public partial class M
            {
                readonly Net net = Parametrize.Register(new Net(), "blocks.*.one.weight", w => new Low(w));
                [Entry] public Tensor Predict([Shape("B", 40)] Tensor x) => net.Forward(x);
            }
            """);
        Assert.Equal(5, Derived(model).Length);
        Compare(model, "predict");
        model.Instance.Store["net.blocks.3.one.weight.low.b"].Write<float>(b => b.Fill(0.5f));
        Compare(model, "predict");
        Assert.Equal(2, model.Instance.Store.Derivations);
    }

    [Fact]
    public Task The_stages_of_a_normalized_weight()
    {
        using var model = RunningModel.Of(Source);
        return Verify(
            string.Join("", model.Source.Stages.Final.States.Select(s => $"{s.Kind} {s.Path} {s.Type}\n")) + RunningModel.Stage(model.Source, "Decomposed", "predict") + RunningModel.Stage(model.Source, "Decomposed", "derive.states")
            + RunningModel.Stage(model.Source, "Scheduled", "predict"));
    }
}
