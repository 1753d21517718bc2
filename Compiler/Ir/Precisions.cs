namespace Graph.Compiler.Ir;

/// <summary>The precisions that a model computes in, by name.</summary>
public static class Precisions
{
    public const string Float32 = "Float32", Float64 = "Float64", Float16 = "Float16", BFloat16 = "BFloat16";

    /// <summary>The 16-bit type of a precision; null of the others.</summary>
    public static DType? Narrow(string precision) => precision switch
    {
        Float16 => DType.F16,
        BFloat16 => DType.BF16,
        _ => null,
    };
}

/// <summary>A module, with all in it, that computes in a precision of its own where the model trains in 16 bits.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Precision"><c>Float32</c>, or the other type of 16 bits.</param>
public sealed record ModulePrecision(string Path, string Precision);
