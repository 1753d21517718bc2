namespace Graph.Tests.Generators;

/// <summary>Sources that several tests use.</summary>
static class Samples
{
    public const string Usings = "using System;\nusing System.Collections.Generic;\nusing System.Linq;\nusing Graph;\n";

    /// <summary>A module that uses much of C#, not all of it in a way that makes sense.</summary>
    public const string Dense = """
        public enum Kind { A, B = 5 }
        public readonly record struct Size(int Width, int Height = 2) { public int Area => Width * Height; }
        public static class Helpers { public static readonly int[] Sizes = [1, 2]; public static Tensor Twice(this Tensor x) => x + x; }
        [Module] public partial class M(Size size, Kind kind = Kind.B)
        {
            readonly Parameter p = new([size.Area, ..Helpers.Sizes], Init.Zeros, name: $"p{size.Width:0}");
            readonly List<M?> list = new() { null };
            public Tensor F(Tensor x, (int a, int b) pair = default)
            {
                for (int i = 0, j = 1; i < 3 && j != 7; i++, j += 2) { if (i == 1) continue; else break; }
                foreach (var (a, b) in Helpers.Sizes.Zip([3, 4], (u, v) => (u, v))) x = x * a - b;
                int Local(int n) => n <= 0 ? 1 : n * Local(n - 1);
                var y = size with { Width = 3 };
                switch (kind) { case Kind.A when pair.a > 0: x = -x; break; case Kind.B: default: x = x.Twice(); break; }
                var text = pair switch { (1, _) => "one", { a: > 2 and < 9 } => "two", var (q, r) => q + "," + r };
                do { pair.a ??= 3; } while (false);
                return list[^1]?.F(x) ?? (text is ['a', .., 'b'] ? x : throw new ArgumentException(text));
            }
        }
        """;

    /// <summary>A model with layers, a loss and an optimizer, without any library of layers.</summary>
    public const string Classifier = """
        namespace Sample;

        [Module]
        public sealed partial class Linear(int inputs, int outputs, bool bias = true)
        {
            readonly Parameter weight = new([outputs, inputs], Init.KaimingUniform(gain: Math.Sqrt(1.0 / 3)));
            readonly Parameter? offset = bias ? new([outputs], Init.Uniform(1 / Math.Sqrt(inputs)), name: "bias") : null;

            public Tensor Forward(Tensor x) => offset is null ? x.Linear(weight) : x.Linear(weight, offset);
        }

        [Module]
        public partial class Net(int width)
        {
            readonly Linear[] _layers = [new(64, width), new(width, 10)];
            readonly State mean = new([10], Init.Zeros);

            public Tensor Forward(Tensor x)
            {
                foreach (var layer in _layers) x = layer.Forward(x);
                if (Mode.Training) mean.Assign(x.Mean(0));
                return x - mean;
            }
        }

        [Module]
        public sealed partial class Sgd(float learningRate = 0.1f)
        {
            public Tensor Update(Tensor value, Tensor gradient, Tensor learningRate, Tensor step) => value - learningRate * gradient;

            public float LearningRate => learningRate;
        }

        [Model]
        [Dim("B", Max = 256, Typical = 64)]
        public sealed partial class Classifier() : Net(width: 32)
        {
            [Entry] public Tensor Predict([Shape("B", 64)] Tensor image) => Forward(image);

            [Loss] public Tensor Loss([Shape("B", 64)] Tensor image, [Shape("B")] Tensor<int> label) => Forward(image).CrossEntropy(label);

            [Train(Precision = Precision.Float32, ClipNorm = 1)]
            public static Sgd Optimizer() => new(learningRate: 3e-4f);
        }
        """;
}
