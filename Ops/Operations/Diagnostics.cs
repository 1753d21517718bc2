using System.Collections.Generic;

namespace Graph.Operations;

/// <summary>The ids of shape errors; each has a page in <c>docs/diagnostics</c>.</summary>
public static class Diagnostics
{
    /// <summary>An axis that the tensor does not have, or that is named twice.</summary>
    public const string Axis = "GR2002";

    /// <summary>Inner dimensions of a matrix product.</summary>
    public const string Inner = "GR2003";

    /// <summary>A reshape that changes the number of elements.</summary>
    public const string Reshape = "GR2004";

    /// <summary>Channels and groups of a convolution.</summary>
    public const string Channels = "GR2005";

    /// <summary>A window that does not fit.</summary>
    public const string Window = "GR2006";

    /// <summary>Too few or too many axes.</summary>
    public const string Rank = "GR2007";

    /// <summary>The wrong element type.</summary>
    public const string Type = "GR2008";

    /// <summary>A slice or split outside of the axis.</summary>
    public const string Bounds = "GR2009";

    /// <summary>Tensors that cannot be joined.</summary>
    public const string Concat = "GR2010";

    /// <summary>An expansion of an axis that is not 1.</summary>
    public const string Expand = "GR2011";

    /// <summary>A weight, bias or target that does not fit the input.</summary>
    public const string Companion = "GR2012";

    /// <summary>A size with a named dimension where a number is needed.</summary>
    public const string Symbolic = "GR2013";

    /// <summary>Shapes that do not broadcast.</summary>
    public const string Broadcast = "GR2014";

    /// <summary>A number outside of what the operation takes.</summary>
    public const string Number = "GR2015";

    /// <summary>A whole number that no tensor would hold exactly.</summary>
    public const string Inexact = "GR2021";

    /// <summary>The gradient of a tensor of several elements.</summary>
    public const string GradientOfMany = "GR2061";

    /// <summary>The gradient of what was not computed from x.</summary>
    public const string NotReached = "GR2062";

    /// <summary>The ids with their titles.</summary>
    public static IReadOnlyList<(string Id, string Title)> All { get; } =
    [
        (Axis, "There is no such axis"),
        (Inner, "Inner dimensions differ"),
        (Reshape, "The number of elements changes"),
        (Channels, "Channels do not fit the convolution"),
        (Window, "The window does not fit"),
        (Rank, "Too few or too many axes"),
        (Type, "The element type does not fit"),
        (Bounds, "Outside of the axis"),
        (Concat, "The tensors cannot be joined"),
        (Expand, "Only axes of size 1 expand"),
        (Companion, "A weight, bias or target does not fit"),
        (Symbolic, "A named dimension where a number is needed"),
        (Broadcast, "The shapes do not broadcast"),
        (Number, "A number out of range"),
        (Inexact, "A whole number is too large for a tensor"),
        (GradientOfMany, "The gradient of more than one number"),
        (NotReached, "y was not computed from x"),
    ];
}
