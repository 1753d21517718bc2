namespace Graph.Compiler.Ir;

/// <summary>What an operation computes in where a model's precision is 16 bits: each operation's row of the table that docs/precision.md prints. In 32 and 64 bits nobody asks.</summary>
public enum TypePolicy
{
    /// <summary>Real operands and results in 16 bits, sums in 32: products and convolutions.</summary>
    Narrow,

    /// <summary>Real operands and results in 32 bits: sums, losses, exponentials, logarithms, powers.</summary>
    Wide,

    /// <summary>
    /// Everything within in 32 bits, and the first result rounded to the type that the first operand came in (of elementwise operations: the widest one), unless whoever reads it wants 32: normalizations, softmax,
    /// activations of several steps.
    /// </summary>
    Inside,

    /// <summary>In the widest type of the real operands: single steps of arithmetic, views, what moves elements or compares them.</summary>
    Widest,

    /// <summary>A composite without a row of its own: each operation that it is made of follows its own.</summary>
    Parts,
}
