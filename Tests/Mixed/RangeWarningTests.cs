using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes;
using Graph.Compiler.Passes.Typing;
using Graph.Compiler.Targets;
using Graph.Tests.Elaboration;
using Graph.Tests.Generators;
using Graph.Yardsticks;
using Graph.Yardsticks.Small;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Mixed;

/// <summary>What is said while building of numbers that float16 may not hold: where, and where nothing.</summary>
public sealed class RangeWarningTests
{
    // Of a model with two layers around the expressions: h is an activation of 16 bits that nothing bounds, n a normalized one; s are parameters of its width.
    static IReadOnlyList<(string Id, string Where)> Warnings(string expression, string precision = "Float16")
    {
        var (generated, _) = Harness.Generate(Harness.Compile(Harness.Usings + "using System;\nusing Graph.Nn;\n" + $$"""
            [Model]
            [Dim("B", Max = 64)]
            public partial class M
            {
                readonly Linear first = new(8, 16), second = new(8, 16), wide = new(8, 8192), far = new(8192, 4), last = new(16, 4);
                readonly LayerNorm norm = new(16);
                readonly Energy exact = new();
                readonly Parameter s = new([16], Init.Ones);

                [Loss] public Tensor Loss([Shape("B", 8)] Tensor x, [Shape("B")] Tensor<int> label)
                {
                    var (h, g) = (first.Forward(x), second.Forward(x));
                    var n = norm.Forward(h);
                    return {{expression}}.CrossEntropy(label);
                }

                [Train(Precision = Precision.{{precision}})] static AdamW Optimizer() => new(1e-3);
            }

            [Module, Precision(Precision.Float32)]
            public partial class Energy
            {
                public Tensor Forward(Tensor x) => (x * x).Sum(-1, keep: true);
            }
            """).AddReferences(MetadataReference.CreateFromFile(typeof(Nn.Linear).Assembly.Location)));
        return [.. Harness.Analyze(generated).Select(d => (d.Id, d.Location.SourceTree!.GetText().ToString(d.Location.SourceSpan)))];
    }

    [Theory]
    [InlineData("last.Forward(h.Exp())", "GR2087", "Exp()")]
    [InlineData("last.Forward((h * 0.5f).Exp() * n)", "GR2087", "Exp()")]
    [InlineData("last.Forward(s.Exp() * n)", "GR2087", "Exp()")] // parameters move
    [InlineData("last.Forward(h.Clamp(-20, 20).Exp())", "GR2087", "Exp()")] // e²⁰
    [InlineData("last.Forward(h.Exp().Sum(-1, keep: true) + n)", "GR2087", "Exp()")]
    [InlineData("last.Forward(n * (h * h).Mean(-1, keep: true))", "GR2088", "h * h")]
    [InlineData("last.Forward(n + h.Square().Sum(-1, keep: true).Sqrt())", "GR2088", "Square()")]
    [InlineData("last.Forward(n + far.Forward(wide.Forward(n.Slice(1, 0, 8))).Sum(-1, keep: true) + exact.Forward(wide.Forward(n.Slice(1, 0, 8))))", "GR2088", "Sum(-1, keep: true)")]
    [InlineData("last.Forward(h + Tensor.Where(h > 0, 0, -1e9f))", "GR2089", "-1e9f")]
    [InlineData("last.Forward(h.MaskedFill(h > 0, -1e9))", "GR2089", "MaskedFill(h > 0, -1e9)")]
    [InlineData("last.Forward(n / (g.Abs() + 1e-8f))", "GR2090", "n / (g.Abs() + 1e-8f)")]
    [InlineData("last.Forward(n * (1 / (g.Relu() + 1e-6f)))", "GR2090", "1 / (g.Relu() + 1e-6f)")]
    [InlineData("last.Forward(n * (g.Abs() + 1e-12f).Rsqrt())", "GR2090", "Rsqrt()")]
    [InlineData("last.Forward(h * g)", "GR2091", "h * g")]
    [InlineData("last.Forward(h.T.MatMul(g).Softmax(-1).Slice(0, 0, 4).Sum(0, keep: true) + n)", "GR2091", "MatMul(g)")]
    // What a loop carries: a product with every iteration.
    [InlineData("last.Forward(Tensor.Scan(Tensor.Zeros(16), h, (s, r) => (s * r + r, s)).Kept)", "GR2091", "s * r")]
    [InlineData("last.Forward(Tensor.Scan(Tensor.Zeros(16), n, (s, r) => (s + r.Abs().Tanh(), s.Exp())).Kept)", "GR2087", "Exp()")]
    public void A_chain_that_float16_may_not_hold_is_named_where_it_stands(string expression, string id, string where)
    {
        Assert.Equal([(id, where)], Warnings(expression));
        Assert.Empty(Warnings(expression, "BFloat16"));
        Assert.Empty(Warnings(expression, "Float32"));
    }

    [Theory]
    [InlineData("last.Forward((h - h.Max(-1, keep: true)).Exp())")]
    [InlineData("last.Forward(h.Exp() / h.Exp().Sum(-1, keep: true))")] // a softmax, in 32 bits until it is one
    [InlineData("last.Forward(h.Exp().Log())")]
    [InlineData("last.Forward((-h.Abs()).Exp())")]
    [InlineData("last.Forward((-exact.Forward(h)).Exp() + n * n)")]
    [InlineData("last.Forward(h.Softplus() + h.Softmax(-1) + h.Gelu() + h.Silu())")]
    [InlineData("last.Forward(h * h.Sigmoid() + h.Tanh() * g)")]
    [InlineData("last.Forward(n * g)")]
    [InlineData("last.Forward(h / 8 * g)")]
    [InlineData("last.Forward(h / (h.Norm(-1, keep: true) + 1e-8f))")]
    [InlineData("last.Forward((h - h.Mean(-1, keep: true)) / (h.Std(-1, keep: true) + 1e-8f))")]
    [InlineData("last.Forward(n / (g.Abs() + 1e-3f))")]
    [InlineData("last.Forward(Tensor.Where(h > 0, h, -1e9f).Softmax(-1))")]
    [InlineData("last.Forward(h.MaskedFill(h > 0, double.NegativeInfinity).Softmax(-1))")]
    [InlineData("last.Forward(Tensor.Minimum(Tensor.Maximum(h, -1e9f), 100f).Sigmoid())")]
    [InlineData("last.Forward(n + far.Forward(wide.Forward(x).Relu()).Sum(-1, keep: true))")]
    [InlineData("last.Forward(Tensor.Scan(Tensor.Zeros(16), h, (s, r) => ((s.Exp() * 0.1f + r).Tanh(), s.Exp())).Kept)")] // bounded in every iteration
    [InlineData("last.Forward(Tensor.Scan(Tensor.Zeros(16), h, (s, r) => ((s + r) * s.Sigmoid(), s)).Kept)")]
    public void What_is_bounded_normalized_or_stays_in_32_bits_is_not(string expression) => Assert.Empty(Warnings(expression));

    // But the one whose loss squares what nothing has normalized.
    public static TheoryData<string> Yardsticks => new(Elaborate.Published(typeof(Mlp).Assembly).Where(p => p.Value.Kind == Compiler.Modules.ModuleKind.Model && p.Key != typeof(EdgeModel).FullName).Select(p => p.Key));

    [Theory, MemberData(nameof(Yardsticks))]
    public void No_yardstick_is_warned_of(string model)
    {
        var program = Elaborate.Built(typeof(Mlp).Assembly.GetType(model)!).Program;
        program = MixedModel.In(program, Precisions.Float16);
        foreach (var pass in CompilerPipeline.Stages(KnownTargets.Cpu)[0].Passes) program = pass.Run(program);
        Assert.Empty(NarrowRanges.Of(new AssignTypes().Run(program)).Select(f => $"{f.Risk}: {f.Node.Name} at {string.Join(", ", f.Node.Origins)}"));
    }
}
