using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Lowering;

// Matrix products and convolutions with their epilogues.
sealed partial class FunctionLowering
{
    /// <summary>One axis of a contraction's batch: its size and the stride of A, B and C along it.</summary>
    readonly record struct BatchAxis(Dim Size, Dim A, Dim B, Dim C);

    void Contract(Node node, Node contract, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        var outer = inputs.ToDictionary(i => i.Inner, i => i.Outer);
        var (a, b, c) = (contract.Inputs[0], contract.Inputs[1], contract.Output);
        foreach (var v in new[] { a, b, c })
            if (v.DType != DType.F32) throw new NotSupportedException($"The CPU target multiplies f32 matrices, not {v.DType.Name()}.");
        var placeA = places[outer[a]];
        var placeB = places[outer[b]];
        var epilogue = Epilogue(node, c, c.Shape.Rank - 2, c.Shape.Rank - 1, body, inputs, outputs, out var placeC);
        if (Batch(c.Shape, a, placeA, b, placeB, placeC) is not { } batch)
        {
            placeA = DenseCopy(outer[a], node);
            placeB = DenseCopy(outer[b], node);
            batch = Batch(c.Shape, a, placeA, b, placeB, placeC) ?? throw new NotSupportedException($"A matrix product has more than three batch axes that do not merge: {a.Shape} · {b.Shape}.");
        }
        var operands = ImmutableArray.CreateBuilder<Operand>();
        operands.Add(new(placeA.Buffer, placeA.Offset, false));
        operands.Add(new(placeB.Buffer, placeB.Offset, false));
        MatrixView View(int operand, Value v, Placement place, Func<BatchAxis, Dim> stride) =>
            new(operand, [.. batch.Select(stride)], Stride(v, place, v.Shape.Rank - 2), Stride(v, place, v.Shape.Rank - 1));
        MatrixView? viewC = null;
        Hook? hook = null;
        ImmutableArray<InPlace> inPlace = [];
        if (epilogue is null)
        {
            operands.Add(new(placeC!.Buffer, placeC.Offset, true));
            viewC = View(2, c, placeC, x => x.C);
        }
        else (hook, inPlace) = AddHook(epilogue, operands);
        launches.Add(new ContractLaunch(
            node, operands.ToImmutable(), inPlace, c.Shape[c.Shape.Rank - 2], c.Shape[c.Shape.Rank - 1], a.Shape[a.Shape.Rank - 1], [.. batch.Select(x => x.Size)],
            View(0, a, placeA, x => x.A), View(1, b, placeB, x => x.B), viewC, false, null, null, hook)
        {
            Flops = contract.Operation.Flops(contract) + (epilogue?.Flops ?? Dim.Zero),
            Traffic = a.Type.Bytes + b.Type.Bytes + (epilogue?.Traffic ?? c.Type.Bytes),
        });
        if (epilogue is null && body.Length > 0) After(node, c, placeC!, body, inputs, outputs);
    }

    static Dim Stride(Value value, Placement place, int axis) => value.Shape[axis].Is(1) ? Dim.One : place.Strides[axis];

    (Hook, ImmutableArray<InPlace>) AddHook(BuiltKernel epilogue, ImmutableArray<Operand>.Builder operands)
    {
        var first = operands.Count;
        operands.AddRange(epilogue.Operands);
        var others = operands.Take(first).Select(o => o.Buffer).ToList();
        // The contraction's own operands are read by all workers at any time, so nothing may be written over them.
        return (new(kernels.Add(epilogue.Kernel), first, epilogue.Operands.Length, epilogue.Dims),
            [.. epilogue.InPlace.Where(p => !others.Contains(epilogue.Operands[p.Read].Buffer)).Select(p => new InPlace(p.Written + first, p.Read + first))]);
    }

    /// <summary>
    /// The epilogue as a tile function; null when there is none or no tile function computes it, and then <paramref name="place"/> is where the plain result goes.
    /// </summary>
    BuiltKernel? Epilogue(
        Node node, Value c, int rowAxis, int columnAxis, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs, out Placement? place)
    {
        place = null;
        if (body.IsEmpty)
        {
            place = PlaceOf(outputs.First(o => o.Inner == c).Outer);
            return null;
        }
        var spec = new KernelSpec(body, [.. inputs.Where(i => places.ContainsKey(i.Outer)).Select(i => (i.Inner, places[i.Outer]))], [.. outputs.Select(o => (o.Inner, PlaceOf(o.Outer)))])
        {
            TileInput = c, RowAxis = rowAxis, ColumnAxis = columnAxis,
        };
        var built = KernelBuilder.TryBuild(spec, typical);
        if (built is not null && !Overwrites(built)) return built;
        var plain = outputs.FirstOrDefault(o => o.Inner == c);
        place = plain.Inner is not null ? places[plain.Outer] : Dense(c, NewBuffer(node.Name, BufferKind.Arena, c.Type));
        return null;
    }

    // The epilogue as a kernel behind the contraction.
    void After(Node node, Value c, Placement place, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        places[c] = place;
        Kernel(node, body, inputs.Add((c, c)), outputs.RemoveAll(o => o.Inner == c));
    }

    // The batch axes as three extents; null when more than three do not merge.
    static ImmutableArray<BatchAxis>? Batch(Shape shape, Value a, Placement placeA, Value b, Placement placeB, Placement? placeC)
    {
        var axes = new List<BatchAxis>();
        Dim Along(Value v, Placement place, int fromEnd) => fromEnd > v.Shape.Rank || v.Shape[v.Shape.Rank - fromEnd].Is(1) ? Dim.Zero : place.Strides[v.Shape.Rank - fromEnd];
        for (var i = 0; i < shape.Rank - 2; i++)
        {
            if (shape[i].Is(1)) continue;
            var fromEnd = shape.Rank - i;
            var axis = new BatchAxis(shape[i], Along(a, placeA, fromEnd), Along(b, placeB, fromEnd), placeC is null ? Dim.Zero : placeC.Strides[i]);
            if (axes.Count > 0 && axes[axes.Count - 1] is var last && last.A == axis.A * axis.Size && last.B == axis.B * axis.Size && (placeC is null || last.C == axis.C * axis.Size))
                axes[axes.Count - 1] = axis with { Size = last.Size * axis.Size };
            else axes.Add(axis);
        }
        if (axes.Count > 3) return null;
        while (axes.Count < 3) axes.Insert(0, new(Dim.One, Dim.Zero, Dim.Zero, Dim.Zero));
        return [.. axes];
    }

    void Convolution(Node node, Node convolution, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        var outer = inputs.ToDictionary(i => i.Inner, i => i.Outer);
        var result = convolution.Output;
        var kind = convolution.Name switch
        {
            "conv2d" => ConvolutionKind.Forward,
            "conv2d_grad_input" => ConvolutionKind.ImageGradient,
            _ => ConvolutionKind.WeightGradient,
        };
        var operands = ImmutableArray.CreateBuilder<Operand>();
        var reads = convolution.Inputs.Select(v => DenseCopy(outer[v], node)).ToList();
        foreach (var place in reads) operands.Add(new(place.Buffer, place.Offset, false));
        var epilogue = Epilogue(node, result, 1, 2, body, inputs, outputs, out var target);
        Hook? hook = null;
        ImmutableArray<InPlace> inPlace = [];
        if (epilogue is null) operands.Add(new(target!.Buffer, target.Offset, true));
        else (hook, inPlace) = AddHook(epilogue, operands);

        var (image, weight, map) = kind switch
        {
            ConvolutionKind.Forward => (convolution.Inputs[0].Shape, convolution.Inputs[1].Shape, result.Shape),
            ConvolutionKind.ImageGradient => (result.Shape, convolution.Inputs[1].Shape, convolution.Inputs[0].Shape),
            _ => (convolution.Inputs[0].Shape, result.Shape, convolution.Inputs[1].Shape),
        };
        (int, int) Pair(string name, int fallback) => convolution.Attributes.Ints(name) is { IsEmpty: false } list ? (list[0], list[list.Length > 1 ? 1 : 0]) : (fallback, fallback);
        var (stride, padding, dilation) = (Pair("stride", 1), Pair("padding", 0), Pair("dilation", 1));
        var shape = new ConvolutionShape(
            image[0], image[1], image[2], image[3], weight[0], weight[2], weight[3], map[2], map[3],
            stride.Item1, stride.Item2, padding.Item1, padding.Item2, dilation.Item1, dilation.Item2, (int)convolution.Attributes.Int("groups", 1));
        launches.Add(new ConvolutionLaunch(node, operands.ToImmutable(), inPlace, kind, shape, hook)
        {
            Flops = convolution.Operation.Flops(convolution) + (epilogue?.Flops ?? Dim.Zero),
            Traffic = convolution.Inputs.Aggregate(Dim.Zero, (sum, v) => sum + v.Type.Bytes) + (epilogue?.Traffic ?? result.Type.Bytes),
        });
        if (epilogue is null && body.Length > 0) After(node, result, target!, body, inputs, outputs);
    }
}
