using System;
using Graph.Compiler.Ir;
using Graph.Runtime.Execution;

namespace Graph.Runtime.Cuda;

/// <summary>Where a step finds and leaves what goes to and fro.</summary>
/// <param name="Inputs">The arguments on the card, one behind the other.</param>
/// <param name="InputBytes">How much that is.</param>
/// <param name="Counter">The count of steps that were made: an i64.</param>
/// <param name="Scale">What the loss is multiplied with, a float32; 0 where no state says it.</param>
/// <param name="Loss">The loss.</param>
/// <param name="Norm">The norm of the gradients.</param>
/// <param name="Type">The type of both.</param>
/// <param name="Records">What kernels report.</param>
/// <param name="RecordBytes">How much that is.</param>
readonly record struct CudaStepPlaces(ulong Inputs, long InputBytes, ulong Counter, ulong Scale, ulong Loss, ulong Norm, DType Type, ulong Records, long RecordBytes);

/// <summary>
/// Training steps of one binding that were started and nobody has waited for. Arguments go through two places in pinned memory and on the card in turn, in the stream of copies, while the step before still runs; what steps give goes to pinned
/// memory in the stream of kernels, a place for each of the last ones. The processor waits where somebody reads a step, or where a place is needed whose step is not done. The caller holds the device's turn.
/// </summary>
sealed unsafe class CudaSteps : IDisposable
{
    const int Inputs = 2, Outstanding = 16;

    // Of a place in pinned memory: the count and the scale from before the step, loss and norm, then the records.
    const int CounterAt = 0, ScaleAt = 8, LossAt = 16, NormAt = 24, RecordsAt = 32;

    readonly CudaDevice device;
    readonly CudaStepPlaces places;
    readonly double fixedScale;
    readonly Func<long[], Exception?> failure;
    readonly byte* memory;
    readonly ulong slots;
    readonly nint[] arrived = new nint[Inputs], taken = new nint[Inputs], done = new nint[Outstanding];
    readonly CudaStep?[] running = new CudaStep?[Outstanding];
    readonly long resultBytes;
    long count;

    /// <param name="device">The card.</param>
    /// <param name="places">Where everything lies.</param>
    /// <param name="fixedScale">What the loss is multiplied with where no state says it.</param>
    /// <param name="failure">What the records of a step that is done say; null where nothing happened.</param>
    public CudaSteps(CudaDevice device, CudaStepPlaces places, double fixedScale, Func<long[], Exception?> failure)
    {
        (this.device, this.places, this.fixedScale, this.failure) = (device, places, fixedScale, failure);
        resultBytes = RecordsAt + places.RecordBytes;
        try
        {
            memory = (byte*)device.Driver.AllocatePinned(Inputs * Math.Max(places.InputBytes, 1) + Outstanding * resultBytes, "arguments and results of steps");
            slots = device.Driver.Allocate(Inputs * Math.Max(places.InputBytes, 1), "the next arguments");
            foreach (var marks in (nint[][])[arrived, taken, done])
                for (var i = 0; i < marks.Length; i++) marks[i] = device.Driver.MakeMark();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    byte* Result(int place) => memory + Inputs * places.InputBytes + place * resultBytes;

    /// <summary>Starts a step.</summary>
    /// <param name="arguments">What it takes.</param>
    /// <param name="offsets">Where each of them lies among the others, in bytes.</param>
    /// <param name="bytes">How large each is.</param>
    /// <param name="start">Starts its kernels.</param>
    /// <exception cref="ArgumentOutOfRangeException">An earlier step, which nobody has read, met a number that picks nothing.</exception>
    public CudaStep Start(CallArguments arguments, long[] offsets, long[] bytes, Action start)
    {
        var (driver, input, place) = (device.Driver, (int)(count % Inputs), (int)(count % Outstanding));
        if (running[place] is { } old) Complete(old, isRead: false);

        // The arguments: the place is free when they have arrived on the card that were there before.
        driver.Finish(arrived[input]);
        var from = memory + input * places.InputBytes;
        for (var i = 0; i < bytes.Length; i++) Buffer.MemoryCopy(arguments[i].Pointer, from + offsets[i], bytes[i], bytes[i]);
        var slot = slots + (ulong)(input * places.InputBytes);
        driver.Await(taken[input], CudaStream.Copies);
        driver.CopyInLater(slot, from, places.InputBytes);
        driver.Set(arrived[input], CudaStream.Copies);
        driver.Await(arrived[input], CudaStream.Kernels);
        driver.Copy(places.Inputs, slot, places.InputBytes);
        driver.Set(taken[input], CudaStream.Kernels);

        var result = Result(place);
        driver.CopyOutLater(result + CounterAt, places.Counter, sizeof(long));
        if (places.Scale != 0) driver.CopyOutLater(result + ScaleAt, places.Scale, sizeof(float));
        start();
        var size = places.Type.Size();
        driver.CopyOutLater(result + LossAt, places.Loss, size);
        driver.CopyOutLater(result + NormAt, places.Norm, size);
        if (places.RecordBytes > 0) driver.CopyOutLater(result + RecordsAt, places.Records, places.RecordBytes);
        driver.Set(done[place], CudaStream.Kernels);
        var step = running[place] = new(this, place);
        count++;
        return step;
    }

    StepNumbers Complete(CudaStep step, bool isRead)
    {
        lock (device.Turn)
        {
            if (!step.IsDone)
            {
                device.Driver.Finish(done[step.Place]);
                var result = Result(step.Place);
                double Real(int at) => places.Type == DType.F64 ? *(double*)(result + at) : *(float*)(result + at);
                step.Given = new(*(long*)(result + CounterAt) + 1, Real(LossAt), Real(NormAt), places.Scale != 0 ? *(float*)(result + ScaleAt) : fixedScale);
                step.Failure = failure(new ReadOnlySpan<long>(result + RecordsAt, (int)(places.RecordBytes / sizeof(long))).ToArray());
                step.IsDone = true;
                running[step.Place] = null;
            }
            else if (!isRead) return step.Given;
            return step.Failure is null ? step.Given : throw step.Failure;
        }
    }

    /// <summary>Frees everything, when all steps are done; what they gave can still be read.</summary>
    public void Dispose()
    {
        var driver = device.Driver;
        foreach (var step in running)
            if (step is not null)
            {
                try
                {
                    Complete(step, isRead: false);
                }
                catch (ArgumentOutOfRangeException)
                {
                    // For who reads the step.
                }
            }
        foreach (var marks in (nint[][])[arrived, taken, done])
            foreach (var mark in marks)
                if (mark != 0) driver.FreeMark(mark);
        if (slots != 0) driver.Free(slots);
        if (memory != null) driver.FreePinned(memory);
    }

    /// <summary>A step that was started.</summary>
    internal sealed class CudaStep(CudaSteps steps, int place) : PendingStep
    {
        internal int Place => place;

        internal bool IsDone { get; set; }

        internal StepNumbers Given { get; set; }

        internal Exception? Failure { get; set; }

        public override StepNumbers Numbers => steps.Complete(this, isRead: true);
    }
}
