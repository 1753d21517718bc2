using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;

namespace Graph.Tests.Cpu;

/// <summary>Runs library kernels with memory to work in: as much as a plan gives them, or less, so that small problems take the ways of large ones.</summary>
static unsafe class Workspaces
{
    public static void Run(WorkerPool pool, ContractCall* call, long? floats = null)
    {
        using var memory = NativeArray.Filled(floats ?? Contract.WorkspaceFloats(call), float.NaN);
        call->Workspace = memory.Pointer;
        call->WorkspaceFloats = memory.Count;
        Contract.Run(pool, call);
    }

    public static void Run(WorkerPool pool, ConvolutionCall* call, ConvolutionKind kind, long? floats = null)
    {
        using var memory = NativeArray.Filled(floats ?? Convolution.WorkspaceFloats(call, kind), float.NaN);
        call->Workspace = memory.Pointer;
        call->WorkspaceFloats = memory.Count;
        if (kind == ConvolutionKind.Forward) Convolution.Forward(pool, call);
        else if (kind == ConvolutionKind.ImageGradient) Convolution.ImageGradient(pool, call);
        else Convolution.WeightGradient(pool, call);
    }
}
