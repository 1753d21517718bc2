using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>A window that slides over the last two axes of [N, C, H, W]: sizes, strides, paddings, dilations.</summary>
readonly struct Window
{
    public Window(AttributeMap attributes, int height, int width)
    {
        (KernelHeight, KernelWidth) = (height, width);
        (StrideHeight, StrideWidth) = attributes.Pair("stride", 1);
        (PaddingHeight, PaddingWidth) = attributes.Pair("padding", 0);
        (DilationHeight, DilationWidth) = attributes.Pair("dilation", 1);
        if (StrideHeight < 1 || StrideWidth < 1 || DilationHeight < 1 || DilationWidth < 1 || PaddingHeight < 0 || PaddingWidth < 0 || height < 1 || width < 1)
            throw new ShapeException(
                $"a window needs kernel, stride and dilation of at least 1 and padding of at least 0, but got kernel [{height}, {width}], stride [{StrideHeight}, {StrideWidth}], "
                + $"padding [{PaddingHeight}, {PaddingWidth}], dilation [{DilationHeight}, {DilationWidth}]",
                Diagnostics.Window);
    }

    public int KernelHeight { get; }
    public int KernelWidth { get; }
    public int StrideHeight { get; }
    public int StrideWidth { get; }
    public int PaddingHeight { get; }
    public int PaddingWidth { get; }
    public int DilationHeight { get; }
    public int DilationWidth { get; }

    /// <summary>How many places the window has along the height.</summary>
    public Dim Height(string operation, Shape x) => Places(operation, x, 2, KernelHeight, StrideHeight, PaddingHeight, DilationHeight);

    /// <summary>How many places the window has along the width.</summary>
    public Dim Width(string operation, Shape x) => Places(operation, x, 3, KernelWidth, StrideWidth, PaddingWidth, DilationWidth);

    static Dim Places(string operation, Shape x, int axis, long kernel, long stride, long padding, long dilation)
    {
        // The last start of the window, counted from the first.
        var span = x[axis] + (2 * padding - dilation * (kernel - 1) - 1);
        if (span.TryConstant(out var last))
            return last >= 0 ? last / stride + 1
                : throw new ShapeException(DoesNotFit(operation, x, axis, dilation * (kernel - 1) + 1, padding), Diagnostics.Window);
        if (stride == 1) return span + 1;
        throw new ShapeException($"{operation} with stride {stride} needs a number along axis {axis}, but {x} has {x[axis]}", Diagnostics.Symbolic);
    }

    /// <summary>That the window fits into the image, whatever the named dimensions are.</summary>
    public IEnumerable<SizeRule> SizeRules(string operation, Shape x)
    {
        var spans = new[] { (Span: DilationHeight * (KernelHeight - 1L) + 1, Padding: (long)PaddingHeight), (Span: DilationWidth * (KernelWidth - 1L) + 1, Padding: (long)PaddingWidth) };
        return spans.Select((s, i) => new SizeRule(x[2 + i], s.Span - 2 * s.Padding, DoesNotFit(operation, x, 2 + i, s.Span, s.Padding), Diagnostics.Window)).Where(r => !r.Size.IsConstant);
    }

    static string DoesNotFit(string operation, Shape x, int axis, long span, long padding) => $"{operation}'s window of {span} does not fit axis {axis} of {x} with padding {padding}";

    /// <summary>The attributes of the IR: always lists of two.</summary>
    public AttributeMap Write(AttributeMap to) => to
        .With("stride", Attributes.Pair((StrideHeight, StrideWidth)))
        .With("padding", Attributes.Pair((PaddingHeight, PaddingWidth)));

    public Attr Dilation => Attributes.Pair((DilationHeight, DilationWidth));
}
