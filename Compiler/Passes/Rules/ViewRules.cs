using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Space;

namespace Graph.Compiler.Passes.Rules;

/// <summary>Views of views are one view, and a view that changes nothing is none.</summary>
static class ViewRules
{
    public static IEnumerable<(string Operation, Simplifier.Rule Rule)> All =>
    [
        ("reshape", Same),
        ("reshape", a => a.Is(0, "reshape", out var x) ? a.Make("reshape", [x.Inputs[0]], ("shape", Target(a))) : null),
        ("reshape", OfScalar),
        ("expand", Same),
        ("expand", a => a.Is(0, "expand", out var x) ? a.Make("expand", [x.Inputs[0]], ("shape", Target(a))) : null),
        ("expand", a => a.Is(0, "reshape", out var x) && Broadcasting.AddsLeadingUnits(x) ? a.Make("expand", [x.Inputs[0]], ("shape", Target(a))) : null),
        ("transpose", a => IsSorted(a.Attributes.Ints("order")) ? a[0] : null),
        ("transpose", OfTransposed),
        ("transpose", OfUnitAxes),
        ("transpose", OfScalar),
        ("slice", a => a.Attributes.Dims("start")[0].Is(0) && a.Attributes.Dims("end")[0] == a[0].Shape[Axis(a)] ? a[0] : null),
        ("slice", OfSlice),
        ("slice", OfScalar),
        ("sum", OfUnits),
        ("max", OfUnits),
        ("min", OfUnits),
    ];

    static Shape Target(Application a) => new(a.Attributes.Dims("shape"));

    static int Axis(Application a) => a[0].Shape.Axis(a.Attributes.Int("axis"));

    static Value? Same(Application a) => a[0].Shape == Target(a) ? a[0] : null;

    static bool IsSorted(ImmutableArray<int> order)
    {
        for (var i = 0; i < order.Length; i++)
            if (order[i] != i) return false;
        return true;
    }

    static Value? OfTransposed(Application a)
    {
        if (!a.Is(0, "transpose", out var x)) return null;
        var first = x.Attributes.Ints("order");
        return a.Make("transpose", [x.Inputs[0]], ("order", a.Attributes.Ints("order").Select(axis => first[axis]).ToArray()));
    }

    // Moving axes of size 1 moves no element.
    static Value? OfUnitAxes(Application a)
    {
        var order = a.Attributes.Ints("order");
        var last = -1;
        foreach (var axis in order)
        {
            if (a[0].Shape[axis].Is(1)) continue;
            if (axis < last) return null;
            last = axis;
        }
        return a.Make("reshape", [a[0]], ("shape", a.Type().Shape));
    }

    // One number everywhere is that under every shape.
    static Value? OfScalar(Application a) => a.Is(0, "expand", out var x) && x.Inputs[0].Shape.Rank == 0 ? a.Make("expand", [x.Inputs[0]], ("shape", a.Type().Shape)) : null;

    static Value? OfSlice(Application a)
    {
        if (!a.Is(0, "slice", out var x) || x.Inputs[0].Shape.Axis(x.Attributes.Int("axis")) != Axis(a)) return null;
        var offset = x.Attributes.Dims("start")[0];
        return a.Make("slice", [x.Inputs[0]], ("axis", Axis(a)),
            ("start", new Attr.List([offset + a.Attributes.Dims("start")[0]])), ("end", new Attr.List([offset + a.Attributes.Dims("end")[0]])));
    }

    // Reducing along axes of size 1 reduces nothing.
    static Value? OfUnits(Application a)
    {
        foreach (var axis in a.Attributes.Ints("axes"))
            if (!a[0].Shape[a[0].Shape.Axis(axis)].Is(1)) return null;
        var type = a.Type();
        return type.DType == a[0].DType ? a.Make("reshape", [a[0]], ("shape", type.Shape)) : null;
    }
}
