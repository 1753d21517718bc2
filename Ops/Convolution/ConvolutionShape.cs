using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations.Reference;

namespace Graph.Operations;

/// <summary>The sizes of one convolution x [N, C, H, W], w [O, C / groups, kh, kw], y [N, O, oh, ow], for shape rules and the reference kernels.</summary>
static class ConvolutionShape
{
    public static Window Window(Shape w, AttributeMap attributes) => new(attributes, Constant(w, 2), Constant(w, 3));

    static int Constant(Shape w, int axis) =>
        w[axis].TryConstant(out var size) ? checked((int)size) : throw new ShapeException($"Conv2d needs a weight with numbers for its window, but got {w}", Diagnostics.Symbolic);

    /// <summary>The shape of y.</summary>
    public static Shape Infer(string operation, Shape x, Shape w, AttributeMap attributes)
    {
        Rules.Rank(operation, "x", x, 4, 4, "x of shape [batch, channels, height, width]");
        Rules.Rank(operation, "the weight", w, 4, 4, "a weight of shape [filters, channels / groups, height, width]");
        var groups = attributes.Int("groups", 1);
        if (groups < 1 || !Dim.TryDivide(x[1], groups, out var channels) || !Dim.TryDivide(w[0], groups, out _))
            throw new ShapeException($"{operation} needs channels and filters that divide into {groups} groups, but x {x} has {x[1]} channels and the weight {w} has {w[0]} filters", Diagnostics.Channels);
        if (channels != w[1])
            throw new ShapeException(
                $"{operation} needs a weight for {channels} channels{(groups == 1 ? "" : " a group")}, but x is {x} and the weight is {w}: {channels} ≠ {w[1]}", Diagnostics.Channels);
        var window = Window(w, attributes);
        return Shape.Of(x[0], w[0], window.Height(operation, x), window.Width(operation, x));
    }

    /// <summary>The window's attributes and groups, in the form of the IR.</summary>
    public static AttributeMap Canonical(Shape w, AttributeMap attributes)
    {
        var window = Window(w, attributes);
        return window.Write(AttributeMap.Empty).With("dilation", window.Dilation).With("groups", attributes.Int("groups", 1));
    }

    public static AttributeMap WithShape(AttributeMap attributes, Shape shape) => attributes.Without("shape").With("shape", shape);

    /// <summary>A convolution of the IR by the numbers of its operands.</summary>
    public static ConvolutionForm Form(int image, int weight, int map, AttributeMap attributes) => new(
        image, weight, map, attributes.Pair("stride", 1), attributes.Pair("padding", 0), attributes.Pair("dilation", 1), (int)attributes.Int("groups", 1));

    /// <summary>One multiply-add for each weight and place.</summary>
    public static Dim Flops(Shape y, Shape w) => y.Size * w[1] * w[2] * w[3] * 2;

    /// <summary>Sizes in numbers, for the kernels.</summary>
    public readonly struct Sizes
    {
        public Sizes(long[] x, long[] w, long[] y, AttributeMap attributes)
        {
            Groups = (int)attributes.Int("groups", 1);
            (Batch, Channels, Filters) = ((int)x[0], (int)x[1] / Groups, (int)w[0] / Groups);
            Columns = new(new(attributes, (int)w[2], (int)w[3]), Channels, (int)x[2], (int)x[3], (int)y[2], (int)y[3]);
            (Image, Map) = (x[1] / Groups * x[2] * x[3], w[0] / Groups * y[2] * y[3]);
        }

        public int Groups { get; }
        public int Batch { get; }

        /// <summary>Channels of a group.</summary>
        public int Channels { get; }

        /// <summary>Filters of a group.</summary>
        public int Filters { get; }
        public Im2Col Columns { get; }

        /// <summary>Elements of x in one image and group.</summary>
        public long Image { get; }

        /// <summary>Elements of y in one image and group.</summary>
        public long Map { get; }

        /// <summary>Elements of w in one group.</summary>
        public long Weight => (long)Filters * Columns.Rows;

        public double[] Scratch() => new double[(long)Columns.Rows * Columns.Columns];
    }
}
