using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>Uniform numbers in [0, 1): multiples of 2⁻²⁴.</summary>
sealed class RandomUniformOperation : RandomOperation
{
    public override string Name => "random_uniform";
    protected override Scalar Value(Scalar uniform) => uniform;
}
