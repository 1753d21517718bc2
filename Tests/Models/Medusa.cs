namespace Graph.Tests.Models;

/// <summary>A small language model with several heads, each of which guesses a token further ahead, over texts of 8 to 64 tokens: many kept values of many sizes, which grow differently with the length.</summary>
/// <remarks>Cai et al., "Medusa", ICML 2024.</remarks>
static class Medusa
{
    public const int Batch = 2, Heads = 4, Vocabulary = 96;

    public const string Source = """
        [Module] public sealed partial class GuessingHead(int width, int vocabulary)
        {
            readonly Linear residual = new(width, width), score = new(width, vocabulary, bias: false);
            public Tensor Forward(Tensor x) => score.Forward(x + residual.Forward(x).Silu());
        }

        [Model] [Dim("T", Max = 64, Typical = 32)] public partial class M
        {
            readonly Embedding token = new(96, 64), position = new(64, 64);
            readonly TransformerBlock[] blocks = [new(64, 4, causal: true), new(64, 4, causal: true), new(64, 4, causal: true), new(64, 4, causal: true)];
            readonly LayerNorm norm = new(64);
            readonly Linear score = new(64, 96, bias: false);
            readonly GuessingHead[] heads = [new(64, 96), new(64, 96), new(64, 96), new(64, 96)];

            Tensor Hidden(Tensor tokens)
            {
                var x = token.Forward(tokens) + position.Forward(Tensor.Arange(tokens.Shape[1]));
                foreach (var block in blocks) x = block.Forward(x);
                return norm.Forward(x);
            }

            [Entry] public Tensor Predict([Shape(2, "T")] Tensor<int> tokens) => Tensor.Stack(heads.Select(h => h.Forward(Hidden(tokens)).Softmax(-1)).ToArray());

            [Loss] public Tensor Loss([Shape(2, "T")] Tensor<int> tokens, [Shape(2, "T")] Tensor<int> first, [Shape(2, "T")] Tensor<int> second, [Shape(2, "T")] Tensor<int> third, [Shape(2, "T")] Tensor<int> fourth)
            {
                var x = Hidden(tokens);
                Tensor Cross(Tensor scores, Tensor next) => scores.Flatten(0, 1).CrossEntropy(next.Flatten());
                var loss = Cross(score.Forward(x), first);
                var nexts = new[] { first, second, third, fourth };
                for (var i = 0; i < heads.Length; i++) loss += Cross(heads[i].Forward(x), nexts[i]) * Math.Pow(0.8, i);
                return loss;
            }

            [Train(ClipNorm = 1)] public static AdamW Optimizer() => new(3e-4);
        }
        """;
}
