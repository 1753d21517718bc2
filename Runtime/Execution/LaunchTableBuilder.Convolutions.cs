using System;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

// Convolutions and their gradients: operands in memory through strides, others made by bodies.
sealed unsafe partial class LaunchTableBuilder
{
    void WriteConvolution(LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Convolution;
        var kind = entry->ConvolutionKind = (ConvolutionKind)Next();
        var accumulator = Accumulator();
        var call = entry->Convolution = memory.Take<ConvolutionCall>(1);
        *call = new()
        {
            Sums = Sums(accumulator),
            Batch = Next(), Channels = Next(), Height = Next(), Width = Next(), Filters = Next(), KernelHeight = Next(), KernelWidth = Next(), MapHeight = Next(), MapWidth = Next(),
            StrideHeight = Next(), StrideWidth = Next(), PaddingTop = Next(), PaddingLeft = Next(), DilationHeight = Next(), DilationWidth = Next(), Groups = Next(),
        };
        var isPacked = NextBool();
        switch (kind)
        {
            case ConvolutionKind.Forward:
                Image();
                Weight();
                Map(isWritten: true);
                break;
            case ConvolutionKind.ImageGradient:
                Map();
                Weight();
                Image(isWritten: true);
                break;
            case ConvolutionKind.WeightGradient:
                Image();
                Map();
                Weight(isWritten: true);
                break;
            default:
                throw new NotSupportedException($"{model.Name} has a convolution of the unknown kind {kind}.");
        }
        Body(entry, (nint*)&call->Epilogue, &call->EpiloguePointers, &call->EpilogueDims);
        call->WorkspaceFloats = Workspace((void**)&call->Workspace);
        if (call->WorkspaceFloats < Convolution.WorkspaceFloats(call, kind)) throw TooLittle(Convolution.WorkspaceFloats(call, kind), call->WorkspaceFloats);
        ReserveBlocks(call->Sums);

        void Image(bool isWritten = false) => Planes((void**)&call->Image, &call->ImageStrides, isWritten ? null : &call->ImageMaker);
        void Map(bool isWritten = false) => Planes((void**)&call->Map, &call->MapStrides, isWritten ? null : &call->MapMaker);
        void Weight(bool isWritten = false) => Planes(isPacked ? (void**)&call->PackedWeight : (void**)&call->Weight, &call->WeightStrides, isWritten ? null : &call->WeightMaker);
        void Planes(void** address, PlaneStrides* strides, TileCall* maker)
        {
            if (Access(accumulator, address)) *strides = new() { Image = Next(), Channel = Next(), Row = Next(), Column = Next() };
            if (maker is not null) Body(entry, maker);
        }
    }
}
