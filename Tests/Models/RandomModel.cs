using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.Tests.Models;

/// <summary>
/// Writes the source of a small model by chance, as a user would write one: parameters with and without a gradient of their own, layers, views, reductions, joins, products and images
/// over a named batch, down to a loss, with one of several optimizers. The same seed gives the same text. Most are valid; those that are not have a diagnostic.
/// </summary>
sealed class RandomModel
{
    /// <summary>The named dimension.</summary>
    const int B = -1;

    static readonly string[] Unary = ["Abs()", "Sin()", "Tanh()", "Sigmoid()", "Relu()", "Gelu()", "Silu()", "Softplus()", "LeakyRelu()", "Square()", "Elu()", "Clamp(-0.5, 0.5)", "Cos()", "Erf()", "Sign()", "Floor()"];
    static readonly string[] Binary = ["{0} + {1}", "{0} - {1}", "{0} * {1}", "Tensor.Maximum({0}, {1})", "Tensor.Minimum({0}, {1})", "{0} / ({1}.Square() + 1)", "Tensor.Where({0} < {1}, {0}, {1})", "({0} > {1}) * {1}"];
    static readonly string[] Optimizers =
    [
        "Graph.Nn.AdamW Optimizer() => new(1e-3)", "Graph.Nn.AdamW Optimizer() => new(1e-3, weightDecay: 0)", "Graph.Nn.Sgd Optimizer() => new(0.01)",
        "Graph.Nn.Sgd Optimizer() => new(0.01, momentum: 0.9, nesterov: true)", "Graph.Nn.Sgd Optimizer() => new(0.01, momentum: 0.9, weightDecay: 0.1, dampening: 0.5)",
        "Own Optimizer() => new()", "Still Optimizer() => new()",
    ];

    /// <summary>Optimizers of a user: one that looks at the gradient's sign alone, one that looks at nothing.</summary>
    const string Rules = """
        [Module] public sealed partial class Own
        {
            public double LearningRate => 0.01;
            public (Tensor, Tensor) Update(Tensor value, Tensor gradient, [State] Tensor seen, Tensor learningRate, Tensor step) => (value - learningRate * gradient.Tanh() * (1 / (seen + 1).Sqrt()), seen + gradient * gradient);
        }
        [Module] public sealed partial class Still
        {
            public double LearningRate => 0.01;
            public Tensor Update(Tensor value, Tensor gradient, Tensor learningRate, Tensor step) => value * (1 - learningRate);
        }

        """;

    readonly Random random;
    readonly List<(string Name, int[] Shape)> pool = [];
    readonly List<string> fields = [], body = [];
    int names;

    RandomModel(int seed) => random = new(seed);

    /// <summary>The source of the model <c>M</c> with the loss <c>Loss(x: [B, 4], image: [B, 2, 6, 6], ids: int[B], row: [4])</c>.</summary>
    public static string Source(int seed, int length) => new RandomModel(seed).Write(length);

    string Write(int length)
    {
        pool.Add(("x", [B, 4]));
        pool.Add(("row", [4]));
        pool.Add(("image", [B, 2, 6, 6]));
        for (var i = random.Next(1, 4); i > 0; i--) Parameter(Pick<int[]>([4], [3], [1], [], [4, 4], [3, 4], [1, 4], [4, 1], [2, 6, 6], [5], [2, 3, 4]));
        for (var i = 0; i < length; i++) Step();
        var terms = pool.Where(p => random.Next(3) == 0).Append(pool[^1]).Select(p => Scalar(p.Name, p.Shape)).ToList();
        var loss = string.Join(" + ", terms);
        return Rules + $$"""
            [Model] [Dim("B", Max = 8, Typical = 3)] public partial class M
            {
                {{string.Join("\n    ", fields)}}
                [Loss] public Tensor Loss([Shape("B", 4)] Tensor x, [Shape("B", 2, 6, 6)] Tensor image, [Shape("B")] Tensor<int> ids, [Shape(4)] Tensor row)
                {
                    {{string.Join("\n        ", body)}}
                    return {{loss}};
                }
                [Train{{(random.Next(2) == 0 ? "(ClipNorm = 1)" : "")}}] public static {{Pick(Optimizers)}};
            }
            """;
    }

    T Pick<T>(params T[] items) => items[random.Next(items.Length)];

    (string Name, int[] Shape) Any() => pool[random.Next(4) == 0 ? pool.Count - 1 : random.Next(pool.Count)];

    string Field(string type, string creation)
    {
        var name = "f" + names++;
        fields.Add($"readonly {type} {name} = new({creation});");
        return name;
    }

    void Parameter(int[] shape)
    {
        var name = Field("Parameter", $"[{string.Join(", ", shape)}], Init.Normal(0.5)");
        pool.Add((name, shape));
    }

    void Add(string expression, int[] shape)
    {
        // Sizes stay small, for the reference computes them too.
        if (shape.Aggregate(1L, (n, d) => n * (d == B ? 8 : d)) > 4000 || shape.Length > 5) return;
        var name = "t" + names++;
        body.Add($"var {name} = {expression};");
        pool.Add((name, shape));
    }

    static bool IsIndex(int d) => d > 0;

    string Scalar(string name, int[] shape) => shape.Length == 0 ? name : random.Next(5) switch
    {
        0 => $"{name}.Sum() * 0.1",
        1 => $"{name}.Square().Mean()",
        2 when IsIndex(shape[^1]) => $"({name} * Tensor.Arange({shape[^1]})).Mean()",
        3 => $"({name}.Square().Sum() + 1).Sqrt()",
        _ => $"{name}.Mean()",
    };

    static int[]? Broadcast(int[] a, int[] b)
    {
        var result = new int[Math.Max(a.Length, b.Length)];
        for (var i = 1; i <= result.Length; i++)
        {
            int x = i <= a.Length ? a[^i] : 1, y = i <= b.Length ? b[^i] : 1;
            if (x != y && x != 1 && y != 1) return null;
            result[^i] = x == 1 ? y : x;
        }
        return result;
    }

    void Step()
    {
        var (x, shape) = Any();
        var rank = shape.Length;
        var axis = rank == 0 ? 0 : random.Next(rank);
        int[] Without(bool keep) => keep ? [.. shape.Select((d, i) => i == axis ? 1 : d)] : [.. shape.Where((_, i) => i != axis)];
        int[] With(int size) => [.. shape.Select((d, i) => i == axis ? size : d)];
        var keep = random.Next(2) == 0;
        var flag = keep ? "true" : "false";
        switch (random.Next(30))
        {
            case 0 or 1:
                Add($"{x}.{Pick(Unary)}", shape);
                break;
            case 2 or 3 or 4:
                var (y, other) = pool.OrderBy(_ => random.Next()).FirstOrDefault(p => Broadcast(shape, p.Shape) is not null);
                if (y is not null) Add(string.Format(CultureInfo.InvariantCulture, Pick(Binary), x, y), Broadcast(shape, other)!);
                break;
            case 5:
                Add($"{x} * {Pick("2", "0.5", "-1", "0")} + {Pick("1", "0", "-0.3")}", shape);
                break;
            case 6 when rank > 0:
                Add($"{x}.{Pick("Sum", "Mean", "Max", "Min", "LogSumExp")}({axis}, {flag})", Without(keep));
                break;
            case 7 when rank > 0:
                Add($"{x}.{Pick("Sum", "Mean", "Max")}()", []);
                break;
            case 8 when rank > 0:
                Add($"{x}.{Pick("Softmax", "LogSoftmax", "CumSum")}({axis})", shape);
                break;
            case 9 when rank > 1:
                var second = random.Next(rank);
                var swapped = shape.ToArray();
                (swapped[axis], swapped[second]) = (swapped[second], swapped[axis]);
                Add($"{x}.Transpose({axis}, {second})", swapped);
                break;
            case 10 when rank > 1:
                var order = Enumerable.Range(0, rank).OrderBy(_ => random.Next()).ToArray();
                Add($"{x}.Permute({string.Join(", ", order)})", [.. order.Select(i => shape[i])]);
                break;
            case 11:
                var at = random.Next(rank + 1);
                Add($"{x}.Unsqueeze({at})", [.. shape[..at], 1, .. shape[at..]]);
                break;
            case 12 when rank > 0 && shape[axis] == 1:
                Add($"{x}.Squeeze({axis})", Without(false));
                break;
            case 13 when rank > 1 && shape[1..].All(IsIndex):
                Add($"{x}.Flatten(1)", [shape[0], shape[1..].Aggregate(1, (n, d) => n * d)]);
                break;
            case 14 when rank > 0 && shape.All(IsIndex):
                var size = shape.Aggregate(1, (n, d) => n * d);
                var outer = Enumerable.Range(1, size).Where(n => size % n == 0).OrderBy(_ => random.Next()).First();
                Add($"{x}.Reshape({outer}, {size / outer})", [outer, size / outer]);
                break;
            case 15 when rank > 0 && shape[axis] > 1:
                var start = random.Next(shape[axis]);
                var end = random.Next(start + 1, shape[axis] + 1);
                Add($"{x}.Slice({axis}, {start}, {end})", With(end - start));
                break;
            case 16 when rank > 0 && IsIndex(shape[axis]):
                Add($"{x}.Select({axis}, {random.Next(shape[axis])})", Without(false));
                break;
            case 17 when rank > 0 && shape.All(IsIndex):
                Add($"{x}.Expand({string.Join(", ", shape.Prepend(2).Select((d, i) => d == 1 ? 3 : d))})", [.. shape.Prepend(2).Select(d => d == 1 ? 3 : d)]);
                break;
            case 18 when rank > 0 && IsIndex(shape[axis]):
                Add($"{x}.Repeat(2, {axis})", With(2 * shape[axis]));
                break;
            case 19 when rank > 0 && IsIndex(shape[axis]):
                var part = Enumerable.Range(0, random.Next(1, 4)).Select(_ => pool.Where(p => p.Shape.SequenceEqual(shape)).OrderBy(_ => random.Next()).First().Name).ToArray();
                Add($"Tensor.Concat([{string.Join(", ", part)}], {axis})", With(part.Length * shape[axis]));
                break;
            case 20:
                Add($"Tensor.Stack([{x}, {x} * 2], {axis})", [.. shape[..axis], 2, .. shape[axis..]]);
                break;
            case 21 when rank > 0 && IsIndex(shape[axis]):
                var (before, after) = (random.Next(3), random.Next(3));
                string Zeros(int value) => $"[{string.Join(", ", shape.Select((_, i) => i == axis ? value : 0))}]";
                Add($"{x}.Pad({Zeros(before)}, {Zeros(after)}, {Pick("0", "0.5")})", With(before + after + shape[axis]));
                break;
            case 22 when rank > 0 && IsIndex(shape[^1]):
                var wide = random.Next(1, 5);
                var linear = Field("Graph.Nn.Linear", $"{shape[^1]}, {wide}{(random.Next(2) == 0 ? ", bias: false" : "")}");
                Add($"{linear}.Forward({x})", [.. shape[..^1], wide]);
                break;
            case 23 when rank > 1:
                var right = pool.Where(p => p.Shape.Length == 2 && p.Shape[0] == shape[^1]).OrderBy(_ => random.Next()).FirstOrDefault();
                if (right.Name is not null) Add($"{x}.MatMul({right.Name})", [.. shape[..^1], right.Shape[1]]);
                else Add($"{x}.MatMul({x}.Transpose({rank - 2}, {rank - 1}))", [.. shape[..^1], shape[^2]]);
                break;
            case 24 when rank > 0 && IsIndex(shape[^1]) && shape[^1] > 1:
                Add($"{Field("Graph.Nn.LayerNorm", $"{shape[^1]}")}.Forward({x})", shape);
                break;
            case 25 when rank > 1:
                Add($"{x}.{Pick("Tril", "Triu")}({random.Next(-1, 2)})", shape);
                break;
            case 26:
                var table = random.Next(3) == 0 ? pool.Where(p => p.Shape.Length == 2 && p.Shape.All(IsIndex) && p.Shape[0] >= 3).Select(p => p.Name + "|" + p.Shape[1]).FirstOrDefault() : null;
                if (table is not null) Add($"{table.Split('|')[0]}.Embedding(ids)", [B, int.Parse(table.Split('|')[1], CultureInfo.InvariantCulture)]);
                else Add($"{Field("Graph.Nn.Embedding", "5, 4")}.Forward(ids)", [B, 4]);
                break;
            case 27 when rank == 2 && shape[0] == B && shape[1] >= 3:
                Add($"{x}.CrossEntropy(ids)", []);
                break;
            case 28 when rank == 4 && IsIndex(shape[1]) && IsIndex(shape[2]) && IsIndex(shape[3]):
                Image(x, shape);
                break;
            case 29 when rank > 0 && IsIndex(shape[axis]) && shape[axis] > 1:
                Add($"{x}.{Pick("Variance", "Std")}({axis}, {flag})", Without(keep));
                break;
        }
    }

    void Image(string x, int[] shape)
    {
        var kernel = random.Next(1, 4);
        var stride = Pick(1, 1, 2, 3, 32);
        var padding = random.Next(0, kernel / 2 + 1);
        int Out(int size) => (size + 2 * padding - kernel) / stride + 1;
        if (shape[2] + 2 * padding < kernel || shape[3] + 2 * padding < kernel) return;
        switch (random.Next(3))
        {
            case 0:
                var filters = random.Next(1, 4);
                Add($"{Field("Graph.Nn.Conv2d", $"{shape[1]}, {filters}, kernel: {kernel}, stride: {stride}, padding: {padding}")}.Forward({x})", [shape[0], filters, Out(shape[2]), Out(shape[3])]);
                break;
            case 1:
                Add($"{x}.MaxPool2d({kernel}, {stride}, {padding})", [shape[0], shape[1], Out(shape[2]), Out(shape[3])]);
                break;
            default:
                Add($"{x}.AvgPool2d({kernel}, {stride}, {padding})", [shape[0], shape[1], Out(shape[2]), Out(shape[3])]);
                break;
        }
    }
}
