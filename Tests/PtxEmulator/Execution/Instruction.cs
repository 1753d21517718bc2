using System;

namespace Graph.PtxEmulator;

enum InstructionKind { Plain, Branch, Exit, Return, Call, Collective }

/// <summary>A decoded instruction: where its operands lie in a warp's registers, and what it does to a set of lanes.</summary>
abstract class Instruction
{
    public InstructionStatement? Statement;
    public Function Owner = null!;
    public int Pc;
    /// <summary>Index of the guard's predicate, or -1.</summary>
    public int Guard = -1;
    public bool GuardNegated;
    /// <summary>Indices of the registers that are read, which must be initialised, and of those that are written.</summary>
    public int[] Reads = [], Writes = [];
    public InstructionKind Kind = InstructionKind.Plain;

    public int Line => Statement?.Position.Line ?? Owner.Position.Line;

    /// <summary>Does it for the lanes whose bit is set; at least one is.</summary>
    public abstract void Execute(Warp warp, uint lanes);

    /// <summary>Called once a launch, before anything runs.</summary>
    public virtual void Prepare(Launch launch) { }

    public override string ToString() => Statement?.Text ?? "(end of function)";
}

/// <summary>An instruction that lanes of a warp execute together: each waits until all members have arrived.</summary>
abstract class Collective : Instruction
{
    protected Collective() => Kind = InstructionKind.Collective;

    /// <summary>The lanes that a lane waits for, itself among them.</summary>
    public abstract uint Members(Warp warp, int lane);

    /// <summary>Whether lanes that wait at another instruction take part: only a warp's barrier is one wherever it stands.</summary>
    public virtual bool Meets(Collective other) => ReferenceEquals(this, other);

    /// <summary>Whether the specification demands it of the whole warp (<c>.aligned</c>).</summary>
    public virtual bool Aligned => false;
}
