using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.Tests.Calls;

/// <summary>
/// Writes the source of a model whose blocks are called four to six times, by chance: layers, normalizations with and without statistics, dropout, states that a block assigns, residuals, a second operand, several results,
/// sizes that a call knows, blocks of blocks, one block that is called again and again, and numbers that differ from block to block. The same seed gives the same text, and every text is valid.
/// </summary>
sealed class RandomBlocks
{
    static readonly string[] Unary = ["Tanh()", "Sigmoid()", "Gelu()", "Silu()", "Softplus()", "Sin()"];

    readonly Random random;
    readonly List<string> fields = [], body = [];
    int names;

    RandomBlocks(int seed) => random = new(seed);

    /// <summary>The source of the model <c>M</c> with the entry <c>Predict(x: [B, T, 6])</c>, a loss and an optimizer.</summary>
    /// <param name="seed">What is drawn depends on it alone.</param>
    /// <param name="evaluated">Gives every block something that its calls depend on and that no two blocks share, a lambda, so that every call is evaluated.</param>
    public static string Source(int seed, bool evaluated = false) => new RandomBlocks(seed).Write(evaluated);

    string Write(bool evaluated)
    {
        var (blocks, isNested, isShared, hasContext, hasTwo) = (random.Next(4, 7), random.Next(4) == 0, random.Next(4) == 0, random.Next(3) == 0, random.Next(3) == 0);
        var differs = random.Next(3); // numbers of a block: none, without consequence while it is evaluated, some
        Field("Linear", "6, 5");
        Field("Linear", "5, 6");
        var x = "x";
        for (var i = random.Next(2, 6); i > 0; i--) x = Step(x, 6);
        x = Add($"f0.Forward({x}).{Pick(Unary)}", "x");
        for (var i = random.Next(1, 4); i > 0; i--) x = Step(x, 5);
        x = Add($"f1.Forward({x})", "x");
        if (isNested) x = Add($"inner.Forward({x})", "x");
        if (hasContext) x = Add($"{x} + context * 0.5f", "x");
        if (differs == 1) x = Add($"first.Forward({x})", "x");
        if (differs == 2) x = Add($"{x} * scale", "x");
        if (random.Next(2) == 0) x = Add($"{x} + Tensor.Arange(x.Shape[1]).Reshape(1, x.Shape[1], 1) * 0.01f", "x");
        var result = $"({x} + x * 0.7f).Tanh()";
        var parameters = differs == 1 ? "double rate" : differs == 2 ? "float scale" : "";
        var argument = differs == 1 ? "i % 2 * 0.25" : differs == 2 ? "i < 4 ? 1f : 0.5f" : "";
        var seen = fields.Any(f => f.Contains("State seen")) ? "if (Mode.Training) seen.Assign(seen * 0.9f + x.Mean([0, 1], keep: false) * 0.1f);" : "";
        return $$"""
            [Module] public sealed partial class Inner
            {
                readonly Linear a = new(6, 4), b = new(4, 6);
                readonly LayerNorm norm = new(6);
                {{(evaluated ? "readonly Func<Tensor, Tensor> own = t => t;" : "")}}
                public Tensor Forward(Tensor x) => (b.Forward(a.Forward(norm.Forward(x)).Tanh() * 0.6f) + x).Sigmoid() * 2f - x.Tanh();
            }
            [Module] public sealed partial class Block({{parameters}})
            {
                {{string.Join("\n    ", fields)}}
                {{(isNested ? "readonly Inner inner = new();" : "")}}
                {{(differs == 1 ? "readonly Dropout first = new(rate);" : "")}}
                {{(evaluated ? "readonly Func<Tensor, Tensor> own = t => t;" : "")}}
                public {{(hasTwo ? "(Tensor, Tensor)" : "Tensor")}} Forward(Tensor x{{(hasContext ? ", Tensor context" : "")}})
                {
                    {{string.Join("\n        ", body)}}
                    {{seen}}
                    return {{(hasTwo ? $"({result}, {x} * 0.3f)" : result)}};
                }
            }
            [Model] [Dim("B", Max = 8, Typical = 3), Dim("T", Max = 8, Typical = 4)] public partial class M
            {
                readonly Block[] blocks = Enumerable.Range(0, {{blocks}}).Select(i => new Block({{argument}})).ToArray();
                readonly Linear last = new(6, 3);
                readonly Parameter gain = new([6], Init.Ones);
                Tensor Forward(Tensor x)
                {
                    var context = x.Sin() * gain;
                    var rest = x;
                    for (var i = 0; i < {{blocks}}; i++)
                    {
                        {{(hasTwo ? "(x, rest)" : "x")}} = blocks[{{(isShared ? "i % 2" : "i")}}].Forward(x{{(hasContext ? ", context" : "")}});
                        {{(hasTwo ? "x = x + rest * 0.1f;" : "")}}
                    }
                    return last.Forward(x);
                }
                [Entry] public Tensor Predict([Shape("B", "T", 6)] Tensor x) => Forward(x);
                [Loss] public Tensor Loss([Shape("B", "T", 6)] Tensor x, [Shape("B", "T", 3)] Tensor y) => (Forward(x) - y).Square().Mean();
                [Train{{(random.Next(2) == 0 ? "(ClipNorm = 1)" : "")}}] static {{Pick("AdamW O() => new(1e-2)", "Sgd O() => new(0.05, momentum: 0.9)", "Sgd O() => new(0.05)")}};
            }
            """;
    }

    T Pick<T>(params T[] items) => items[random.Next(items.Length)];

    string Field(string type, string creation)
    {
        var name = "f" + (names++).ToString(CultureInfo.InvariantCulture);
        fields.Add($"readonly {type} {name} = new({creation});");
        return name;
    }

    string Add(string expression, string prefix)
    {
        var name = prefix + (names++).ToString(CultureInfo.InvariantCulture);
        body.Add($"var {name} = {expression};");
        return name;
    }

    // One more operation on something of the shape [B, T, width].
    string Step(string x, int width)
    {
        switch (random.Next(10))
        {
            case 0: return Add($"{x}.{Pick(Unary)}", "x");
            case 1: return Add($"{Field("LayerNorm", width.ToString(CultureInfo.InvariantCulture))}.Forward({x})", "x");
            case 2: return Add($"{Field("BatchNorm", width.ToString(CultureInfo.InvariantCulture))}.Forward({x}.Reshape(-1, {width})).Reshape(x.Shape[0], x.Shape[1], {width})", "x");
            case 3: return Add($"{Field("Dropout", Pick("0.25", "0.5"))}.Forward({x})", "x");
            case 4: return Add($"{x} * {Field("Parameter", $"[{width}], Init.Normal(0.5)")}", "x");
            case 5: return Add($"({x}.MatMul({x}.Transpose(1, 2)) * 0.3f).Softmax(-1).MatMul({x})", "x");
            case 6: return Add($"{Field("Linear", $"{width}, {width}")}.Forward({x}).{Pick(Unary)} + {x}", "x");
            case 7: return Add($"{x} - {x}.Mean(1, true)", "x");
            case 8 when width == 6 && !fields.Exists(f => f.Contains("State seen")):
                fields.Add("readonly State seen = new([6], Init.Zeros);");
                return Add($"{x} + seen * 0.1f", "x");
            default: return Add($"Tensor.Where({x} > 0.1f, {x}.{Pick(Unary)}, {x} * 0.5f)", "x");
        }
    }
}
