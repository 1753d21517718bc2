namespace Graph.Tests.Generators;

/// <summary>Sources that several tests use.</summary>
static class Samples
{
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
