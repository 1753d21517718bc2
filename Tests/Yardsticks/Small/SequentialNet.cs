using Graph.Nn;

namespace Graph.Yardsticks.Small;

/// <summary>What PyTorch users write first: <c>self.net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3))</c>.</summary>
[Model]
[Dim("B", Max = 64, Typical = 16)]
public sealed partial class SequentialNet
{
    readonly Sequential net = new(new Conv2d(1, 4, kernel: 3, padding: 1), new BatchNorm2d(4), new Relu(), new MaxPool2d(2), new Flatten(), new Linear(16, 3));

    /// <summary>The logits of the classes.</summary>
    [Entry]
    public Tensor Predict([Shape("B", 1, 4, 4)] Tensor image) => net.Forward(image);
}
