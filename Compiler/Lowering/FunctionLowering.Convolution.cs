using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Space;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Lowering;

// Convolutions and their gradients with what is done to their operands and results on the way.
sealed partial class FunctionLowering
{
    void Convolution(Node node, Node convolution, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        var result = convolution.Output;
        var sums = result.DType.Accumulator();
        var form = convolution.Operation.Convolution(convolution) ?? throw new NotSupportedException($"No kernel computes the convolution {convolution.Name}.");
        var traits = convolution.Operation.Library(convolution) ?? throw new NotSupportedException($"No kernel computes the convolution {convolution.Name}.");
        var kind = form.Image == ConvolutionForm.Result ? ConvolutionKind.ImageGradient : form.Weight == ConvolutionForm.Result ? ConvolutionKind.WeightGradient : ConvolutionKind.Forward;
        foreach (var (inner, outer) in inputs) places[inner] = places[outer];
        var parts = ContractParts.Of(convolution, body, outputs.Select(o => o.Inner));
        foreach (var view in parts.Views) this.View(view);
        var operands = ImmutableArray.CreateBuilder<Operand>();
        var arguments = new DimTable(0);
        Shape ShapeOf(int operand) => operand == ConvolutionForm.Result ? result.Shape : convolution.Inputs[operand].Shape;
        var (image, weight, map) = (ShapeOf(form.Image), ShapeOf(form.Weight), ShapeOf(form.Map));
        ImmutableArray<Extent> sizes = [.. new[] { image[0], image[1], image[2], image[3], weight[0], weight[2], weight[3], map[2], map[3] }.Select(arguments.Fixed)];

        var views = ImmutableArray.CreateBuilder<ConvolutionOperand>();
        void View(Value v, Placement place, bool isWritten)
        {
            operands.Add(new(place.Buffer, place.Offset, isWritten));
            views.Add(new(new(operands.Count - 1, v.DType, isWritten, [.. place.Strides.Select(arguments.Fixed)]), null));
        }
        var (flops, traffic) = (convolution.Operation.Flops(convolution), Dim.Zero);
        HookOperands? Read(int operand)
        {
            var value = convolution.Inputs[operand];
            // A tile of an image is some channels of one, a tile of the weight some filters.
            var rows = operand == form.Weight ? 0 : 1;
            var made = Prologue(node, value, operand == 0 ? parts.PrologueA : parts.PrologueB, inputs, rows, rows + 1, false);
            // What lies in memory in another type than that of the sums is converted while it is packed.
            if (made is null && value.DType != sums) made = Converted(value, places[value], node, rows, rows + 1, false);
            if (made is { } prologue)
            {
                (flops, traffic) = (flops + prologue.Kernel.Flops, traffic + prologue.Kernel.Traffic);
                var (maker, hook) = AddPrologue(prologue, operands);
                views.Add(new(null, maker!.Body));
                return hook;
            }
            traffic += value.Type.Bytes;
            View(value, traits.Strided.Contains(operand) ? places[value] : DenseCopy(value, node), false);
            return null;
        }
        var (first, second) = (Read(0), Read(1));
        var epilogue = Epilogue(node, result, 1, 2, parts.Epilogue, inputs, outputs, out var place);
        var rest = epilogue is null ? parts.Epilogue : [];
        Value? unrounded = null;
        Placement? written = null;
        if (epilogue is null && result.DType != sums)
        {
            // The result is rounded while it is in cache, where there is an epilogue; the gradient of a weight has none.
            if (traits.Hooks.HasFlag(LibraryHooks.Epilogue)) epilogue = Rounded(result, place!, 1, 2);
            else unrounded = Value.Argument(result.Type with { DType = sums }, "sums");
        }
        (LoopKernel? Body, HookOperands? Operands) takes = default;
        ImmutableArray<InPlace> inPlace = [];
        if (unrounded is not null) View(unrounded, places[unrounded] = Dense(unrounded, NewBuffer(node.Name, BufferKind.Arena, unrounded.Type)), true);
        else if (epilogue is null) View(result, written = traits.StridedResults.Contains(0) || IsDense(result.Shape, place!.Strides) ? place! : Dense(result, NewBuffer(node.Name, BufferKind.Arena, result.Type)), true);
        else (takes.Body, takes.Operands, inPlace) = AddHook(epilogue, operands);
        var workspace = SharesNothing(kind, form, image, weight, map, sums) ? Alone() : Workspace(operands, sums);
        var kernel = kernels.Add(new ConvolutionKernel(
            "", kind, sums, sizes,
            new(form.Stride.Height, form.Stride.Width, form.Padding.Height, form.Padding.Width, form.Dilation.Height, form.Dilation.Width, form.Groups), views.ToImmutable(), takes.Body, target.Products.In(sums), workspace), "convolution");
        Add(node, new ConvolutionLaunch(node.Origins, operands.ToImmutable(), inPlace, kernel, arguments.Dims, first, second, takes.Operands)
        {
            Flops = flops + (epilogue?.Flops ?? Dim.Zero),
            Traffic = traffic + (epilogue?.Traffic ?? result.Type.Bytes),
        });
        // A result that goes elsewhere than one element behind the other, such as a part of a whole, is put there.
        if (written is not null && written != place) CopyTo(result, written, place!, node);
        if (unrounded is not null) Round(node, unrounded, places[unrounded], result.DType, place!);
        if (!rest.IsEmpty) After(node, result, place!, rest, inputs, outputs);
    }

    // Whether a convolution is too large to be packed, whatever the sizes that a caller may choose: how many images there are changes nothing in that.
    bool SharesNothing(ConvolutionKind kind, ConvolutionForm form, Shape image, Shape weight, Shape map, DType sums)
    {
        Dim[] decide = [weight[0], image[1], weight[2], weight[3], .. kind == ConvolutionKind.WeightGradient ? [image[2], image[3], map[2], map[3]] : Array.Empty<Dim>()];
        if (!decide.All(d => d.TryConstant(out _))) return false;
        long Of(Dim size) => size.TryConstant(out var constant) ? constant : 1;
        var sizes = new ConvolutionSizes(
            1, Of(image[1]), Of(image[2]), Of(image[3]), Of(weight[0]), Of(weight[2]), Of(weight[3]), Of(map[2]), Of(map[3]), form.Stride.Height, form.Stride.Width, form.Padding.Height, form.Padding.Width,
            form.Dilation.Height, form.Dilation.Width, form.Groups);
        var cut = target.Products.In(sums);
        return kind == ConvolutionKind.WeightGradient ? new GradientCut(sizes, cut, target.Packing).Floats == 0 : target.Packing.ConvolutionBytes(cut, sizes, kind == ConvolutionKind.ImageGradient) == 0;
    }
}
