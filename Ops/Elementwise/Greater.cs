using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary><c>less</c> with its operands swapped.</summary>
sealed class GreaterOperation : LanguageOperation
{
    public override string Name => "greater";
    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => b.Emit("less", [x[1], x[0]]);
}
