using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>Convolutions as sums of matrix products, one for each tap of the window: for targets without kernels for them.</summary>
sealed class ConvolutionDefinition
{
    readonly Builder b;
    readonly Node node;
    readonly Shape weight, map;
    readonly WindowTaps taps;
    readonly Dim groups, channels, filters;

    ConvolutionDefinition(Builder b, Node node, Shape weight, Shape map)
    {
        (this.b, this.node, this.weight, this.map) = (b, node, weight, map);
        taps = new(b, ConvolutionShape.Window(weight, node.Attributes), map);
        var count = node.Attributes.Int("groups", 1);
        if (!Dim.TryDivide(weight[0], count, out filters)) throw new ShapeException($"{weight[0]} filters are not {count} groups", Diagnostics.Channels);
        (groups, channels) = (count, weight[1]);
    }

    /// <summary>Why there is none; null when there is.</summary>
    public static string? Undefined(Shape weight, AttributeMap attributes) => WindowTaps.TooMany(ConvolutionShape.Window(weight, attributes));

    /// <summary>The map of image and weight.</summary>
    public static Value Forward(Builder b, Node node)
    {
        var definition = new ConvolutionDefinition(b, node, node.Inputs[1].Shape, node.Output.Shape);
        var (padded, weight) = (definition.taps.Padded(definition.Wide(node.Inputs[0])), definition.Wide(node.Inputs[1]));
        Value? sum = null;
        foreach (var tap in definition.taps.All)
        {
            var product = b.MatMul(definition.Filters(weight, tap), definition.Grouped(definition.taps.Seen(padded, tap), definition.channels));
            sum = sum is null ? product : b.Add(sum, product);
        }
        return definition.Result(b.Reshape(sum!, definition.map));
    }

    /// <summary>The gradient of the image, of those of the map and of the weight.</summary>
    public static Value Image(Builder b, Node node)
    {
        var definition = new ConvolutionDefinition(b, node, node.Inputs[1].Shape, node.Inputs[0].Shape);
        var (dy, weight) = (definition.Grouped(definition.Wide(node.Inputs[0]), definition.filters), definition.Wide(node.Inputs[1]));
        return definition.Result(definition.taps.Spread(
            tap => b.Reshape(b.MatMul(b.TransposeLast(definition.Filters(weight, tap)), dy), definition.map.With(1, definition.groups * definition.channels)), node.Output.Shape));
    }

    /// <summary>The gradient of the weight, of the image and of that of the map.</summary>
    public static Value Weight(Builder b, Node node)
    {
        var definition = new ConvolutionDefinition(b, node, node.Output.Shape, node.Inputs[1].Shape);
        var (groups, filters, channels) = (definition.groups, definition.filters, definition.channels);
        var pixels = definition.map[0] * definition.map[2] * definition.map[3];
        Value Across(Value x, Dim rows, int[] order, Shape shape) => b.Reshape(b.Transpose(definition.Grouped(definition.Wide(x), rows), order), shape);
        var dy = Across(node.Inputs[1], filters, [1, 2, 0, 3], Shape.Of(groups, filters, pixels));
        var padded = definition.taps.Padded(node.Inputs[0]);
        var parts = definition.taps.All.Select(tap => b.Reshape(
            b.MatMul(dy, Across(definition.taps.Seen(padded, tap), channels, [1, 0, 3, 2], Shape.Of(groups, pixels, channels))), Shape.Of(definition.weight[0], channels, 1))).ToArray();
        var whole = parts.Length == 1 ? parts[0] : b.Emit("concat", [.. parts], ("axis", 2));
        return definition.Result(b.Reshape(whole, definition.weight));
    }

    // One tap of all filters: [1, groups, filters, channels].
    Value Filters(Value x, (int Row, int Column) tap) =>
        b.Reshape(b.Slice(b.Slice(x, 2, tap.Row, tap.Row + 1), 3, tap.Column, tap.Column + 1), Shape.Of(1, groups, filters, channels));

    // [batch, groups, rows, pixels] of what has the map's pixels.
    Value Grouped(Value x, Dim rows) => b.Reshape(x, Shape.Of(map[0], groups, rows, map[2] * map[3]));

    Value Wide(Value x) => x.DType.IsFloat() ? b.Cast(x, x.DType.Accumulator()) : x;

    Value Result(Value x) => b.Cast(x, node.Output.DType);
}
