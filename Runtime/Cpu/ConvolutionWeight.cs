using Graph.Compiler.Targets;

namespace Graph.Runtime.Cpu;

public static unsafe partial class Convolution
{
    /// <summary>Makes the weight's gradient from the image and the map's gradient. Partial sums of fixed slices of the pixels lie in the workspace and are added in order.</summary>
    public static void WeightGradient(WorkerPool pool, ConvolutionCall* call)
    {
        switch (call->Sums)
        {
            case SumType.Float64: BlockedConvolution<double>.WeightGradient(pool, call); return;
            case SumType.Int32: BlockedConvolution<int>.WeightGradient(pool, call); return;
        }
        var cut = new GradientCut(call->Sizes, Numerics.Products, Numerics.Packing);
        if (cut.IsTooLarge)
        {
            ConvolutionDirect.WeightGradient(pool, call);
            return;
        }
        if (call->WorkspaceFloats < cut.Floats) throw TooLittle(cut.Floats, call->WorkspaceFloats);
        var job = new ConvolutionWeightJob(call, cut, Machine.Current, pool.Threads) { Scratch = pool.ScratchTable };
        pool.Run(&ConvolutionWeightJob.RunTasks, &job, job.Tasks, 1);
        pool.Run(&ConvolutionWeightJob.Reduce, &job, call->Filters, 1 + 16 * 1024 / (1 + cut.Channels * cut.Taps * cut.Slices));
    }
}
