using System;
using System.Runtime.InteropServices;

namespace Graph.Tests.Cpu;

/// <summary>Float memory outside the managed heap, framed by guard values so that a kernel that writes past its end is found.</summary>
sealed unsafe class NativeArray : IDisposable
{
    const int Guard = 64;
    const float GuardValue = 12345.678f;
    readonly float* memory;

    public NativeArray(long count)
    {
        Count = count;
        memory = (float*)NativeMemory.AlignedAlloc((nuint)((count + 2 * Guard) * sizeof(float)), 64);
        for (long i = 0; i < count + 2 * Guard; i++) memory[i] = GuardValue;
        Pointer = memory + Guard;
    }

    public long Count { get; }

    public float* Pointer { get; }

    public Span<float> Span => new(Pointer, checked((int)Count));

    public static NativeArray Random(long count, int seed)
    {
        var array = new NativeArray(count);
        var random = new Random(seed);
        foreach (ref float x in array.Span) x = random.NextSingle() * 2 - 1;
        return array;
    }

    public static NativeArray Filled(long count, float value)
    {
        var array = new NativeArray(count);
        array.Span.Fill(value);
        return array;
    }

    public void Dispose()
    {
        bool intact = true;
        for (int i = 0; i < Guard; i++) intact &= memory[i] == GuardValue && Pointer[Count + i] == GuardValue;
        NativeMemory.AlignedFree(memory);
        if (!intact) throw new InvalidOperationException("A kernel wrote outside its array.");
    }
}
