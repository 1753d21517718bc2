namespace Graph;

/// <summary>The number type that a model's real tensors are computed in. Parameters and optimizer states stay in 32 bits or more.</summary>
public enum Precision
{
    /// <summary>32 bits.</summary>
    Float32,
    /// <summary>
    /// 64 bits: every tensor that is float32 otherwise is float64, parameters, arguments (spans of <c>double</c>), results, what the optimizer keeps and the loss included.
    /// </summary>
    Float64,
    /// <summary>
    /// Mixed: products and convolutions in IEEE 16 bits with sums in 32, what needs range or precision in 32, and dynamic loss scaling. Arguments, results and parameters are those of <see cref="Float32"/>.
    /// </summary>
    Float16,
    /// <summary>Mixed, with the upper 16 bits of a float: less precise than <see cref="Float16"/>, of the range of a float, so that no loss needs scaling.</summary>
    BFloat16,
}
