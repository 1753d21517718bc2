using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Graph.PtxEmulator;

namespace Graph.Tests.Ptx;

/// <summary>A result that is not what an independent computation says.</summary>
public sealed class WrongResultException(string message) : Exception(message);

/// <summary>A kernel of the corpus, and how to find out on a device whether it computes what it should for a list of shapes.</summary>
public sealed record KernelCase(string Name, Action<Session> Check)
{
    public static string Folder => Path.Combine(Repository.Root, "Tests", "Ptx", "Kernels");

    public string Text { get; } = File.ReadAllText(Path.Combine(Folder, Name + ".ptx"));

    /// <summary>Runs the check on a fresh device.</summary>
    public void Run(string text, LaunchOptions options) => Check(new Session(text, options));

    public override string ToString() => Name;
}

/// <summary>A device with one module, and the few steps that every check consists of.</summary>
public sealed class Session
{
    public Session(string text, LaunchOptions options)
    {
        Device = new EmulatedDevice { Options = options };
        Module = Device.Load(text);
    }

    public EmulatedDevice Device { get; }
    public EmulatedModule Module { get; }
    public ulong Instructions { get; private set; }

    public ulong Upload<T>(T[] values, string name) where T : unmanaged
    {
        var address = Allocate<T>(values.Length, name);
        Device.Write<T>(address, values);
        return address;
    }

    public unsafe ulong Allocate<T>(int count, string name) where T : unmanaged => Device.Allocate((long)count * sizeof(T), name);

    public T[] Download<T>(ulong address, int count) where T : unmanaged
    {
        var values = new T[count];
        try { Device.Read<T>(address, values); }
        catch (InvalidOperationException exception) { throw new WrongResultException(exception.Message); }
        return values;
    }

    public void Launch(string kernel, Dim3 grid, Dim3 block, int shared, params ReadOnlySpan<object> arguments)
        => Instructions += Device.Launch(Module[kernel], grid, block, shared, arguments).Instructions;

    public void Expect<T>(ulong address, T[] expected, string what) where T : unmanaged, IEquatable<T>
    {
        var actual = Download<T>(address, expected.Length);
        for (var i = 0; i < expected.Length; i++)
            if (!actual[i].Equals(expected[i])) throw new WrongResultException($"{what}: element {i} of {expected.Length} is {actual[i]}, expected {expected[i]}.");
    }

    public void ExpectNear(ulong address, float[] expected, double relative, string what)
    {
        var actual = Download<float>(address, expected.Length);
        for (var i = 0; i < expected.Length; i++)
            if (!(Math.Abs(actual[i] - expected[i]) <= relative * Math.Abs(expected[i]) + 1e-37)) throw new WrongResultException($"{what}: element {i} is {actual[i]}, expected {expected[i]} within {relative}.");
    }

    /// <summary>Numbers with all bits of their fraction in use, always the same.</summary>
    public static float[] Floats(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 4 - 2))];
    }

    public static uint[] Words(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (uint)random.NextInt64(1L << 32))];
    }

    public static int Blocks(int n, int size) => Math.Max(1, (n + size - 1) / size);
}

/// <summary>All kernels of the corpus.</summary>
public static class KernelCorpus
{
    public static IReadOnlyList<KernelCase> All { get; } =
    [
        new("copy", Elementwise.Copy), new("saxpy", Elementwise.Saxpy), new("halves", Elementwise.Halves), new("philox", Elementwise.Philox), new("calls", Elementwise.Calls), new("locals", Elementwise.Locals),
        new("reduce", Reductions.Reduce), new("softmax", Reductions.Softmax), new("scan", Reductions.Scan), new("splitk", Reductions.SplitK), new("histogram", Reductions.Histogram), new("compact", Reductions.Compact),
        new("transpose", Tiles.Transpose), new("matmul", Tiles.Matmul), new("exchange", Tiles.Exchange), new("pipeline", Tiles.Pipeline),
        new("tensor", TensorCores.Halves), new("tensor32", TensorCores.Tf32),
    ];

    public static KernelCase Named(string name) => All.Single(kernel => kernel.Name == name);
}
