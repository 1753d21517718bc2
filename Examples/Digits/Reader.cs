using System;
using System.Threading;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Data;

namespace Graph.Examples.Digits;

/// <summary>The two readers have one shape of members; this is what the program needs of either.</summary>
abstract class Reader : IDisposable
{
    public abstract IModel Model { get; }

    /// <summary>Images to the probabilities of ten digits.</summary>
    public abstract void Predict(ReadOnlySpan<float> images, Span<float> probabilities);

    public abstract Task<FitResult> FitAsync(IBatchSource data, FitOptions options, IProgress<FitProgress> progress, CancellationToken cancel);

    public void Dispose() => Model.Dispose();

    /// <summary>A reader for images of that side.</summary>
    public static Reader Create(int side, Device device, ulong seed, int threads, Precision precision) => side == 8
        ? new Small(DigitReader.Create(precision, device, seed, threads))
        : new Large(MnistReader.Create(precision, device, seed, threads));

    /// <summary>How often each digit was taken for each digit.</summary>
    /// <param name="data">The images and their labels.</param>
    /// <param name="cancel">Ends it early.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public int[,] Confusion(Dataset data, CancellationToken cancel)
    {
        var counts = new int[10, 10];
        Span<float> probabilities = new float[256 * 10];
        using var reader = new BatchLoader(data, 256, new() { Order = BatchOrder.Sequential }).Open(0);
        while (reader.Next(cancel))
        {
            var result = probabilities[..(reader.Count * 10)];
            Predict(reader.Values<float>("image"), result);
            var labels = reader.Values<int>("label");
            for (var i = 0; i < reader.Count; i++) counts[labels[i], Best(result.Slice(i * 10, 10))]++;
        }
        return counts;
    }

    static int Best(ReadOnlySpan<float> probabilities)
    {
        var best = 0;
        for (var i = 1; i < probabilities.Length; i++)
            if (probabilities[i] > probabilities[best]) best = i;
        return best;
    }

    /// <summary>The share of right answers.</summary>
    public static double Accuracy(int[,] confusion)
    {
        int right = 0, all = 0;
        for (var i = 0; i < 10; i++)
            for (var j = 0; j < 10; j++)
            {
                all += confusion[i, j];
                if (i == j) right += confusion[i, j];
            }
        return (double)right / all;
    }

    /// <summary>What a reader for images of that side will take in memory.</summary>
    public static ModelMemory Memory(int side, int batch, Precision precision, int threads) => side == 8
        ? DigitReader.Memory(batch, precision, threads) : MnistReader.Memory(batch, precision, threads);

    /// <summary>Memory and work of a training step.</summary>
    public MemoryPlan Plan(int batch) => Model.Instance.Plan("train_step", new DimBinding([new("B", batch)]));

    sealed class Small(DigitReader model) : Reader
    {
        public override IModel Model => model;
        public override void Predict(ReadOnlySpan<float> images, Span<float> probabilities) => model.Predict(images, probabilities);
        public override Task<FitResult> FitAsync(IBatchSource data, FitOptions options, IProgress<FitProgress> progress, CancellationToken cancel) => model.FitAsync(data, options, progress, cancel);
    }

    sealed class Large(MnistReader model) : Reader
    {
        public override IModel Model => model;
        public override void Predict(ReadOnlySpan<float> images, Span<float> probabilities) => model.Predict(images, probabilities);
        public override Task<FitResult> FitAsync(IBatchSource data, FitOptions options, IProgress<FitProgress> progress, CancellationToken cancel) => model.FitAsync(data, options, progress, cancel);
    }
}
