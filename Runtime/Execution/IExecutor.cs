using System;
using Graph.Compiler.Planning;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

/// <summary>Where the calls of one session run: a processor's threads, or a GPU behind its driver. What a session decides (plans, lengths, what is kept for which sizes) is the same for all.</summary>
interface IExecutor : IDisposable
{
    /// <summary>The threads of the processor that work on one call.</summary>
    WorkerPool Pool { get; }

    /// <summary>Memory for intermediates.</summary>
    /// <param name="bytes">How much.</param>
    /// <param name="purpose">Whose they are, for the message.</param>
    /// <exception cref="OutOfMemoryException">There is not that much.</exception>
    IArena Allocate(long bytes, string purpose);

    /// <summary>A function under one binding, before it has memory.</summary>
    /// <param name="function">The function.</param>
    /// <param name="values">The values of its symbols.</param>
    /// <param name="budget">The most bytes that a call may take with all that is stored; null for no bound.</param>
    /// <exception cref="InsufficientMemoryException">It cannot run within the budget.</exception>
    IPlannedFunction Plan(CompiledFunction function, long[] values, long? budget);
}

/// <summary>A function under one binding that knows how much memory it needs.</summary>
interface IPlannedFunction
{
    /// <summary>Bytes of the arena.</summary>
    long ArenaBytes { get; }

    /// <summary>Makes it ready to run, over memory that outlives it. When it cannot be made, nothing is left behind.</summary>
    IBoundFunction Bind(long[] values, ParameterStore states, IArena arena);
}

/// <summary>The memory that the intermediates of a session share.</summary>
interface IArena : IDisposable
{
    long Bytes { get; }
}

/// <summary>A function under one binding, ready to run.</summary>
interface IBoundFunction : IDisposable
{
    MemoryPlan Plan { get; }

    /// <summary>Elements that each argument and result must have.</summary>
    long[] Lengths { get; }

    /// <summary>Launches.</summary>
    int Count { get; }

    /// <summary>Time of each launch so far; null until somebody asks for it.</summary>
    long[]? Ticks { get; set; }

    /// <summary>Bytes that it takes, beside what it shares.</summary>
    long Bytes { get; }

    /// <summary>Lets it work in another arena, which is as large as the plan needs. Cannot fail.</summary>
    void MoveTo(IArena arena);

    /// <summary>Runs the launches in order.</summary>
    /// <param name="arguments">One for each parameter, then one for each result.</param>
    /// <param name="ticks">Gets the time of each launch added; null for none.</param>
    void Run(CallArguments arguments, long[]? ticks);

    /// <summary>Starts a step of training without waiting for it, where the device works by itself; null where <see cref="Run"/> is all there is, and nothing has happened.</summary>
    /// <param name="arguments">As for <see cref="Run"/>; loss and norm are not written.</param>
    /// <param name="training">Whose step it is.</param>
    PendingStep? Start(CallArguments arguments, CompiledTraining training) => null;
}

/// <summary>Where the sessions of one model run.</summary>
interface IComputeDevice : IDisposable
{
    /// <summary>Whether it works by itself: what a training step gives is read when somebody asks for it.</summary>
    bool IsAsynchronous { get; }

    /// <summary>An executor of a session.</summary>
    /// <param name="pool">Threads of the processor, which the executor disposes with itself.</param>
    IExecutor Open(WorkerPool pool);
}
