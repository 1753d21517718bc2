using System;
using System.Linq;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Graph.Compiler.Ir;
using Xunit;

namespace Graph.Tests.Conformance;

/// <summary>The number of threads decides how fast a step is, never what it computes.</summary>
public class ThreadIndependenceTests
{
    [Theory]
    [InlineData("mlp", 48)]
    [InlineData("cnn", 9)]
    [InlineData("nanogpt", 5)]
    [InlineData("resnet18", 3)]
    [InlineData("gpt2", 2)]
    public void Losses_and_weights_are_the_same_bits_with_one_thread_and_two(string name, int batch)
    {
        var (losses, weights) = Train(name, batch, threads: 1);
        var (lossesOfTwo, weightsOfTwo) = Train(name, batch, threads: 2);
        Assert.Equal(losses.Select(BitConverter.DoubleToInt64Bits), lossesOfTwo.Select(BitConverter.DoubleToInt64Bits));
        Assert.Equal(weights, weightsOfTwo);
    }

    // Three steps: what the second update wrote shows in the third loss, what the third wrote in the hash.
    static (double[] Losses, string Weights) Train(string name, int batch, int threads)
    {
        using var yardstick = Yardstick.Create(name, threads);
        double[] losses = [.. Enumerable.Range(1, 3).Select(step => yardstick.Step(step, batch).Loss)];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in yardstick.Model.Parameters.Where(t => t.Kind != StateKind.Optimizer)) hash.AppendData(MemoryMarshal.AsBytes(tensor.Read<float>()));
        return (losses, Convert.ToHexString(hash.GetHashAndReset()));
    }
}
