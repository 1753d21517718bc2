using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>Shapes of pooling windows.</summary>
static class PoolingShape
{
    public static Window Window(AttributeMap attributes)
    {
        var (height, width) = attributes.Pair("kernel", 0);
        return new(attributes, height, width);
    }

    /// <summary>What its kernels promise: elements that are narrower than what is computed with become that by planes, one of the image and one of the map.</summary>
    public static LibraryTraits Library(TensorType image, TensorType map) => new()
    {
        Types = LibraryTraits.RealType, Strided = [0], ThreadBytes = LibraryTraits.Sums(image.DType, image.Shape[2] * image.Shape[3] + map.Shape[2] * map.Shape[3]),
    };

    /// <summary>What an element of a window is of its mean.</summary>
    public static Value Share(Builder b, AttributeMap attributes, Value like)
    {
        var (height, width) = attributes.Pair("kernel", 1);
        return b.ConstantLike(Rounding.Round(1.0 / (height * width), like.DType), like);
    }

    /// <summary>The shape of the result.</summary>
    public static Shape Infer(string operation, Shape x, AttributeMap attributes)
    {
        Rules.Rank(operation, "x", x, 4, 4, "x of shape [batch, channels, height, width]");
        var window = Window(attributes);
        if (window.PaddingHeight * 2L > window.KernelHeight || window.PaddingWidth * 2L > window.KernelWidth)
            throw new ShapeException($"{operation} needs padding of at most half of the window, but got padding [{window.PaddingHeight}, {window.PaddingWidth}] for [{window.KernelHeight}, {window.KernelWidth}]", Diagnostics.Window);
        return Shape.Of(x[0], x[1], window.Height(operation, x), window.Width(operation, x));
    }

    /// <summary>The attributes of the language, where the stride defaults to the window, in the form of the IR.</summary>
    public static AttributeMap Canonical(AttributeMap attributes)
    {
        var kernel = attributes.Pair("kernel", 0);
        if (!attributes.Has("stride") || attributes.Pair("stride", 0) == (0, 0)) attributes = attributes.With("stride", Attributes.Pair(kernel));
        return Window(attributes).Write(AttributeMap.Of(("kernel", Attributes.Pair(kernel))));
    }
}
