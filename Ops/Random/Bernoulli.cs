using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Real numbers that are 1 with a probability, and else 0.</summary>
    /// <param name="shape">The dimensions, outermost first; named ones too.</param>
    /// <param name="probability">Of a 1, from 0 to 1.</param>
    /// <inheritdoc cref="Normal" path="/remarks"/>
    [Operation("bernoulli")]
    public static Tensor Bernoulli(int[] shape, double probability = 0.5) => Eager.Run("bernoulli", [], ("shape", shape), ("probability", probability));

    /// <summary>Real numbers that are 1 with the probability that stands at their place, and else 0: always where it is 1 or more, never where it is 0 or less. No gradient reaches the probabilities.</summary>
    /// <param name="probability">The probabilities of a 1.</param>
    /// <inheritdoc cref="Normal" path="/remarks"/>
    [Operation("bernoulli")]
    public static Tensor Bernoulli(Tensor probability) => Eager.Run("bernoulli", [probability]);
}

/// <summary><c>random_uniform &lt; probability</c> as real numbers. Operands: the probabilities, if they are a tensor.</summary>
sealed class BernoulliOperation : LanguageOperation
{
    public override string Name => "bernoulli";
    public override Drawing Draws => Drawing.Always;

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        if (x.Length == 4)
        {
            Rules.Real("Bernoulli", "the probabilities", x[0].DType);
            return b.Cast(b.Less(b.Draw("random_uniform", x, x[0].Shape), x[0]), x[0].DType);
        }
        var probability = attributes.Real("probability", 0.5);
        if (probability is not (>= 0 and <= 1)) throw new ShapeException($"Bernoulli needs a probability from 0 to 1, but got {new Attr.Real(probability)}", Diagnostics.Number);
        return b.Cast(b.Less(b.Draw("random_uniform", x, new(attributes.Dims("shape"))), b.Constant(probability, DType.F32)), DType.F32);
    }
}
