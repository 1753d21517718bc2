using System;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Graph.PtxEmulator;

/// <summary>
/// Up to 32 threads. A register is 32 values side by side, so that one decoded instruction runs over lanes in one loop; every lane has its own program counter, and the
/// scheduler runs any set of lanes that stand at the same one.
/// </summary>
sealed unsafe class Warp
{
    public readonly Block Block;
    public readonly int Index;
    public readonly int FirstThread;
    /// <summary>Lanes that were launched; of them those that have not ended; of those the ones that can go on.</summary>
    public uint Exists, Live, Ready;
    /// <summary>Lanes that wait for others at a <see cref="Collective"/> (at their program counter), and those that wait at a barrier of the block.</summary>
    public uint AtCollective, AtBarrier;
    public readonly uint[] MembersAwaited = new uint[32];
    public readonly int[] BarrierAwaited = new int[32];
    public readonly int[] Pc = new int[32];
    readonly int[][] returns = new int[32][];
    readonly int[] depth = new int[32];

    /// <summary>Registers; constants of the program; predicates, one bit a lane; of each register, the lanes in which it is written.</summary>
    public readonly byte* R;
    public readonly byte* K;
    public readonly uint* P;
    public readonly uint* Init;
    readonly nuint initBytes;
    public Region[]? Local, Params;
    /// <summary>Copies to shared memory under way (<c>cp.async</c>), lane by lane; null until there is one.</summary>
    public AsyncCopies? Copies;

    public Warp(Block block, int index)
    {
        Block = block;
        Index = index;
        FirstThread = 32 * index;
        var program = block.Launch.Program;
        initBytes = (nuint)(4 * (program.RegisterCount + 1));
        R = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(64, program.RegisterBytes), 64);
        P = (uint*)NativeMemory.AlignedAlloc(initBytes, 64);
        Init = (uint*)NativeMemory.AlignedAlloc(initBytes, 64);
        K = program.Constants;
        if (program.LocalBytes > 0) Local = Lanes("local memory", StateSpace.Local, AddressSpace.Local, program.LocalBytes);
        if (program.ParamBytes > 0) Params = Lanes("parameters of a call", StateSpace.Param, 0, program.ParamBytes);
    }

    static Region[] Lanes(string name, StateSpace space, ulong address, int bytes)
    {
        var lanes = new Region[32];
        for (var lane = 0; lane < 32; lane++) lanes[lane] = new Region(name, space, address, bytes);
        return lanes;
    }

    ~Warp() => Release();

    public void Release()
    {
        if (released) return;
        released = true;
        GC.SuppressFinalize(this);
        NativeMemory.AlignedFree(R);
        NativeMemory.AlignedFree(P);
        NativeMemory.AlignedFree(Init);
        foreach (var region in Local ?? []) region.Release();
        foreach (var region in Params ?? []) region.Release();
    }

    bool released;

    public Launch Launch => Block.Launch;

    /// <summary>Makes it the first instruction of a block's warp.</summary>
    public void Start(int threads)
    {
        var lanes = Math.Min(32, threads - FirstThread);
        Exists = Live = Ready = lanes == 32 ? uint.MaxValue : (1u << lanes) - 1;
        AtCollective = AtBarrier = 0;
        Copies = null;
        Array.Clear(Pc);
        Array.Clear(depth);
        NativeMemory.Clear(Init, initBytes);
        if (Local is not null) foreach (var region in Local) region.Forget();
        if (Params is not null) foreach (var region in Params) region.Forget();
        foreach (var special in Launch.Program.Specials) special.Fill(this, R + special.Offset);
    }

    public Dim3 Thread(int lane) => Launch.BlockDim.At(FirstThread + lane);

    /// <summary>Where an operand's 32 values lie: a register's, or those of a constant (a negative number).</summary>
    public byte* Read(int operand) => operand >= 0 ? R + operand : K + ~operand;
    public byte* Write(int register) => R + register;

    public void Call(uint lanes, int returnTo)
    {
        for (var m = lanes; m != 0; m &= m - 1)
        {
            var lane = BitOperations.TrailingZeroCount(m);
            var stack = returns[lane] ??= new int[16];
            stack[depth[lane]++] = returnTo;
        }
    }

    /// <summary>Where a lane goes on after its function; -1 if that was the kernel.</summary>
    public int Return(int lane) => depth[lane] == 0 ? -1 : returns[lane][--depth[lane]];

    public PtxFaultException Fault(FaultKind kind, Instruction instruction, int lane, string message, ulong? address = null)
        => new(new Fault(kind, Launch.Program.Name, instruction.Line, instruction.ToString(), Block.Coordinates, Thread(lane), address, message)
        {
            Comment = Launch.Program.Module.CommentFor(instruction.Line),
        });
}
