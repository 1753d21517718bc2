using System;

namespace Graph.Compiler.Targets;

/// <summary>Operands of which a target has a packed form: what it would make of them in each call.</summary>
[Flags]
public enum PackedOperands
{
    None = 0,

    /// <summary>The weight of a convolution.</summary>
    ConvolutionWeight = 1,

    /// <summary>The right operand of a product.</summary>
    ProductRight = 2,
}
