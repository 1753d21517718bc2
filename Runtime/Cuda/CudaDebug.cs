using System;

namespace Graph.Runtime.Cuda;

/// <summary>What makes mistakes of kernels visible, at the price of speed: words of the variable <c>GRAPH_CUDA_DEBUG</c> with commas between them.</summary>
/// <param name="KernelByKernel"><c>kernels</c>: kernels are started one by one, and each is waited for, so that an error is that of a kernel with a name.</param>
/// <param name="HasGuards"><c>guards</c>: each intermediate has memory of its own with bytes around it that nobody may write; they are looked at behind each kernel, or where kernels run as one graph behind the call.</param>
sealed record CudaDebug(bool KernelByKernel, bool HasGuards)
{
    public const string Variable = "GRAPH_CUDA_DEBUG";

    /// <summary>Bytes in front of a piece of memory, and behind it, and what they are filled with.</summary>
    public const int GuardBytes = 512;

    /// <inheritdoc cref="GuardBytes"/>
    public const byte Guard = 0xC7;

    public static CudaDebug None { get; } = new(false, false);

    /// <summary>What the environment asks for.</summary>
    public static CudaDebug OfEnvironment { get; } = Parse(Environment.GetEnvironmentVariable(Variable) ?? "");

    /// <summary>Reads the words.</summary>
    /// <exception cref="ArgumentException">One of them is unknown.</exception>
    public static CudaDebug Parse(string text)
    {
        var debug = None;
        foreach (var word in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            debug = word switch
            {
                "kernels" => debug with { KernelByKernel = true },
                "guards" => debug with { HasGuards = true },
                _ => throw new ArgumentException($"{Variable} has the word '{word}': kernels and guards are known, with a comma between them."),
            };
        return debug;
    }
}
