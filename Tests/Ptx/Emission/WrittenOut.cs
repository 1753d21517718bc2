using System.Linq;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Kernels as what instructions compute.</summary>
static class WrittenOut
{
    /// <summary>A program whose kernels have their functions written out, for the interpreter.</summary>
    public static LoweredProgram Of(LoweredProgram program)
    {
        static LoopKernel? Body(LoopKernel? kernel) => kernel is null ? null : PtxTarget.WrittenOut(kernel);
        static TileMaker? Maker(TileMaker? maker) => maker is null ? null : maker with { Body = Body(maker.Body)! };
        static Launch Written(Launch launch) => launch switch
        {
            LoopLaunch l => l with { Kernel = Body((LoopKernel)l.Kernel)! },
            SegmentedLaunch s => s with { Kernel = Body((LoopKernel)s.Kernel)! },
            ContractLaunch c => c with { Kernel = c.Kernel with { MakesA = Maker(c.Kernel.MakesA), MakesB = Maker(c.Kernel.MakesB), Epilogue = Body(c.Kernel.Epilogue) } },
            ConvolutionLaunch c => c with { Kernel = c.Kernel with { Operands = [.. c.Kernel.Operands.Select(o => o with { Maker = Body(o.Maker) })], Epilogue = Body(c.Kernel.Epilogue) } },
            _ => launch,
        };
        return program with { Functions = [.. program.Functions.Select(f => f with { Launches = [.. f.Launches.Select(Written)] })] };
    }
}
