namespace Graph.Tests.Targets;

/// <summary>The five yardsticks, cut down to what an interpreter gets through: the same modules and structure, smaller sizes.</summary>
static class ToyModels
{
    static string Model(string name, string body, string arguments, string call, string dims = "[Dim(\"B\", Max = 16, Typical = 4)]") => $$"""
        using System.Collections.Generic;
        using Graph.Yardsticks;

        [Model]
        {{dims}}
        public sealed partial class M{{(name.Length > 0 ? "() : " + name : "")}}
        {
            {{body}}

            [Loss] public Tensor Loss({{arguments}}) => {{call}};

            [Train] static AdamW Optimizer() => new(learningRate: 1e-3);
        }
        """;

    static string Classifier(string shape, string body) => Model("", body, $"[Shape({shape})] Tensor image, [Shape(\"B\")] Tensor<int> label", "Logits(image).CrossEntropy(label)");

    static string Gpt(string sizes) => Model(
        $"Gpt(new({sizes}))", "", "[Shape(\"B\", \"T\")] Tensor<int> tokens, [Shape(\"B\", \"T\")] Tensor<int> targets", "CrossEntropy(tokens, targets)",
        "[Dim(\"B\", Max = 16, Typical = 2), Dim(\"T\", Max = 12, Typical = 9)]");

    public static string Source(string name) => name switch
    {
        "mlp" => Classifier("\"B\", 30", """
            readonly Linear first = new(30, 40);
            readonly Linear second = new(40, 24);
            readonly Linear last = new(24, 10);

            Tensor Logits(Tensor image) => last.Forward(second.Forward(first.Forward(image).Relu()).Relu());
            """),
        "cnn" => Classifier("\"B\", 1, 12, 12", """
            readonly Conv2d conv1 = new(1, 6, kernel: 3, padding: 1, bias: false);
            readonly BatchNorm2d norm1 = new(6);
            readonly Conv2d conv2 = new(6, 10, kernel: 3, padding: 1, bias: false);
            readonly BatchNorm2d norm2 = new(10);
            readonly Linear hidden = new(10 * 3 * 3, 20);
            readonly Linear head = new(20, 10);

            Tensor Logits(Tensor x)
            {
                x = norm1.Forward(conv1.Forward(x)).Relu().MaxPool2d(2);
                x = norm2.Forward(conv2.Forward(x)).Relu().MaxPool2d(2);
                return head.Forward(hidden.Forward(x.Flatten(1)).Relu().Dropout(0.25));
            }
            """),
        "resnet18" => Classifier("\"B\", 3, 10, 10", """
            readonly Conv2d stem = new(3, 6, kernel: 3, padding: 1, bias: false);
            readonly BatchNorm2d norm = new(6);
            readonly List<BasicBlock> blocks = [];
            readonly Linear head = new(9, 10);

            public M()
            {
                blocks.Add(new(6, 6, stride: 1));
                blocks.Add(new(6, 9, stride: 2));
            }

            Tensor Logits(Tensor image)
            {
                var x = norm.Forward(stem.Forward(image)).Relu();
                foreach (var block in blocks) x = block.Forward(x);
                return head.Forward(x.Mean([2, 3]));
            }
            """),
        "nanogpt" => Gpt("Vocabulary: 13, Context: 12, Layers: 2, Heads: 2, Width: 16"),
        "gpt2" => Gpt("Vocabulary: 61, Context: 12, Layers: 2, Heads: 3, Width: 24"),
        _ => throw new System.ArgumentOutOfRangeException(nameof(name), name, "No yardstick has this name."),
    };
}
