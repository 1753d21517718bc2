namespace Graph;

public partial class Tensor
{
    /// <summary>A scalar that takes the element type of what it is combined with.</summary>
    [Operation("constant")]
    public static implicit operator Tensor(float value) => Eager.Run("constant", [], ("value", value));

    /// <inheritdoc cref="op_Implicit(float)"/>
    [Operation("constant")]
    public static implicit operator Tensor(double value) => Eager.Run("constant", [], ("value", value));

    /// <inheritdoc cref="op_Implicit(float)"/>
    [Operation("constant")]
    public static implicit operator Tensor(int value) => Eager.Run("constant", [], ("value", value));

    /// <inheritdoc cref="op_Implicit(float)"/>
    [Operation("constant")]
    public static implicit operator Tensor(long value) => Eager.Run("constant", [], ("value", value));
}
