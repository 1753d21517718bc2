namespace Graph.Runtime.Cpu;

public static unsafe partial class Convolution
{
    /// <summary>Floats of workspace that <see cref="WeightGradient"/> needs; a function of the shape alone.</summary>
    public static long WeightGradientWorkspace(ConvolutionCall* call) => call->Sums == SumType.Float64 ? 0 : new ConvolutionWeightJob(call).WorkspaceFloats;

    /// <summary>Makes the weight's gradient from the image and the map's gradient. Partial sums of fixed slices of the pixels lie in the workspace and are added in order.</summary>
    /// <param name="workspace">Of <see cref="WeightGradientWorkspace"/> floats; null borrows the pool's memory, which grows at the first call of a shape.</param>
    public static void WeightGradient(WorkerPool pool, ConvolutionCall* call, float* workspace = null)
    {
        if (call->Sums == SumType.Float64)
        {
            BlockedConvolution<double>.WeightGradient(pool, call);
            return;
        }
        var job = new ConvolutionWeightJob(call) { Machine = Machine.Current, Scratch = pool.ScratchTable };
        if (job.IsTooLarge)
        {
            ConvolutionDirect.WeightGradient(pool, call);
            return;
        }
        if (workspace == null)
        {
            pool.EnsureShared(job.WorkspaceFloats);
            workspace = pool.Shared;
        }
        job.Partial = workspace;
        pool.Run(&ConvolutionWeightJob.RunTasks, &job, job.Tasks, 1);
        pool.Run(&ConvolutionWeightJob.Reduce, &job, call->Filters, 1 + 16 * 1024 / (1 + job.Channels * job.Taps * job.Slices));
    }
}
