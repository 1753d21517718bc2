using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>How a loss combines its elements.</summary>
public enum Reduction
{
    /// <summary>Their mean.</summary>
    Mean,
    /// <summary>Their sum.</summary>
    Sum,
    /// <summary>Not at all.</summary>
    None,
}

/// <summary>How operations read <see cref="Reduction"/>.</summary>
static class LossReduction
{
    /// <summary><c>mean</c>, <c>sum</c> or <c>none</c>.</summary>
    public static string Reduction(this AttributeMap attributes) => attributes.Word("reduction", "mean") switch
    {
        "mean" => "mean",
        "sum" => "sum",
        "none" => "none",
        var other => throw new ShapeException($"a loss is reduced by mean, sum or none, but got {other}"),
    };
}
