namespace Graph;

/// <summary>The number type that a model's real tensors are computed in. Parameters and optimizer states stay in 32 bits or more.</summary>
/// <remarks><see cref="Float32"/> and <see cref="Float64"/> train; the narrower ones are refused (GR3009) until activations are assigned them.</remarks>
public enum Precision
{
    /// <summary>32 bits.</summary>
    Float32,
    /// <summary>
    /// 64 bits: every tensor that is float32 otherwise is float64, parameters, arguments (spans of <c>double</c>), results, what the optimizer keeps and the loss included.
    /// </summary>
    Float64,
    /// <summary>IEEE 16 bits with dynamic loss scaling.</summary>
    Float16,
    /// <summary>The upper 16 bits of a float.</summary>
    BFloat16,
}
