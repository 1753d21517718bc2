using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;

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
    public bool TryAdd(Value value, Placement place, bool throughTranspose = true)
    {
        while (value.Producer is { Operation.Kind: OpKind.View } view)
        {
            var strides = Before(view, place.Strides, throughTranspose);
            if (strides.IsDefault) return false;
            place = place with { Strides = strides };
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
        OpKind.Elementwise or OpKind.Reduce or OpKind.Contract => true,
        OpKind.Structure => producer.Operation == StructureOperations.Fused || producer.Operation == StructureOperations.Call || producer.Operation == StructureOperations.Loop,
        OpKind.Convolution or OpKind.Library => value.Shape.Strides.SequenceEqual(place.Strides),
        _ => false,
    };

    // The strides of a view's source for which the view has the given ones.
    static ImmutableArray<Dim> Before(Node view, ImmutableArray<Dim> strides, bool throughTranspose)
    {
        switch (view.Name)
        {
            case "transpose" when throughTranspose:
                var order = view.Attributes.Ints("order");
                var source = new Dim[order.Length];
                for (var i = 0; i < order.Length; i++) source[view.Inputs[0].Shape.Axis(order[i])] = strides[i];
                return [.. source];
            case "reshape":
                return Views.Reshape(view.Output.Shape, strides, view.Inputs[0].Shape);
            default:
                return default;
        }
    }
}
