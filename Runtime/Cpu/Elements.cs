using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

/// <summary>How the elements of a tensor lie in memory, and what a kernel of the library computes with. Implemented by types without fields, so that the JIT compiles a kernel once for each.</summary>
/// <typeparam name="T">An element in memory.</typeparam>
/// <typeparam name="C">What is computed with: sums are of this type and rounded once, where they are stored.</typeparam>
interface IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
{
    static abstract C Load(T x);

    static abstract T Store(C x);
}

readonly struct Float64Elements : IElement<double, double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static double Load(double x) => x;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static double Store(double x) => x;
}

readonly struct Float32Elements : IElement<float, float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Load(float x) => x;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Store(float x) => x;
}

readonly struct Float16Elements : IElement<ushort, float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Load(ushort x) => NarrowFloats.FromHalf(x);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static ushort Store(float x) => NarrowFloats.ToHalf(x);
}

readonly struct BFloat16Elements : IElement<ushort, float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Load(ushort x) => NarrowFloats.FromBFloat16(x);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static ushort Store(float x) => NarrowFloats.ToBFloat16(x);
}
