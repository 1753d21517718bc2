using System;

namespace Graph.Compiler.Ir;

/// <summary>
/// The operations of scalar expressions: what every target must be able to compute for one element. A function of real numbers is one row here, which says what it means, and one row a target
/// (<see cref="ScalarFunctions"/>); what passes ask of it follows from these.
/// </summary>
public enum ScalarOp
{
    /// <summary>The operand number <see cref="Scalar.Index"/>.</summary>
    Input,
    Constant,
    Add, Sub, Mul,
    /// <summary>Of real numbers: the quotient of integers is one too.</summary>
    Div,
    /// <summary>a − b·⌊a / b⌋: it has the sign of the second argument. Of integers an integer, and an error where that is 0.</summary>
    Remainder,
    Neg, Abs, Min, Max,
    /// <summary>a·b + c, rounded once.</summary>
    Fma,
    [Means(typeof(Math), nameof(Math.Exp))] Exp,
    [Means(typeof(Math), nameof(Math.Log))] Log,
    [Means(typeof(Math), nameof(Math.Sqrt), IsInstruction = true)] Sqrt,
    [Means(typeof(SpecialFunctions), nameof(SpecialFunctions.Rsqrt), IsInstruction = true)] Rsqrt,
    [Means(typeof(Math), nameof(Math.Tanh))] Tanh,
    [Means(typeof(SpecialFunctions), nameof(SpecialFunctions.Erf))] Erf,
    [Means(typeof(SpecialFunctions), nameof(SpecialFunctions.Sigmoid))] Sigmoid,
    [Means(typeof(Math), nameof(Math.Sin))] Sin,
    [Means(typeof(Math), nameof(Math.Cos))] Cos,
    [Means(typeof(Math), nameof(Math.Atan))] Atan,
    [Means(typeof(Math), nameof(Math.Pow))] Pow,
    [Means(typeof(Math), nameof(Math.Floor), IsInstruction = true)] Floor,
    [Means(typeof(Math), nameof(Math.Ceiling), IsInstruction = true)] Ceil,
    /// <summary>To the nearest integer, halves to even.</summary>
    [Means(typeof(Math), nameof(Math.Round), IsInstruction = true)] Round,
    Equal, Less, LessEqual, And, Or, Not,
    /// <summary>Argument 0 is bool: true takes argument 1, false argument 2.</summary>
    Select,
    /// <summary>Conversion to <see cref="Scalar.Type"/>; a float goes to an integer by truncation.</summary>
    Cast,
    /// <summary>The element's index along axis <see cref="Scalar.Index"/> of the node's result, an i64.</summary>
    AxisIndex,
    /// <summary>The element's row-major index in the node's result, an i64.</summary>
    LinearIndex,
    /// <summary>In kernels: its argument, which makes an element's row-major index of places along axes. Unlike other arithmetic on 64-bit integers it stays within 32 bits, as the sizes of tensors do.</summary>
    Place,
    /// <summary>The value of <see cref="Scalar.Size"/> under the call's binding, an i64: what a mean over a named dimension divides by.</summary>
    Dimension,
    /// <summary>The same bits as another type of that many: float32 and 32-bit integer.</summary>
    BitCast,
    /// <summary>Of 32-bit integers, by as many bits as the second argument says, 0 to 31: zeros come in.</summary>
    ShiftLeft,
    /// <summary>As <see cref="ShiftLeft"/>; copies of the sign come in.</summary>
    ShiftRight,
    /// <summary>Of 32-bit integers, bit by bit.</summary>
    BitAnd, BitOr, BitXor,
    /// <summary>A uniform number in [0, 1) from Philox4x32-10, an f32. Arguments, all i64: the seed, the element's index, the stream's number and the iteration.</summary>
    Uniform,
}

/// <summary>Says that a scalar operation is a function of real numbers, and which: in double precision, as the reference computes it. Its result has its arguments' promoted type.</summary>
/// <param name="type">The class of the function.</param>
/// <param name="method">Its name: a static function of doubles.</param>
[AttributeUsage(AttributeTargets.Field)]
sealed class MeansAttribute(Type type, string method) : Attribute
{
    public Type Type { get; } = type;

    public string Method { get; } = method;

    /// <summary>Whether processors have an instruction for it, so that making a result again costs no more than reading it back.</summary>
    public bool IsInstruction { get; set; }
}
