using System.Collections.Generic;
using System.Linq;
using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>Patches as tokens, one more token for the class: parameters of the model's own, a list of blocks made by LINQ.</summary>
[Model]
[Dim("B", Max = 8, Typical = 4)]
public sealed partial class VisionTransformer
{
    readonly Conv2d patches = new(3, 32, 4, stride: 4);
    readonly Parameter token = new([1, 1, 32], Init.Normal(0.02)), position = new([1, 17, 32], Init.Normal(0.02));
    readonly List<TransformerBlock> blocks = [.. Enumerable.Range(0, 2).Select(_ => new TransformerBlock(32, 4))];
    readonly LayerNorm norm = new(32);
    readonly Linear head = new(32, 10);

    [Entry]
    public Tensor Logits([Shape("B", 3, 16, 16)] Tensor image)
    {
        var x = patches.Forward(image).Flatten(2).Transpose(1, 2);
        x = Tensor.Concat([token.Expand(image.Shape[0], 1, 32), x], 1) + position;
        foreach (var block in blocks) x = block.Forward(x);
        return head.Forward(norm.Forward(x).Select(1, 0));
    }

    [Loss]
    public Tensor Loss([Shape("B", 3, 16, 16)] Tensor image, [Shape("B")] Tensor<int> label) => Logits(image).CrossEntropy(label);

    [Train(ClipNorm = 1)]
    static AdamW Optimizer() => new(learningRate: 3e-3);
}
