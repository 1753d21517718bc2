using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Graph.Tests.Goldens;

/// <summary>What PyTorch says about one operation in float64: values, and the gradients of <c>sum(first output · <see cref="OutputGradient"/>)</c>.</summary>
/// <param name="Name">Operation and variant, <c>conv2d/stride</c>.</param>
/// <param name="Operation">The operation.</param>
/// <param name="Attributes">Its attributes by name; absent ones have PyTorch's defaults.</param>
/// <param name="Inputs">Its operands in order.</param>
/// <param name="Outputs">Its results in order; only the first takes part in the gradients.</param>
/// <param name="Gradients">By input; null where the operation has none.</param>
public sealed record OperationGolden(
    string Name,
    string Operation,
    ImmutableDictionary<string, JsonElement> Attributes,
    ImmutableArray<GoldenInput> Inputs,
    ImmutableArray<GoldenTensor> Outputs,
    ImmutableDictionary<string, ImmutableArray<double>>? Gradients = null)
{
    /// <summary>The gradient that arrives at the first output.</summary>
    public double[] OutputGradient() => GoldenValues.Reals($"{Name}:output_gradient", Outputs[0].Shape.Count(), 2, 0);

    public override string ToString() => Name;
}

/// <summary>A tensor as the file holds it: row-major values.</summary>
public sealed record GoldenTensor(ImmutableArray<int> Shape, ImmutableArray<double> Values);

/// <summary>An operand, a batch or a weight: values that the file lists, or a seed from which <see cref="GoldenValues"/> makes them.</summary>
public sealed record GoldenInput(
    string Name, ImmutableArray<int> Shape, string? Type = null, string? Seed = null, double Scale = 2, double Offset = 0, int Classes = 0, ImmutableArray<double>? Values = null)
{
    /// <summary>Whether it holds indices or flags rather than real numbers.</summary>
    public bool IsInteger => Type == "int" || Classes > 0;

    /// <summary>The row-major values; <paramref name="seed"/> replaces the seed of the file, which batches do not have.</summary>
    public double[] Reals(string? seed = null) => Values is { } values ? [.. values] : GoldenValues.Reals(seed ?? Seed!, Shape.Count(), Scale, Offset);

    /// <summary>The row-major values of an integer input.</summary>
    public long[] Integers(string? seed = null)
        => Values is { } values ? [.. values.Select(v => (long)v)] : GoldenValues.Integers(seed ?? Seed!, Shape.Count(), Classes);
}

/// <summary>Ten steps of AdamW of a yardstick model.</summary>
/// <param name="Model">The model's name in the benchmarks.</param>
/// <param name="Steps">How many steps were made.</param>
/// <param name="Batches">How many batches were used in turn.</param>
/// <param name="Optimizer">AdamW's hyper-parameters.</param>
/// <param name="Inputs">What a batch holds, in the order of the loss's arguments.</param>
/// <param name="Parameters">Names, shapes and starting values, in the order of declaration.</param>
/// <param name="Losses">The loss of each step in float64.</param>
/// <param name="Float32">The same in float32.</param>
/// <param name="Digests">Parameters and running statistics after some of the steps, in float64.</param>
public sealed record TrainingGolden(
    string Model,
    int Steps,
    int Batches,
    GoldenOptimizer Optimizer,
    ImmutableArray<GoldenInput> Inputs,
    ImmutableArray<GoldenInput> Parameters,
    ImmutableArray<double> Losses,
    GoldenSingles Float32,
    ImmutableArray<GoldenDigest> Digests)
{
    /// <summary>The seed of an input at a step (the first is 1).</summary>
    public string BatchSeed(GoldenInput input, int step) => $"{Model}:{input.Name}:{(step - 1) % Batches + 1}";

    /// <summary>
    /// How far PyTorch's float32 back ends (oneDNN on and off, one thread and two, with and without AVX or fused multiply-add) lie from one another
    /// in the loss of any step up to <paramref name="step"/>, relative to float64. Rounding errors grow from step to step, so early steps are held to less.
    /// </summary>
    public double Spread(int step)
        => Enumerable.Range(0, step).Max(i => (Float32.Runs.Max(r => r.Losses[i]) - Float32.Runs.Min(r => r.Losses[i])) / Math.Abs(Losses[i]));

    /// <summary>How far PyTorch in float32 lies from float64 in the loss of any step up to <paramref name="step"/>, relatively, at worst.</summary>
    public double Error(int step)
        => Enumerable.Range(0, step).Max(i => Float32.Runs.Max(r => Math.Abs(r.Losses[i] - Losses[i])) / Math.Abs(Losses[i]));

    public override string ToString() => Model;
}

public sealed record GoldenOptimizer(string Name, double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay);

public sealed record GoldenSingles(ImmutableArray<GoldenRun> Runs);

public sealed record GoldenRun(bool Onednn, int Threads, ImmutableArray<double> Losses);

public sealed record GoldenDigest(int Step, ImmutableArray<GoldenDigestRow> Rows);

/// <summary>A parameter in brief.</summary>
/// <param name="Name">The parameter's or statistic's name.</param>
/// <param name="Sum">Of its values.</param>
/// <param name="Norm">The Euclidean norm.</param>
/// <param name="Values">The first, the middle (at half the count) and the last value.</param>
public sealed record GoldenDigestRow(string Name, double Sum, double Norm, ImmutableArray<double> Values)
{
    /// <summary>
    /// The largest difference from <paramref name="values"/>, relative to the norm for the single values and the norm,
    /// and to the norm times the square root of the count, the most that a sum can be, for the sum.
    /// </summary>
    public double Difference(ReadOnlySpan<double> values)
    {
        double sum = 0, squares = 0;
        foreach (var value in values)
        {
            sum += value;
            squares += value * value;
        }
        var scale = Math.Max(Norm, double.Epsilon);
        var worst = Math.Max(Math.Abs(Math.Sqrt(squares) - Norm) / scale, Math.Abs(sum - Sum) / (scale * Math.Sqrt(values.Length)));
        ReadOnlySpan<double> probes = [values[0], values[values.Length / 2], values[^1]];
        for (var i = 0; i < probes.Length; i++)
            worst = Math.Max(worst, Math.Abs(probes[i] - Values[i]) / scale);
        return worst;
    }
}

/// <summary>Steps of several training programs over one model, in float64.</summary>
/// <param name="Model">The file's name.</param>
/// <param name="Inputs">What steps take, by name.</param>
/// <param name="Parameters">Names, shapes and starting values.</param>
/// <param name="Steps">In the order in which they were made.</param>
/// <param name="After">Every parameter and running statistic after the last step.</param>
public sealed record ProgramGolden(
    string Model, ImmutableArray<GoldenInput> Inputs, ImmutableArray<GoldenInput> Parameters, ImmutableArray<GoldenStep> Steps, ImmutableArray<GoldenInput> After)
{
    /// <summary>The numbers of an input at a step (the first is 1).</summary>
    public float[] Reals(string input, int step) => [.. Input(input).Reals($"{Model}:{input}:{step}").Select(v => (float)v)];

    /// <summary>The integers of an input at a step (the first is 1).</summary>
    public int[] Integers(string input, int step) => [.. Input(input).Integers($"{Model}:{input}:{step}").Select(v => (int)v)];

    GoldenInput Input(string name) => Inputs.Single(i => i.Name == name);
}

/// <summary>A step of a training program.</summary>
public sealed record GoldenStep(string Program, double Loss, double GradientNorm);

/// <summary>Ten steps of a model under autocast on the processor, beside the same in float32.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Torch">The version of PyTorch.</param>
/// <param name="Runs">One for each back end.</param>
public sealed record MixedGolden(string Model, string Torch, ImmutableArray<MixedRun> Runs)
{
    /// <summary>The largest distance of the losses from those in float32, each list as one vector.</summary>
    public double LossDistance => Runs.Max(r => Math.Sqrt(r.Float32.Zip(r.Bfloat16, (a, b) => (a - b) * (a - b)).Sum()));

    /// <summary>The largest distance of all parameters as one vector after the last step.</summary>
    public double ParameterDistance => Runs.Max(r => r.Parameters);
}

/// <summary>Ten steps on one back end.</summary>
/// <param name="Onednn">Whether oneDNN computed.</param>
/// <param name="Float32">The losses in float32.</param>
/// <param name="Bfloat16">The losses under autocast.</param>
/// <param name="Parameters">How far the parameters are apart after the last step.</param>
public sealed record MixedRun(bool Onednn, ImmutableArray<double> Float32, ImmutableArray<double> Bfloat16, double Parameters);

/// <summary>Reads the files that <c>make_goldens.py</c> wrote.</summary>
public static class Golden
{
    static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.Strict,
    };

    /// <summary>The models that have ten steps of training.</summary>
    public static IReadOnlyList<string> Models { get; } = ["mlp", "cnn", "nanogpt", "resnet18", "gpt2"];

    /// <summary>The families of operations, one file each.</summary>
    public static IReadOnlyList<string> Families { get; } = ["elementwise", "contractions", "windows", "rows", "reductions", "movement", "edges"];

    /// <summary>The cases of one family.</summary>
    public static ImmutableArray<OperationGolden> Operations(string family) => Read<OperationFile>(Path.Combine("Operations", family + ".json")).Cases;

    /// <summary>The cases of every family by name.</summary>
    public static IReadOnlyDictionary<string, OperationGolden> All() => all.Value;

    /// <summary>Ten steps of a model.</summary>
    public static TrainingGolden Training(string model) => Read<TrainingGolden>(Path.Combine("Training", model + ".json"));

    /// <summary>Steps of a model's training programs.</summary>
    public static ProgramGolden Programs(string model) => Read<ProgramGolden>(Path.Combine("Programs", model + ".json"));

    /// <summary>Ten steps of a model in 16 bits.</summary>
    public static MixedGolden Mixed(string model) => Read<MixedGolden>(Path.Combine("Mixed", model + ".json"));

    /// <summary>How many elements a shape has.</summary>
    public static int Count(this ImmutableArray<int> shape) => shape.Aggregate(1, (count, size) => count * size);

    static readonly Lazy<IReadOnlyDictionary<string, OperationGolden>> all
        = new(() => Families.SelectMany(family => Operations(family)).ToDictionary(golden => golden.Name));

    static T Read<T>(string file)
    {
        using var stream = File.OpenRead(Path.Combine(Repository.Root, "Tests", "Goldens", file));
        return JsonSerializer.Deserialize<T>(stream, Options) ?? throw new JsonException($"{file} is empty.");
    }

    sealed record OperationFile(string Family, ImmutableArray<OperationGolden> Cases);
}
