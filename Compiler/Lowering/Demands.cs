using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes.Scheduling;
using Graph.Compiler.Space;

namespace Graph.Compiler.Lowering;

/// <summary>
/// Where values shall be written so that nothing has to be copied afterwards: results into the caller's memory, new states over the old ones, the parts of a
/// concatenation into the whole. A demand on a view is one on what it looks at, with the strides that make the view come out right.
/// </summary>
sealed class Demands
{
    readonly Dictionary<Value, Placement> places = [];

    /// <summary>The demanded place of a kernel's result.</summary>
    public bool TryGet(Value value, out Placement place) => places.TryGetValue(value, out place!);

    /// <summary>Demands a place for a value; false when it cannot be had and the value must be copied there.</summary>
    public bool TryAdd(Value value, Placement place)
    {
        while (value.Producer is { Operation.Kind: OpKind.View } view)
        {
            if (Views.Before(view, place.Offset, place.Strides) is not { } before) return false;
            place = place with { Offset = before.Offset, Strides = before.Strides };
            value = view.Inputs[0];
        }
        if (value.Producer is not { } producer || places.ContainsKey(value) || !WritesAnywhere(producer, place, value)) return false;
        // A layout that the layout pass chose is part of the schedule.
        if (!value.Order.IsEmpty && !value.Strides.SequenceEqual(place.Strides) && place.Buffer.Kind != BufferKind.Arena) return false;
        places.Add(value, place);
        return true;
    }

    public void Remove(Value value) => places.Remove(value);

    static bool WritesAnywhere(Node producer, Placement place, Value value) => producer.Operation.Kind switch
    {
        OpKind.Elementwise or OpKind.Reduce => true,
        OpKind.Structure when producer.Operation == StructureOperations.Call || producer.Operation == StructureOperations.Update => value.Shape.Strides.SequenceEqual(place.Strides),
        OpKind.Structure => producer.Operation == StructureOperations.Fused || producer.Operation == StructureOperations.Loop || producer.Operation == StructureOperations.If || producer.Operation == StructureOperations.GradientNorm,
        _ => producer.Operation.Library(producer) is { } traits && (traits.StridedResults.Contains(value.Index) || value.Shape.Strides.SequenceEqual(place.Strides)),
    };
}
