using System;

namespace Graph.Benchmarks.Fuzz;

/// <summary>What a fuzz run feeds with damaged input.</summary>
interface IFuzzTarget : IDisposable
{
    /// <summary>How much of the processor's time one input may take before it counts as endless.</summary>
    TimeSpan MostTime { get; }

    /// <summary>Makes an input and tries it.</summary>
    /// <returns>What came of it: fine, or refused as documented, and with which kind of message.</returns>
    /// <exception cref="FuzzFailure">What came of it is neither.</exception>
    string Try(Random random);
}

/// <summary>An input that shows a defect. Every other exception that leaves a target shows one too.</summary>
sealed class FuzzFailure(string what) : Exception(what);
