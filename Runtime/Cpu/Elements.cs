using System;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

/// <summary>How the elements of a tensor lie in memory, and what a kernel of the library computes with. Implemented by types without fields, so that the JIT compiles a kernel once for each.</summary>
/// <typeparam name="T">An element in memory.</typeparam>
/// <typeparam name="C">What is computed with: sums are of this type and rounded once, where they are stored.</typeparam>
unsafe interface IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
{
    static abstract C Load(T x);

    static abstract T Store(C x);

    /// <summary>Some that lie behind one another.</summary>
    static abstract void Load(T* from, C* to, long count);

    /// <summary>Some that lie behind one another.</summary>
    static abstract void Store(C* from, T* to, long count);

    /// <summary>Some that lie behind one another and were loaded: nothing is rounded.</summary>
    static abstract void StoreExact(C* from, T* to, long count);
}

readonly unsafe struct Float64Elements : IElement<double, double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static double Load(double x) => x;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static double Store(double x) => x;
    public static void Load(double* from, double* to, long count) => new ReadOnlySpan<double>(from, checked((int)count)).CopyTo(new(to, (int)count));
    public static void Store(double* from, double* to, long count) => Load(from, to, count);
    public static void StoreExact(double* from, double* to, long count) => Load(from, to, count);
}

readonly unsafe struct Float32Elements : IElement<float, float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Load(float x) => x;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Store(float x) => x;
    public static void Load(float* from, float* to, long count) => new ReadOnlySpan<float>(from, checked((int)count)).CopyTo(new(to, (int)count));
    public static void Store(float* from, float* to, long count) => Load(from, to, count);
    public static void StoreExact(float* from, float* to, long count) => Load(from, to, count);
}

readonly unsafe struct Float16Elements : IElement<ushort, float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Load(ushort x) => NarrowFloats.FromHalf(x);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static ushort Store(float x) => NarrowFloats.ToHalf(x);
    public static void Load(ushort* from, float* to, long count) => NarrowFloats.FromHalf(from, to, count);
    public static void Store(float* from, ushort* to, long count) => NarrowFloats.ToHalf(from, to, count);
    public static void StoreExact(float* from, ushort* to, long count) => NarrowFloats.ToExactHalf(from, to, count);
}

readonly unsafe struct BFloat16Elements : IElement<ushort, float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Load(ushort x) => NarrowFloats.FromBFloat16(x);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static ushort Store(float x) => NarrowFloats.ToBFloat16(x);
    public static void Load(ushort* from, float* to, long count) => NarrowFloats.FromBFloat16(from, to, count);
    public static void Store(float* from, ushort* to, long count) => NarrowFloats.ToBFloat16(from, to, count);
    public static void StoreExact(float* from, ushort* to, long count) => NarrowFloats.ToExactBFloat16(from, to, count);
}
