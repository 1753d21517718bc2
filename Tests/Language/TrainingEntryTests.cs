using System;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Text;
using Graph.Tests.Elaboration;
using Graph.Tests.Generators;
using Graph.Tests.Models;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Language;

/// <summary>Entries in training mode: dropout drops and batches are normalized by themselves, but nothing is trained and nothing is kept.</summary>
public sealed class TrainingEntryTests
{
    const string Source = """
        [Model] [Dim("B", Max = 64, Typical = 8)] public partial class M
        {
            readonly Linear first = new(4, 32), second = new(32, 2);
            readonly BatchNorm1d norm = new(4);
            readonly State calls = new([], Init.Zeros);
            Tensor Forward(Tensor x) => second.Forward(first.Forward(x).Relu().Dropout(0.5));
            [Entry] public Tensor Predict([Shape("B", 4)] Tensor x) => Forward(x);
            [Entry(Training = true)] public Tensor Sample([Shape("B", 4)] Tensor x) => Forward(x);
            [Entry(Training = true)] public (Tensor Normalized, Tensor Mean, Tensor Calls) Normalize([Shape("B", 4)] Tensor x)
            {
                calls.Assign(calls + 1);
                var y = norm.Forward(x);
                return (y, norm.RunningMean(), calls + 0);
            }
            [Entry] public Tensor Normalized([Shape("B", 4)] Tensor x) => norm.Forward(x);
            [Entry(Training = false)] public Tensor Plain([Shape("B", 4)] Tensor x) => Forward(x);
        }
        """;

    // A layer of the model's own that shows its state.
    const string Norm = """
        [Module] public partial class BatchNorm1d(int channels)
        {
            readonly State mean = new([channels], Init.Zeros, name: "running_mean");
            public Tensor RunningMean() => mean + 0;
            public Tensor Forward(Tensor x)
            {
                if (!Mode.Training) return x - mean;
                var batch = x.Mean(0);
                mean.Assign(mean * 0.9 + batch * 0.1);
                return x - batch;
            }
        }
        """;

    static RunningModel Model() => RunningModel.Of(Norm + Source);

    static readonly float[] X = [.. Enumerable.Range(0, 32).Select(i => (float)Math.Sin(i) + 1)];

    // Gal and Ghahramani, "Dropout as a Bayesian Approximation", ICML 2016: the mean of many samples is near the prediction, their spread says how sure it is.
    [Fact]
    public void Dropout_draws_anew_with_each_call()
    {
        using var model = Model();
        var sure = model.Call("predict", 16, X);
        var samples = Enumerable.Range(0, 400).Select(_ => model.Call("sample", 16, X)).ToArray();
        Assert.InRange(samples.Select(s => s[0]).Distinct().Count(), 300, 400); // few of the 32 units are above 0, so some masks agree
        for (var i = 0; i < 16; i++)
        {
            double mean = samples.Average(s => s[i]), deviation = Math.Sqrt(samples.Average(s => (s[i] - mean) * (s[i] - mean)));
            Assert.True(deviation > 1e-3);
            Assert.InRange(mean, sure[i] - 6 * deviation / 20, sure[i] + 6 * deviation / 20);
        }
        model.Instance.Draws = 0;
        Assert.Equal(samples[0], model.Call("sample", 16, X));
        Assert.Equal(sure, model.Call("predict", 16, X));
        Assert.Equal(sure, model.Call("plain", 16, X));
    }

    [Fact]
    public void Running_statistics_and_states_stay_what_they_are()
    {
        using var model = Model();
        var results = model.Call("normalize", [32, 4, 1], X);
        for (var channel = 0; channel < 4; channel++)
        {
            var mean = Enumerable.Range(0, 8).Average(b => X[4 * b + channel]);
            Assert.Equal(0.1 * mean, results[1][channel], 1e-5); // what the call itself reads is what it assigned
            for (var b = 0; b < 8; b++) Assert.Equal(X[4 * b + channel] - mean, results[0][4 * b + channel], 1e-5); // the batch's own mean
        }
        Assert.Equal(1, results[2][0]);
        Assert.Equal([0f, 0, 0, 0], model["norm.running_mean"].ToArray());
        Assert.Equal([0f], model["calls"].ToArray());
        Assert.Equal(X, model.Call("normalized", 32, X));
        Assert.Equal(results[1], model.Call("normalize", [32, 4, 1], X)[1]);
        Assert.Empty(model.Instance.Model["normalize"].AssignedStates); // so it needs no session, and runs beside others
    }

    [Fact]
    public void Many_threads_sample_at_once()
    {
        using var model = Model();
        var drawn = new float[64][];
        Parallel.For(0, 64, i => drawn[i] = model.Call("sample", 16, X));
        Assert.Equal(64, drawn.Select(d => d[0]).Distinct().Count());
    }

    [Fact]
    public void The_definition_says_so_and_reads_back()
    {
        var definition = Harness.Define("[Model] public partial class M { [Entry(Training = true)] public Tensor Draw([Shape(4)] Tensor x) => x.Dropout(0.5); [Entry] public Tensor Plain([Shape(4)] Tensor x) => x; }");
        var read = ModuleText.Parse(definition.ToText());
        Assert.Equal([true, false], read.Methods.Select(m => m.IsTraining));
        Assert.Equal(definition, read);
    }

    [Fact]
    public Task An_entry_in_training_mode_beside_one_that_is_not()
    {
        var model = Elaborate.Model(Norm + Source).Program;
        return Verify(Graph.Compiler.Ir.Text.ProgramPrinter.Print(model.Find("sample")!) + Graph.Compiler.Ir.Text.ProgramPrinter.Print(model.Find("predict")!) + Graph.Compiler.Ir.Text.ProgramPrinter.Print(model.Find("normalize")!));
    }
}
