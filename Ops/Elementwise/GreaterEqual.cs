using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary><c>less_equal</c> with its operands swapped.</summary>
sealed class GreaterEqualOperation : LanguageOperation
{
    public override string Name => "greater_equal";
    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => b.Emit("less_equal", [x[1], x[0]]);
}
