using System;
using System.Numerics;
using Graph.Compiler.Kernels;

namespace Graph.Runtime.Cpu;

/// <summary>Attention in one element type: what a launch table calls.</summary>
static unsafe class Attention<E, T, C, M> where E : IElement<T, C> where T : unmanaged where C : unmanaged, IFloatingPointIeee754<C> where M : struct, IAttentionMath<C>, IAttentionMachine<M>
{
    /// <summary>What runs a kind of it.</summary>
    public static delegate*<WorkerPool, void*, void> Kernel(AttentionKind kind) => kind == AttentionKind.Forward ? &Forward : &Gradient;

    /// <summary>The bytes that a worker needs.</summary>
    public static long ScratchBytes(AttentionKind kind, AttentionCall* call) =>
        kind == AttentionKind.Forward ? Math.Max(AttentionForward<E, T, C, M>.ScratchBytes(M.On(Machine.Current), call), IsFew(call) ? AttentionFew<E, T, C, M>.ScratchBytes(M.On(Machine.Current), call) : 0) : AttentionGradient<E, T, C, M>.ScratchBytes(M.On(Machine.Current), call);

    static void Forward(WorkerPool pool, void* context)
    {
        var call = (AttentionCall*)context;
        call->Machine = Machine.Current;
        if (IsFew(call)) pool.Run(&Few, context, AttentionFew<E, T, C, M>.Tasks(call), 1);
        else pool.Run(&Forward, context, AttentionForward<E, T, C, M>.Tasks(call), 1);
    }

    static bool IsFew(AttentionCall* call) => call->Sizes.Queries <= M.On(Machine.Current).Few;

    static void Few(void* context, long begin, long end, int worker)
    {
        var call = (AttentionCall*)context;
        for (var task = begin; task < end; task++) AttentionFew<E, T, C, M>.Run(M.On(call->Machine), call, task, call->Scratch[worker]);
    }

    static void Forward(void* context, long begin, long end, int worker)
    {
        var call = (AttentionCall*)context;
        for (var task = begin; task < end; task++) AttentionForward<E, T, C, M>.Run(M.On(call->Machine), call, task, call->Scratch[worker]);
    }

    static void Gradient(WorkerPool pool, void* context)
    {
        var call = (AttentionCall*)context;
        call->Machine = Machine.Current;
        pool.Run(&Gradient, context, AttentionGradient<E, T, C, M>.Tasks(call), 1);
        pool.Run(&Sum, context, AttentionGradient<E, T, C, M>.Sums(call), 1);
    }

    static void Sum(void* context, long begin, long end, int worker)
    {
        for (var task = begin; task < end; task++) AttentionGradient<E, T, C, M>.Sum((AttentionCall*)context, task);
    }

    static void Gradient(void* context, long begin, long end, int worker)
    {
        var call = (AttentionCall*)context;
        for (var task = begin; task < end; task++) AttentionGradient<E, T, C, M>.Run(M.On(call->Machine), call, task, call->Scratch[worker]);
    }
}

/// <summary>The arithmetic of a machine.</summary>
interface IAttentionMachine<M> where M : struct
{
    static abstract M On(in Machine machine);
}
