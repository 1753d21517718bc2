using System;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Passes.Fusion;

/// <summary>How often a convolution packs an element of what it reads, and so how often a body would make it: once, but for what neighbouring blocks of work share.</summary>
static class ConvolutionPacking
{
    /// <summary>The times at typical sizes, taken over the whole operand.</summary>
    /// <param name="node">The convolution.</param>
    /// <param name="operand">Which of its operands.</param>
    /// <param name="costs">In which blocks the target packs.</param>
    /// <param name="typical">Sizes to count by.</param>
    public static double Times(Node node, int operand, CostModel costs, DimBinding typical)
    {
        var form = node.Operation.Convolution(node) ?? throw new NotSupportedException($"The operation {node.Name} does not say which convolution it is.");
        if (operand == form.Weight) return 1;
        Shape ShapeOf(int which) => which == ConvolutionForm.Result ? node.Output.Shape : node.Inputs[which].Shape;
        var (image, weight, map) = (ShapeOf(form.Image), ShapeOf(form.Weight), ShapeOf(form.Map));
        double Size(Shape shape, int axis) => Math.Max(1, shape[axis].Evaluate(typical));
        var window = (Size(weight, 2) - 1) * form.Dilation.Height + 1;
        // Of a weight's gradient a block of channels takes all of the map.
        if (form.Weight == ConvolutionForm.Result && operand == form.Map) return Math.Ceiling(Size(weight, 1) / costs.PackedChannels);
        // Blocks of rows share those that their windows reach over; the gradient of an image reads the map once for each residue of the stride.
        if (operand == form.Image) return Blocks(Size(map, 2), Size(map, 3), form.Stride.Height, window, Size(image, 2));
        return form.Stride.Height * form.Stride.Width * Blocks(Math.Ceiling(Size(image, 2) / form.Stride.Height), Math.Ceiling(Size(image, 3) / form.Stride.Width), 1, Math.Ceiling(window / form.Stride.Height), Size(map, 2));

        double Blocks(double rows, double columns, double stride, double reach, double height)
        {
            var block = Math.Min(rows, Math.Max(1, Math.Floor(costs.PackedPixels / columns)));
            return Math.Max(1, Math.Ceiling(rows / block) * Math.Min(height, (block - 1) * stride + reach) / height);
        }
    }
}
