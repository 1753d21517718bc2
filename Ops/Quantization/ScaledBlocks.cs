using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>A tensor with a scale, and perhaps a zero point, for all of it, for each place along an axis, or for each block: brought to shapes that broadcast.</summary>
sealed class ScaledBlocks
{
    readonly Builder builder;
    readonly Shape shape;

    /// <param name="operation">The operation's name in the modelling language, for messages.</param>
    /// <param name="b">Where views are emitted.</param>
    /// <param name="operands">x, the scale, and the zero point when there is one.</param>
    /// <param name="attributes">The axis of a vector of scales.</param>
    /// <exception cref="ShapeException">The scale fits neither x nor a part of it.</exception>
    public ScaledBlocks(string operation, Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        (builder, shape) = (b, operands[0].Shape);
        var scale = operands[1].Shape;
        if (operands.Length == 3 && operands[2].Shape.Rank > 0 && operands[2].Shape != scale)
            throw new ShapeException($"{operation} needs a zero point of the scale's shape {scale}, or one number, but got {operands[2].Shape}", Diagnostics.Companion);
        // The axes of x, and what the scale has for each of them: those that are cut into blocks are two.
        var (whole, each) = (new List<Dim>(), new List<Dim>());
        if (scale.Rank == 1 && shape.Rank > 1)
        {
            var axis = (int)attributes.Axis(shape, 0);
            if (scale[0] != shape[axis])
                throw new ShapeException($"{operation} needs a number for each of the {shape[axis]} places along axis {axis} of {shape}, but the scale is {scale}", Diagnostics.Companion);
            for (var i = 0; i < shape.Rank; i++) Add(shape[i], i == axis ? scale[0] : 1);
        }
        else if (scale.Rank == shape.Rank)
            for (var i = 0; i < shape.Rank; i++)
            {
                if (scale[i].Is(1) || scale[i] == shape[i])
                {
                    Add(shape[i], scale[i]);
                    continue;
                }
                if (!scale[i].TryConstant(out var blocks) || blocks < 1 || !Dim.TryDivide(shape[i], blocks, out var block))
                    throw new ShapeException($"{operation} needs a scale whose sizes divide those of {shape}, but the scale is {scale}: {shape[i]} is not a multiple of {scale[i]}", Diagnostics.Companion);
                Add(scale[i], scale[i]);
                Add(block, 1);
            }
        else if (scale.Rank > 0)
            throw new ShapeException($"{operation} needs one scale, one for each place along an axis, or one for each block of {shape}, but the scale is {scale}", Diagnostics.Companion);
        X = scale.Rank == 0 ? operands[0] : View(operands[0], new(whole));
        Scale = scale.Rank == 0 ? operands[1] : View(operands[1], new(each));
        Zero = operands.Length < 3 ? null : operands[2].Shape.Rank == 0 ? operands[2] : View(operands[2], new(each));

        void Add(Dim size, Dim scales)
        {
            whole.Add(size);
            each.Add(scales);
        }
    }

    /// <summary>x with its blocks as axes.</summary>
    public Value X { get; }

    /// <summary>The scale, which broadcasts to <see cref="X"/>.</summary>
    public Value Scale { get; }

    /// <summary>The zero point, which broadcasts to <see cref="X"/>; null for 0.</summary>
    public Value? Zero { get; }

    /// <summary>What was made of <see cref="X"/> in the shape of x.</summary>
    public Value Whole(Value made) => View(made, shape);

    Value View(Value value, Shape to) => value.Shape == to ? value : builder.Reshape(value, to);
}
