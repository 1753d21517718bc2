using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>How operations read their attributes, in the forms of the modelling language and of the IR.</summary>
static class Attributes
{
    /// <summary>A height and a width: one number for both, or two.</summary>
    public static (int Height, int Width) Pair(this AttributeMap attributes, string name, int fallback)
    {
        var values = attributes.Ints(name);
        return values.Length switch
        {
            0 => (fallback, fallback),
            1 => (values[0], values[0]),
            2 => (values[0], values[1]),
            _ => throw new ShapeException($"{name} is one number or two (height and width), but got {values.Length}", Diagnostics.Window),
        };
    }

    public static Attr Pair((int Height, int Width) pair) => new[] { pair.Height, pair.Width };

    /// <summary>The axes of <c>axes</c> (a list) or <c>axis</c> (one), counted from the start, ascending; all when both are absent.</summary>
    public static int[] Axes(this AttributeMap attributes, Shape shape)
    {
        var name = attributes.Has("axis") ? "axis" : "axes";
        if (!attributes.Has(name)) return [.. Enumerable.Range(0, shape.Rank)];
        var axes = shape.Axes([.. attributes.Ints(name).Select(a => (long)a)]).OrderBy(a => a).ToArray();
        if (axes.Distinct().Count() != axes.Length) throw new ShapeException($"an axis occurs twice in [{string.Join(", ", attributes.Ints(name))}] for {shape}", Diagnostics.Axis);
        return axes;
    }

    /// <summary>The axis of the attribute <c>axis</c>, counted from the start.</summary>
    public static int Axis(this AttributeMap attributes, Shape shape, int fallback = -1) => shape.Axis(attributes.Int("axis", fallback));

    /// <summary>A size that may be one of the named dimensions.</summary>
    public static Dim Dim(this AttributeMap attributes, string name) =>
        attributes.Dims(name) is { Length: 1 } one ? one[0] : throw new ShapeException($"{name} is one size, but got {attributes.Dims(name).Length}");

    /// <summary>A word, in the small letters of the IR.</summary>
    public static string Word(this AttributeMap attributes, string name, string fallback) => attributes.Text(name)?.ToLowerInvariant() ?? fallback;

    public static Attr List(params Dim[] dims) => new Attr.List([.. dims]);
}
