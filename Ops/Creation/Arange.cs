using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The integers from 0 to <paramref name="end"/> (exclusive): [end].</summary>
    [Operation("arange")]
    public static Tensor Arange(int end) => Eager.Run("arange", [], ("end", end));

    /// <summary>The integers from <paramref name="start"/> to <paramref name="end"/> (exclusive): [end − start].</summary>
    [Operation("arange")]
    public static Tensor Arange(int start, int end) => Eager.Run("arange", [], ("start", start), ("end", end));
}

/// <summary>An <c>iota</c> with a start.</summary>
sealed class ArangeOperation : LanguageOperation
{
    public override string Name => "arange";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var start = attributes.Has("start") ? attributes.Dim("start") : Dim.Zero;
        var iota = b.Iota(Shape.Of(attributes.Dim("end") - start), 0);
        return start.Is(0) ? iota : b.Add(iota, b.Size(start, DType.I64));
    }
}
