using System.Collections.Generic;
using System.Linq;
using Graph.Nn;

namespace Graph.Yardsticks;

/// <summary>Two convolutions around which the input is added, He et al., CVPR 2016; where the shape changes, a convolution of one pixel adapts it.</summary>
/// <param name="inputs">Channels of x.</param>
/// <param name="outputs">Channels of the result.</param>
/// <param name="stride">2 halves height and width.</param>
[Module]
public sealed partial class BasicBlock(int inputs, int outputs, int stride)
{
    readonly Conv2d conv1 = new(inputs, outputs, kernel: 3, stride, padding: 1, bias: false);
    readonly BatchNorm2d norm1 = new(outputs);
    readonly Conv2d conv2 = new(outputs, outputs, kernel: 3, padding: 1, bias: false);
    readonly BatchNorm2d norm2 = new(outputs);
    readonly Conv2d? shortcut = stride != 1 || inputs != outputs ? new(inputs, outputs, kernel: 1, stride, bias: false) : null;
    readonly BatchNorm2d? shortcutNorm = stride != 1 || inputs != outputs ? new(outputs) : null;

    /// <summary>[batch, inputs, height, width] → [batch, outputs, height / stride, width / stride]</summary>
    public Tensor Forward(Tensor x)
    {
        var y = norm2.Forward(conv2.Forward(norm1.Forward(conv1.Forward(x)).Relu()));
        var same = shortcut is not null && shortcutNorm is not null ? shortcutNorm.Forward(shortcut.Forward(x)) : x;
        return (y + same).Relu();
    }
}

/// <summary>The residual network of 18 layers for images of 32 × 32 pixels, the <c>resnet18</c> of the benchmarks.</summary>
[Model]
[Dim("B", Max = 128, Typical = 32)]
public sealed partial class ResNet18
{
    static readonly int[] Widths = [64, 64, 128, 256, 512];

    readonly Conv2d stem = new(3, 64, kernel: 3, padding: 1, bias: false);
    readonly BatchNorm2d norm = new(64);
    readonly List<BasicBlock> blocks = [];
    readonly Linear head = new(512, 10);

    /// <summary>Four pairs of blocks; each pair but the first halves the image.</summary>
    public ResNet18()
    {
        foreach (var (inputs, outputs) in Widths.Zip(Widths.Skip(1)))
        {
            blocks.Add(new(inputs, outputs, stride: blocks.Count == 0 ? 1 : 2));
            blocks.Add(new(outputs, outputs, stride: 1));
        }
    }

    /// <summary>The scores of the ten classes.</summary>
    [Entry]
    public Tensor Logits([Shape("B", 3, 32, 32)] Tensor image)
    {
        var x = norm.Forward(stem.Forward(image)).Relu();
        foreach (var block in blocks) x = block.Forward(x);
        return head.Forward(x.Mean([2, 3]));
    }

    /// <summary>The mean cross entropy of the labels.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 3, 32, 32)] Tensor image, [Shape("B")] Tensor<int> label) => Logits(image).CrossEntropy(label);

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-4);
}
