using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Tests.Elaboration;

namespace Graph.Tests.Calls;

/// <summary>Models with a method that is called often, and what they would be without calls.</summary>
static class CallModels
{
    /// <summary>A small transformer of so many blocks.</summary>
    public static string Gpt(int layers, double dropout = 0, string training = "[Train(ClipNorm = 1)] static AdamW Optimizer() => new(1e-3);") => $$"""
        [Module] public sealed partial class Block(int width, int heads, double dropout)
        {
            readonly LayerNorm norm1 = new(width), norm2 = new(width);
            readonly Linear attention = new(width, 3 * width), projection = new(width, width), expand = new(width, 2 * width), contract = new(2 * width, width);
            readonly Dropout first = new(dropout), second = new(dropout);
            public Tensor Forward(Tensor x)
            {
                var (batch, length) = (x.Shape[0], x.Shape[1]);
                var parts = attention.Forward(norm1.Forward(x)).Split(width, axis: 2).Select(p => p.Reshape(batch, length, heads, width / heads).Transpose(1, 2)).ToArray();
                var scores = Tensor.Where(Tensor.CausalMask(length, length), parts[0].MatMul(parts[1].Transpose(-2, -1)) / Math.Sqrt(width / heads), double.NegativeInfinity);
                x += first.Forward(projection.Forward(scores.Softmax(-1).MatMul(parts[2]).Transpose(1, 2).Reshape(batch, length, width)));
                return x + second.Forward(contract.Forward(expand.Forward(norm2.Forward(x)).Gelu()));
            }
        }
        [Model] [Dim("B", Max = 8, Typical = 3), Dim("T", Max = 8, Typical = 5)] public partial class M
        {
            readonly Embedding token = new(11, 8), position = new(8, 8);
            readonly Block[] blocks = Enumerable.Range(0, {{layers}}).Select(_ => new Block(8, 2, {{dropout.ToString(System.Globalization.CultureInfo.InvariantCulture)}})).ToArray();
            readonly LayerNorm norm = new(8);
            Tensor Forward(Tensor tokens)
            {
                var x = token.Forward(tokens) + position.Forward(Tensor.Arange(tokens.Shape[1]));
                foreach (var block in blocks) x = block.Forward(x);
                return norm.Forward(x).MatMul(token.Weight.T);
            }
            [Entry] public Tensor Logits([Shape("B", "T")] Tensor<int> tokens) => Forward(tokens);
            [Loss] public Tensor Loss([Shape("B", "T")] Tensor<int> tokens, [Shape("B", "T")] Tensor<int> targets) => Forward(tokens).Flatten(0, 1).CrossEntropy(targets.Flatten());
            {{training}}
        }
        """;

    /// <summary>The model <c>M</c> of residual blocks with this method and these fields, over <c>x: [B, 6]</c>; the block is called so often.</summary>
    public static string Blocks(string fields, string body, int calls = 4, string training = "[Train(ClipNorm = 1)] static AdamW Optimizer() => new(1e-2);", string more = "") => $$"""
        [Module] public sealed partial class Block
        {
            {{fields}}
            public Tensor Forward(Tensor x)
            {
                {{body}}
            }
        }
        [Model] [Dim("B", Max = 8, Typical = 3)] public partial class M
        {
            readonly Block[] blocks = Enumerable.Range(0, {{calls}}).Select(_ => new Block()).ToArray();
            readonly Linear last = new(6, 2);
            {{more}}
            Tensor Forward(Tensor x)
            {
                foreach (var block in blocks) x = block.Forward(x);
                return last.Forward(x);
            }
            [Entry] public Tensor Predict([Shape("B", 6)] Tensor x) => Forward(x);
            [Loss] public Tensor Loss([Shape("B", 6)] Tensor x, [Shape("B", 2)] Tensor y) => (Forward(x) - y).Square().Mean();
            {{training}}
        }
        """;

    /// <summary>What a model's source is elaborated to.</summary>
    public static Program Elaborated(string source) => Elaborate.Model(source).Program;

    /// <summary>The program without its calls and callees.</summary>
    public static Program Flat(Program program)
    {
        var called = Callees.Of(program);
        var flat = program with { Functions = [.. program.Functions.Select(f => Inliner.Run(f, program))] };
        return Callees.Pruned(flat, called);
    }

    public static CompiledProgram Compiled(Program program) => CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true);

    /// <summary>How often a function calls another one.</summary>
    public static int Calls(Program program, string function, string callee) => program.Find(function)!.Nodes.Count(n => CallOperation.CalleeName(n) == callee);
}
