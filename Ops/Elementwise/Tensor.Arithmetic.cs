namespace Graph;

public partial class Tensor
{
    /// <summary>Sum, elementwise with broadcasting.</summary>
    [Operation("add")]
    public static Tensor operator +(Tensor left, Tensor right) => Eager.Run("add", [left, right]);

    /// <summary>Difference, elementwise with broadcasting.</summary>
    [Operation("sub")]
    public static Tensor operator -(Tensor left, Tensor right) => Eager.Run("sub", [left, right]);

    /// <summary>Product, elementwise with broadcasting.</summary>
    [Operation("mul")]
    public static Tensor operator *(Tensor left, Tensor right) => Eager.Run("mul", [left, right]);

    /// <summary>Quotient, elementwise with broadcasting.</summary>
    [Operation("div")]
    public static Tensor operator /(Tensor left, Tensor right) => Eager.Run("div", [left, right]);

    /// <summary>The negative, elementwise.</summary>
    [Operation("neg")]
    public static Tensor operator -(Tensor x) => Eager.Run("neg", [x]);
}
