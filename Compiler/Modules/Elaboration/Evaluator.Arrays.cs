using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>Numbers that the source gives: they become states that nobody writes, each array once, whoever has made it how often.</summary>
sealed partial class Evaluator
{
    /// <summary>Bytes of one array that become part of the assembly, and of all of a model together.</summary>
    const int MostOfOne = 64 << 10, MostOfAll = 1 << 20;

    readonly Dictionary<StateDecl, Handle> arrays = [];
    long listedBytes;

    /// <summary>The arrays that the model's functions read, in the order in which they were made.</summary>
    public IEnumerable<StateDecl> Arrays => arrays.Values.Select(a => new StateDecl(a.Path!, a.Type, a.Kind, a.Init));

    Handle NumberArray(NumberArrayExpression e, Scope scope)
    {
        var element = ElementTypes.Of(e.Element.Kind) ?? throw Fail(DiagnosticIds.Unsupported, e.Location, $"{e.Element} is no element type of tensors: use float, double, Half, long, int, sbyte, byte or bool.");
        if (Refuse(element) is { } reason) throw Fail(DiagnosticIds.ElementType, e.Location, $"Tensor.From makes a tensor of {e.Element}. {reason}.");
        var values = Evaluate(e.Values, scope) ?? throw WouldThrow(e.Values.Location, "The array is null.");
        var sizes = Items(Evaluate(e.Shape, scope), e.Shape.Location).Select(size => size is DimValue ? throw NotKnown(e.Shape.Location, $"The sizes of an array are known while the model is compiled, but one of these is {size}.") : (Dim)Int(size, e.Shape.Location, "A size")).ToArray();
        var init = Listed(values, element, e.Location);
        var shape = sizes.Length == 0 ? Shape.Of(init.Values.Count) : new Shape(sizes);
        if (sizes.Any(d => d.Constant < 0) || shape.Size != init.Values.Count)
            throw WouldThrow(e.Location, FormattableString.Invariant($"{init.Values.Count} numbers do not fill the shape {shape}."));
        var key = new StateDecl("", new(element, shape), StateKind.Constant, init);
        if (arrays.TryGetValue(key, out var known)) return known;
        // No field's path has this sign in it.
        return arrays[key] = new(StateKind.Constant, key.Type, init, null, frame.This, Own(e.Location)) { Path = "array#" + arrays.Count.ToString(CultureInfo.InvariantCulture) };
    }

    InitSpec Listed(object? values, DType element, Location location)
    {
        var items = Items(values, location);
        var bytes = (long)items.Count * element.Size();
        if (bytes > MostOfOne || (listedBytes += bytes) > MostOfAll)
            throw Fail(DiagnosticIds.LargeArray, location,
                $"{items.Count.ToString("N0", CultureInfo.InvariantCulture)} numbers take {SizeLimits.Bytes(bytes)}, but what becomes part of the assembly is at most {SizeLimits.Bytes(MostOfOne)} an array{(bytes > MostOfOne ? "" : $" and {SizeLimits.Bytes(MostOfAll)} a model")}. "
                + "Keep them in a State of their shape with Init.Zeros, and load its numbers from a safetensors file: model.Load(path).");
        return InitSpec.Of(items.Select(item => item switch
        {
            bool truth => truth ? 1 : 0,
            DimValue => throw NotKnown(location, $"The numbers of an array are known while the model is compiled, but one of these is {item}."),
            _ => Rounding.Round(Scalar(item, location).Number, element),
        }));
    }
}
