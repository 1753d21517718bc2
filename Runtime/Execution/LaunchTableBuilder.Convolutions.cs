using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

// Convolutions and their gradients: operands in memory through strides, others made by bodies.
sealed unsafe partial class LaunchTableBuilder
{
    void WriteConvolution(ConvolutionLaunch launch, LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Convolution;
        Check(launch.Title, launch.Kernel.Sums, launch.Kernel.Accumulator, [.. launch.Kernel.Operands.Select(o => o.Access)]);
        entry->ConvolutionKind = launch.Kind;
        var call = entry->Convolution = memory.Take<ConvolutionCall>(1);
        var shape = launch.Shape;
        *call = new()
        {
            Sums = Sums(launch.Kernel.Accumulator),
            Batch = Evaluate(shape.Batch), Channels = Evaluate(shape.Channels), Height = Evaluate(shape.Height), Width = Evaluate(shape.Width),
            Filters = Evaluate(shape.Filters), KernelHeight = Evaluate(shape.KernelHeight), KernelWidth = Evaluate(shape.KernelWidth),
            MapHeight = Evaluate(shape.MapHeight), MapWidth = Evaluate(shape.MapWidth),
            StrideHeight = shape.StrideHeight, StrideWidth = shape.StrideWidth, PaddingTop = shape.PaddingTop, PaddingLeft = shape.PaddingLeft,
            DilationHeight = shape.DilationHeight, DilationWidth = shape.DilationWidth, Groups = shape.Groups,
        };
        switch (launch.Kind)
        {
            case ConvolutionKind.Forward:
                Image(0);
                Weight(1);
                Map(2);
                break;
            case ConvolutionKind.ImageGradient:
                Map(0);
                Weight(1);
                Image(2);
                break;
            case ConvolutionKind.WeightGradient:
                Image(0);
                Map(1);
                Weight(2);
                break;
            default:
                throw new NotSupportedException($"{model.Name} has a convolution of the unknown kind {launch.Kind}.");
        }
        if (launch.Epilogue is { } takes) Write(takes, entry, (nint*)&call->Epilogue, &call->EpiloguePointers, &call->EpilogueDims);
        call->WorkspaceFloats = Workspace(launch, (void**)&call->Workspace);
        if (call->WorkspaceFloats < Convolution.WorkspaceFloats(call, launch.Kind)) throw TooLittle(launch, Convolution.WorkspaceFloats(call, launch.Kind), call->WorkspaceFloats);
        ReserveBlocks(launch, call->Sums);

        void Image(int operand) => Planes(operand, (void**)&call->Image, &call->ImageStrides, &call->ImageMaker);
        void Map(int operand) => Planes(operand, (void**)&call->Map, &call->MapStrides, &call->MapMaker);
        void Weight(int operand)
        {
            if (launch.View(operand) is { } view)
            {
                Resolve(launch.Operands[view.Operand], (void**)&call->Weight);
                call->WeightStrides = Strides(view);
            }
            else Write(launch.Maker(operand), entry, &call->WeightMaker);
        }
        void Planes(int operand, void** address, PlaneStrides* strides, TileCall* maker)
        {
            if (launch.View(operand) is { } view)
            {
                Resolve(launch.Operands[view.Operand], address);
                *strides = Strides(view);
            }
            else if (operand < 2) Write(launch.Maker(operand), entry, maker);
        }
        PlaneStrides Strides(PlanesView view) => new() { Image = Evaluate(view.Strides[0]), Channel = Evaluate(view.Strides[1]), Row = Evaluate(view.Strides[2]), Column = Evaluate(view.Strides[3]) };
    }
}
