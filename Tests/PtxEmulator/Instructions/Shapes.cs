using System;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graph.PtxEmulator;

// What an instruction computes for one lane; the loops over lanes are below, once for each number of operands, specialised by the JIT for each operation.

interface IUnary<TA, TR> { static abstract TR Apply(TA a); }
interface IBinary<TA, TB, TR> { static abstract TR Apply(TA a, TB b); }
interface ITernary<TA, TB, TC, TR> { static abstract TR Apply(TA a, TB b, TC c); }

sealed unsafe class Unary<TA, TR, TOp>(int d, int a) : Instruction
    where TA : unmanaged where TR : unmanaged where TOp : struct, IUnary<TA, TR>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint lanes)
    {
        var pd = (TR*)warp.Write(d);
        var pa = (TA*)warp.Read(a);
        if (lanes == uint.MaxValue)
            for (var i = 0; i < 32; i++) pd[i] = TOp.Apply(pa[i]);
        else
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                pd[i] = TOp.Apply(pa[i]);
            }
    }
}

sealed unsafe class Binary<TA, TB, TR, TOp>(int d, int a, int b) : Instruction
    where TA : unmanaged where TB : unmanaged where TR : unmanaged where TOp : struct, IBinary<TA, TB, TR>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint lanes)
    {
        var pd = (TR*)warp.Write(d);
        var pa = (TA*)warp.Read(a);
        var pb = (TB*)warp.Read(b);
        if (lanes == uint.MaxValue)
            for (var i = 0; i < 32; i++) pd[i] = TOp.Apply(pa[i], pb[i]);
        else
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                pd[i] = TOp.Apply(pa[i], pb[i]);
            }
    }
}

sealed unsafe class Ternary<TA, TB, TC, TR, TOp>(int d, int a, int b, int c) : Instruction
    where TA : unmanaged where TB : unmanaged where TC : unmanaged where TR : unmanaged where TOp : struct, ITernary<TA, TB, TC, TR>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint lanes)
    {
        var pd = (TR*)warp.Write(d);
        var pa = (TA*)warp.Read(a);
        var pb = (TB*)warp.Read(b);
        var pc = (TC*)warp.Read(c);
        if (lanes == uint.MaxValue)
            for (var i = 0; i < 32; i++) pd[i] = TOp.Apply(pa[i], pb[i], pc[i]);
        else
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                pd[i] = TOp.Apply(pa[i], pb[i], pc[i]);
            }
    }
}

/// <summary>An instruction of which few are executed, as a function of one lane's operands; simple, and a delegate's call a lane slow.</summary>
sealed unsafe class PerLane(Action<Warp, int> apply) : Instruction
{
    public override void Execute(Warp warp, uint lanes)
    {
        for (; lanes != 0; lanes &= lanes - 1) apply(warp, BitOperations.TrailingZeroCount(lanes));
    }
}

/// <summary>As <see cref="PerLane"/>, for instructions that can find a fault and therefore need themselves.</summary>
sealed class PerLaneChecked(Action<Warp, int, Instruction> apply) : Instruction
{
    public override void Execute(Warp warp, uint lanes)
    {
        for (; lanes != 0; lanes &= lanes - 1) apply(warp, BitOperations.TrailingZeroCount(lanes), this);
    }
}

/// <summary>Makes instructions from an operation and a type that only the text knows.</summary>
static class Shapes
{
    public static Type Of(PtxType type) => type switch
    {
        PtxType.B8 or PtxType.U8 => typeof(byte),
        PtxType.S8 => typeof(sbyte),
        PtxType.B16 or PtxType.U16 or PtxType.F16 or PtxType.BF16 => typeof(ushort),
        PtxType.S16 => typeof(short),
        PtxType.B32 or PtxType.U32 or PtxType.F16x2 or PtxType.BF16x2 or PtxType.TF32 => typeof(uint),
        PtxType.S32 => typeof(int),
        PtxType.B64 or PtxType.U64 => typeof(ulong),
        PtxType.S64 => typeof(long),
        PtxType.F32 => typeof(float),
        PtxType.F64 => typeof(double),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>The unsigned integer of a type's size.</summary>
    public static Type Raw(PtxType type) => type.Size() switch { 1 => typeof(byte), 2 => typeof(ushort), 4 => typeof(uint), 8 => typeof(ulong), _ => throw new ArgumentOutOfRangeException(nameof(type), type, null) };

    static Type Closed(Type operation, Type argument) => operation.IsGenericTypeDefinition ? operation.MakeGenericType(argument) : operation;

    /// <summary><c>op.type d, a</c></summary>
    public static Instruction Unary(Site site, Type operation, PtxType type)
    {
        site.Done(2);
        var t = Of(type);
        return Make(typeof(Unary<,,>).MakeGenericType(t, t, Closed(operation, t)), site.Write(0, type), site.Read(1, type));
    }

    /// <summary><c>op.type d, a, b</c></summary>
    public static Instruction Binary(Site site, Type operation, PtxType type)
    {
        site.Done(3);
        var t = Of(type);
        return Make(typeof(Binary<,,,>).MakeGenericType(t, t, t, Closed(operation, t)), site.Write(0, type), site.Read(1, type), site.Read(2, type));
    }

    /// <summary><c>op.type d, a, b, c</c></summary>
    public static Instruction Ternary(Site site, Type operation, PtxType type)
    {
        site.Done(4);
        var t = Of(type);
        return Make(typeof(Ternary<,,,,>).MakeGenericType(t, t, t, t, Closed(operation, t)), site.Write(0, type), site.Read(1, type), site.Read(2, type), site.Read(3, type));
    }

    public static Instruction Make(Type instruction, params object[] operands) => (Instruction)Activator.CreateInstance(instruction, operands)!;
}
