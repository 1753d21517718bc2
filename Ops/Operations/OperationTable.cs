using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>Every operation there is.</summary>
public static class OperationTable
{
    /// <summary>The operations by name.</summary>
    public static OperationSet Set { get; } = new(
    [
        // Creation and random numbers
        new ConstantOperation(), new DimensionOperation(), new IotaOperation(), new LinearIndexOperation(), new ArangeOperation(), new CausalMaskOperation(),
        new RandomStreamOperation(), new RandomUniformOperation(), new RandomNormalOperation(), new DropoutOperation(), new NormalOperation(), new UniformOperation(), new BernoulliOperation(),
        new FullOperation("full", null), new FullOperation("zeros", 0), new FullOperation("ones", 1),
        // Elementwise
        new AddOperation(), new SubOperation(), new MulOperation(), new DivOperation(), new NegOperation(), new AbsOperation(), new ExpOperation(), new Expm1Operation(), new LogOperation(),
        new Log1pOperation(), new SqrtOperation(), new RsqrtOperation(), new SquareOperation(), new ReciprocalOperation(), new ErfOperation(), new SinOperation(), new CosOperation(),
        new PowOperation(), new FloorOperation(), new CeilOperation(), new RoundOperation(), new MaximumOperation(), new MinimumOperation(), new ClampOperation(), new CastOperation(), new QuantizeOperation(), new DequantizeOperation(), new FakeQuantizeOperation(),
        new EqualOperation(), new LessOperation(), new LessEqualOperation(), new GreaterOperation(), new GreaterEqualOperation(), new LogicalAndOperation(), new LogicalOrOperation(),
        new LogicalNotOperation(), new WhereOperation(), new MaskedFillOperation(), new SignOperation(),
        new NotEqualOperation(), new RemainderOperation(),
        new AtanOperation(),
        // Activations
        new ReluOperation(), new LeakyReluOperation(), new GeluOperation(), new SiluOperation(), new SigmoidOperation(), new TanhOperation(), new SoftplusOperation(), new EluOperation(),
        new HardSwishOperation(),
        // Views and movement
        new ReshapeOperation(), new FlattenOperation(), new SqueezeOperation(), new UnsqueezeOperation(), new TransposeOperation(), new SliceOperation(), new SelectOperation(),
        new ExpandOperation(), new SplitOperation(), new ConcatOperation(), new StackOperation(), new PadOperation(), new RepeatOperation(), new TriangleOperation("tril", true), new TriangleOperation("triu", false),
        new FlipOperation(),
        // Reductions
        new SumOperation(), new MaxOperation(), new MinOperation(), new MeanOperation(), new VarianceOperation(), new ArgMaxOperation(), new ArgMinOperation(), new CumSumOperation(), new LogSumExpOperation(),
        new NormOperation(), new StdOperation(),
        new ProdOperation(),
        // Differentiation
        new DetachOperation(), new GradientOperation(), new PlacedOperation(),
        // Contractions and convolutions
        new MatMulOperation(), new LinearOperation(), new ScaledDotProductAttentionOperation(), new ScaledDotProductAttentionGradOperation(), new Conv2dOperation(), new Conv2dGradInputOperation(), new Conv2dGradWeightOperation(),
        new ConvTranspose2dOperation(), new Conv1dOperation(),
        // Pooling
        new MaxPool2dOperation(), new MaxPool2dGradOperation(), new AvgPool2dOperation(), new AvgPool2dGradOperation(),
        // Normalization and losses
        new SoftmaxOperation(), new LogSoftmaxOperation(), new LayerNormOperation(), new BatchNormOperation(), new BatchNormInferenceOperation(), new CrossEntropyOperation(), new MseLossOperation(),
        // Indexing
        new EmbeddingOperation(), new EmbeddingGradOperation(), new GatherOperation(), new GatherGradOperation(), new OneHotOperation(),
        new SortOperation(), new TopKOperation(), new CheckIndexOperation(),
    ]);
}
