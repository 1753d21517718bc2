using Graph.Nn;

namespace Graph.Examples.Gpt;

/// <summary>
/// nanoGPT's CPU configuration for characters: 4 layers, 4 heads, 128 wide, 64 characters of context. The table has room for 256 distinct characters, of which a text uses the first.
/// </summary>
[Model]
[Dim("B", Max = 64, Typical = 12)]
[Dim("T", Max = 64, Typical = 1)]
public partial class CharacterGpt() : Transformer(new TransformerSizes(Vocabulary: 256, Context: 64, Layers: 4, Heads: 4, Width: 128))
{
    /// <summary>The logits of the character after each, [B, 64, 256].</summary>
    [Entry]
    public Tensor Predict([Shape("B", 64)] Tensor<int> text) => Forward(text);

    /// <summary>The logits of the character behind <paramref name="text"/>, [256], which stands from place <paramref name="at"/> on behind what the session has read before and does not read again.</summary>
    [Entry]
    public Tensor Next([Shape(1, "T")] Tensor<int> text, [Shape(1)] Tensor<int> at) => Continue(text, at.Reshape());

    [Loss]
    public Tensor Loss([Shape("B", 64)] Tensor<int> text, [Shape("B", 64)] Tensor<int> next) => Forward(text).Flatten(0, 1).CrossEntropy(next.Flatten());

    [Train(ClipNorm = 1, Precisions = [Precision.Float32, Precision.Float16, Precision.BFloat16])]
    public static AdamW Optimizer() => new(learningRate: 1e-3, beta2: 0.99, weightDecay: 0.1);
}
