using System.Collections.Generic;

namespace Graph.PtxEmulator;

/// <summary>A kernel with the functions that it calls, decoded.</summary>
sealed unsafe class Program(PtxModule module, Function function)
{
    public PtxModule Module => module;
    public Function Function => function;
    public string Name => function.Name;
    public Instruction[] Code = [];
    /// <summary>Bytes of a warp's registers, and their number (predicates among them).</summary>
    public int RegisterBytes, RegisterCount;
    public readonly List<string> RegisterNames = [];
    public readonly List<Special> Specials = [];
    /// <summary>Immediate operands, each 32 times, so that a constant reads like a register.</summary>
    public byte* Constants;
    public byte[] ConstantBytes = [];
    public int SharedStatic, LocalBytes, ParamBytes;
    /// <summary>Bytes of the kernel's own parameters.</summary>
    public int EntryBytes;
    /// <summary>Whether results can depend on the order of threads (atomic operations on floats), or are approximate.</summary>
    public bool OrderDependent, Approximate;
}
