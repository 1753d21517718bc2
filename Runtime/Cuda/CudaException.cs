using System;

namespace Graph.Runtime.Cuda;

/// <summary>A CUDA driver reported an error.</summary>
/// <param name="message">What was asked for, and the driver's own words.</param>
/// <param name="code">The driver's number for it.</param>
public sealed class CudaException(string message, int code) : InvalidOperationException(message)
{
    /// <summary>The driver's number for the error.</summary>
    public int Code { get; } = code;
}
