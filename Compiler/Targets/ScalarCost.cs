using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets;

/// <summary>What scalar operations cost.</summary>
public static class ScalarCost
{
    /// <summary>True for operations that cost more than reading a result back from scratch.</summary>
    public static bool IsDear(ScalarOp op) => op is ScalarOp.Exp or ScalarOp.Log or ScalarOp.Tanh or ScalarOp.Erf or ScalarOp.Sigmoid or ScalarOp.Sin or ScalarOp.Cos or ScalarOp.Pow or ScalarOp.Uniform;
}
