namespace Graph;

/// <summary>The number type that a model's real tensors are computed in. Parameters and optimizer states stay in 32 bits or more.</summary>
public enum Precision
{
    /// <summary>32 bits.</summary>
    Float32,
    /// <summary>64 bits.</summary>
    Float64,
    /// <summary>IEEE 16 bits with dynamic loss scaling.</summary>
    Float16,
    /// <summary>The upper 16 bits of a float.</summary>
    BFloat16,
}
