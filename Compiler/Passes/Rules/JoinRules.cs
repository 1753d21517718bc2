using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Rules;

/// <summary>
/// Concatenation, padding and slices: they undo each other, and the gradients of neighbouring slices, each padded with zeros to the whole and added, are their concatenation.
/// </summary>
static class JoinRules
{
    public static IEnumerable<(string Operation, Simplifier.Rule Rule)> All =>
    [
        ("concat", a => a.Inputs.Length == 1 ? a[0] : null),
        ("concat", Flatten),
        ("pad", a => Before(a.Attributes).Is(0) && After(a.Attributes).Is(0) ? a[0] : null),
        ("slice", OfConcat),
        ("slice", OfPad),
        ("add", OfPads),
    ];

    static Dim First(AttributeMap attributes, string name) => attributes.Dims(name) is { IsEmpty: false } dims ? dims[0] : Dim.Zero;

    static Dim Before(AttributeMap attributes) => First(attributes, "before");

    static Dim After(AttributeMap attributes) => First(attributes, "after");

    // What is added to another tensor without changing it there.
    static bool IsZero(AttributeMap pad) => pad.Real("value") == 0;

    static int Axis(Value x, AttributeMap attributes) => x.Shape.Axis(attributes.Int("axis"));

    static Value? Flatten(Application a)
    {
        var axis = Axis(a[0], a.Attributes);
        bool Joined(Value v) => v.Producer is { } p && p.Is("concat") && Axis(v, p.Attributes) == axis;
        return a.Inputs.Any(Joined) ? a.Make("concat", [.. a.Inputs.SelectMany(v => Joined(v) ? v.Producer!.Inputs.AsEnumerable() : [v])], ("axis", axis)) : null;
    }

    static Value? OfConcat(Application a)
    {
        var axis = Axis(a[0], a.Attributes);
        if (!a.Is(0, "concat", out var joined) || Axis(a[0], joined.Attributes) != axis) return null;
        var start = Dim.Zero;
        foreach (var part in joined.Inputs)
        {
            var end = start + part.Shape[axis];
            if (First(a.Attributes, "start") == start && First(a.Attributes, "end") == end) return part;
            start = end;
        }
        return null;
    }

    static Value? OfPad(Application a)
    {
        var axis = Axis(a[0], a.Attributes);
        if (!a.Is(0, "pad", out var padded) || Axis(a[0], padded.Attributes) != axis) return null;
        var before = Before(padded.Attributes);
        return First(a.Attributes, "start") == before && First(a.Attributes, "end") == before + padded.Inputs[0].Shape[axis] ? padded.Inputs[0] : null;
    }

    static Value? OfPads(Application a)
    {
        if (!a.Is(0, "pad", out var x) || !a.Is(1, "pad", out var y) || a[0].Type != a[1].Type || !IsZero(x.Attributes) || !IsZero(y.Attributes)) return null;
        var axis = Axis(a[0], x.Attributes);
        if (Axis(a[1], y.Attributes) != axis) return null;
        if (Before(x.Attributes) != Before(y.Attributes) + y.Inputs[0].Shape[axis]) (x, y) = (y, x);
        // Now y must end where x begins.
        if (Before(x.Attributes) != Before(y.Attributes) + y.Inputs[0].Shape[axis]) return null;
        var joined = a.Make("concat", [y.Inputs[0], x.Inputs[0]], ("axis", axis));
        return a.Make("pad", [joined], ("axis", axis), ("before", new Attr.List([Before(y.Attributes)])), ("after", new Attr.List([After(x.Attributes)])));
    }
}
