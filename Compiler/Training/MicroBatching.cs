using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Training;

/// <summary>Along which dimension a training step is cut into micro-batches.</summary>
public static class MicroBatching
{
    /// <summary>The named dimension of the rows of a batch: the first axis of the first argument of a loss that begins with a named one. Null where none does.</summary>
    /// <param name="arguments">The shapes of the loss's arguments, in order.</param>
    public static string? Batch(IEnumerable<Shape> arguments)
    {
        foreach (var shape in arguments)
            if (shape.Rank > 0 && shape[0].IsSymbol(out var name)) return name;
        return null;
    }

    /// <summary>Why a loss cannot be computed in micro-batches, with what to do; null when it can.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="parts">How many micro-batches there are.</param>
    /// <param name="declared">The named dimensions.</param>
    public static string? Problem(IReadOnlyList<NamedTensor> arguments, int parts, IEnumerable<DimSymbol> declared)
    {
        if (Batch(arguments.Select(a => a.Shape)) is not { } batch) return "no argument of its loss begins with a named dimension, along which a batch could be cut: [Shape(\"B\", …)]";
        foreach (var argument in arguments)
            for (var axis = 1; axis < argument.Shape.Rank; axis++)
                if (argument.Shape[axis].Has(batch))
                    return string.Format(CultureInfo.InvariantCulture, "a batch is cut along {0}, and {1} {2} has that as axis {3}: give the rows of a batch the first axis, and other axes another name", batch, argument.Name, argument.Shape, axis);
        var dim = declared.First(d => d.Name == batch);
        return dim.Max < parts ? string.Format(CultureInfo.InvariantCulture, "{0} is at most {1}, which is fewer rows than there are micro-batches: raise its Max", batch, dim.Max)
            : dim.Typical % parts != 0 ? string.Format(CultureInfo.InvariantCulture, "{0} is typically {1}, of which {2} micro-batches cannot each have as many rows: give it a Typical that is a multiple of {2}", batch, dim.Typical, parts)
            : null;
    }
}
