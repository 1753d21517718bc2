using System;
using System.Collections.Generic;

namespace Graph.Runtime.Cuda;

/// <summary>
/// What the runtime asks of a CUDA driver, for one card: memory, modules, launches in one stream, and copies beside them in a second one. Calls may return before what they ask for is done, copies to the processor excepted: those wait for everything before.
/// One thread at a time.
/// </summary>
/// <remarks>There are two: the driver of the machine (<see cref="CudaDriver"/>), and an emulator in the tests, on which everything above this interface runs without a card.</remarks>
unsafe interface ICudaDriver : IDisposable
{
    /// <summary>The card's name, for people.</summary>
    string Name { get; }

    /// <summary>The card's compute capability, ten times its number: 80 for 8.0.</summary>
    int Capability { get; }

    /// <summary>Memory of the card.</summary>
    /// <param name="bytes">How much; at least 1.</param>
    /// <param name="purpose">What it is for, for messages.</param>
    /// <exception cref="OutOfMemoryException">There is not that much.</exception>
    ulong Allocate(long bytes, string purpose);

    /// <summary>Gives memory back.</summary>
    void Free(ulong address);

    /// <summary>Copies to the card.</summary>
    void CopyIn(ulong to, void* from, long bytes);

    /// <summary>Copies from the card, when everything before is done.</summary>
    void CopyOut(void* to, ulong from, long bytes);

    /// <summary>Compiles a module for the card.</summary>
    /// <exception cref="CudaException">It cannot; the message has the compiler's log.</exception>
    nint Load(string text);

    /// <summary>A kernel of a module.</summary>
    nint Function(nint module, string name);

    /// <summary>Registers that a thread of a kernel takes.</summary>
    int Registers(nint function);

    /// <summary>How many blocks of a kernel a multiprocessor holds at once.</summary>
    /// <param name="function">The kernel.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="sharedBytes">Shared memory of a block.</param>
    int ResidentBlocks(nint function, int threads, int sharedBytes);

    /// <summary>Lets a module go.</summary>
    void Unload(nint module);

    /// <summary>Starts a kernel.</summary>
    void Launch(KernelCall call);

    /// <summary>Makes one thing of kernels that run one behind the other, so that starting all of them is one call.</summary>
    /// <param name="calls">At least one. Their parameters are read now.</param>
    nint MakeGraph(IReadOnlyList<KernelCall> calls);

    /// <summary>Starts what <see cref="MakeGraph"/> made.</summary>
    void Launch(nint graph);

    /// <summary>Lets a graph go that is not running.</summary>
    void FreeGraph(nint graph);

    /// <summary>Waits until everything is done.</summary>
    void Synchronize();

    /// <summary>Memory of the processor that the card reads and writes by itself.</summary>
    /// <param name="bytes">How much; at least 1.</param>
    /// <param name="purpose">What it is for, for messages.</param>
    /// <exception cref="OutOfMemoryException">There is not that much.</exception>
    void* AllocatePinned(long bytes, string purpose);

    /// <summary>Gives it back.</summary>
    void FreePinned(void* memory);

    /// <summary>Copies to the card from pinned memory, in the stream of copies. Returns at once.</summary>
    void CopyInLater(ulong to, void* pinned, long bytes);

    /// <summary>Copies from the card to pinned memory, in the stream of kernels. Returns at once.</summary>
    void CopyOutLater(void* pinned, ulong from, long bytes);

    /// <summary>Copies within the card, in the stream of kernels. Returns at once.</summary>
    void Copy(ulong to, ulong from, long bytes);

    /// <summary>Makes a mark, which counts as reached until it is set.</summary>
    nint MakeMark();

    /// <summary>Makes a mark that keeps the time at which it is reached.</summary>
    nint MakeTimer();

    /// <summary>The time between two of <see cref="MakeTimer"/> that were reached, in seconds.</summary>
    double Seconds(nint from, nint to);

    /// <summary>Lets a mark go.</summary>
    void FreeMark(nint mark);

    /// <summary>Sets a mark behind what a stream has to do by now.</summary>
    void Set(nint mark, CudaStream stream);

    /// <summary>Lets what comes in a stream from now on wait until a mark is reached, as it is set now. Returns at once.</summary>
    void Await(nint mark, CudaStream stream);

    /// <summary>Waits until a mark is reached.</summary>
    void Finish(nint mark);
}

/// <summary>What a card does one behind the other.</summary>
enum CudaStream
{
    /// <summary>Kernels, and what is not said to be elsewhere.</summary>
    Kernels,

    /// <summary>Copies of the next call's arguments, beside the kernels.</summary>
    Copies,
}

/// <summary>A kernel to be started.</summary>
/// <param name="Function">The kernel.</param>
/// <param name="Blocks">Blocks, all in the first direction.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="SharedBytes">Shared memory of a block.</param>
/// <param name="Parameters">Its parameters, of 64 bits each.</param>
sealed record KernelCall(nint Function, long Blocks, int Threads, int SharedBytes, ulong[] Parameters);
