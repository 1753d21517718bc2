using System.Collections.Generic;
using System.Linq;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>bra: each lane goes its own way, unless the text promises otherwise (.uni).</summary>
sealed class Branch : Instruction
{
    public int Target { get; }
    public bool Uniform { get; }

    public Branch(int target, bool uniform)
    {
        (Target, Uniform) = (target, uniform);
        Kind = InstructionKind.Branch;
    }

    public override void Execute(Warp warp, uint lanes) { }
}

/// <summary>exit.</summary>
sealed class Exit : Instruction
{
    public Exit() => Kind = InstructionKind.Exit;
    public override void Execute(Warp warp, uint lanes) { }
}

/// <summary>ret: back to the caller, or the thread's end in a kernel.</summary>
sealed class Return : Instruction
{
    public Return() => Kind = InstructionKind.Return;
    public override void Execute(Warp warp, uint lanes) { }
}

/// <summary>bra, exit, ret, call, trap.</summary>
static class Control
{
    public static void Register()
    {
        InstructionSet.Add("bra", site =>
        {
            var uniform = site.Take("uni");
            site.Done(1);
            return new Branch(site.Builder.Target(site[0], site.Statement.Scope), uniform);
        });
        InstructionSet.Add("exit", site => { site.Done(0); return new Exit(); });
        InstructionSet.Add("ret", site => { site.Take("uni"); site.Done(0); return new Return(); });
        InstructionSet.Add("call", Call);
        InstructionSet.Add("trap", site =>
        {
            site.Done(0);
            return new PerLaneChecked((warp, lane, self) => throw warp.Fault(FaultKind.Unspecified, self, lane, "the kernel traps."));
        });
    }

    static Instruction Call(Site site)
    {
        site.Take("uni");
        if (site.Next is not null) site.Done(0);
        var position = 0;
        var results = site[0] is ListOperand list && site.Count > 1 ? list.Elements : null;
        if (results is not null) position++;
        var callee = site.Builder.Callee(site[position++], site.Statement.Scope);
        var arguments = position < site.Count && site[position++] is ListOperand given ? given.Elements : [];
        if (position != site.Count) throw site.Refuse("a call is: call (results), function, (arguments).");
        if ((results?.Count ?? 0) != callee.Results.Count) throw site.Refuse($"'{callee.Name}' has {callee.Results.Count} results, not {results?.Count ?? 0}.");
        if (arguments.Count != callee.Parameters.Count) throw site.Refuse($"'{callee.Name}' has {callee.Parameters.Count} parameters, not {arguments.Count}.");
        var into = arguments.Zip(callee.Parameters, (argument, formal) => Transfer(site, callee, argument, formal, into: true)).ToArray();
        var back = (results ?? []).Zip(callee.Results, (result, formal) => Transfer(site, callee, result, formal, into: false)).ToArray();
        return new Call(site.Builder, callee, into, back);
    }

    /// <summary>How an argument gets to the callee's formal, or a result from it.</summary>
    static Transfer Transfer(Site site, Function callee, Operand operand, Variable formal, bool into)
    {
        if (formal.Space == StateSpace.Register)
        {
            var slot = site.Builder.Slot((Register)callee.Scope.Find(formal.Name)!);
            if (formal.Type == PtxType.Pred) throw site.Refuse("a predicate as a parameter is not modelled.");
            return into
                ? new Transfer(site.Read(operand, formal.Type), slot.Offset, formal.Type.Size(), slot.Index, false)
                : new Transfer(slot.Offset, site.Write(operand, formal.Type), formal.Type.Size(), slot.Index, false);
        }
        if (operand is not NameOperand name || site.Statement.Scope.Find(name.Name) is not Variable { Space: StateSpace.Param } variable)
            throw new PtxSyntaxException(operand.Span.Start, $"'{callee.Name}' takes a .param variable here.");
        if (variable.Size != formal.Size || variable.Align < formal.Align) throw new PtxSyntaxException(operand.Span.Start, $"'{name.Name}' has {variable.Size} bytes aligned to {variable.Align}, '{formal.Name}' of '{callee.Name}' {formal.Size} aligned to {formal.Align}.");
        var (own, other) = ((int)site.Builder.AddressOf(variable).Address, (int)site.Builder.AddressOf(formal).Address);
        return into ? new Transfer(own, other, (int)formal.Size, -1, true) : new Transfer(other, own, (int)formal.Size, -1, true);
    }
}

/// <summary>Bytes that a call moves: from a register (or parameter variable) to another.</summary>
readonly record struct Transfer(int From, int To, int Size, int Register, bool Memory);

/// <summary>call: arguments go to the callee's places, which are fixed as nothing is recursive; results come back with its return.</summary>
sealed unsafe class Call : Instruction
{
    readonly ProgramBuilder builder;
    readonly Function callee;
    readonly Transfer[] into, back;

    public Call(ProgramBuilder builder, Function callee, Transfer[] into, Transfer[] back)
    {
        (this.builder, this.callee, this.into, this.back) = (builder, callee, into, back);
        Kind = InstructionKind.Call;
    }

    public int Target => builder.Start(callee);
    int[]? registers;

    public override void Prepare(Launch launch) => registers ??= builder.RegistersOf(callee);

    public override void Execute(Warp warp, uint lanes)
    {
        foreach (var register in registers!) warp.Init[register] &= ~lanes; // what an earlier call left there is nobody's
        foreach (var transfer in into)
        {
            Move(warp, lanes, transfer);
            if (!transfer.Memory) warp.Init[transfer.Register] |= lanes;
        }
    }

    /// <summary>What the return of a lane brings.</summary>
    public void Finish(Warp warp, int lane)
    {
        foreach (var transfer in back)
        {
            if (!transfer.Memory && (warp.Init[transfer.Register] >> lane & 1) == 0)
                throw warp.Fault(FaultKind.Uninitialised, this, lane, $"'{callee.Name}' returns without having written its result.");
            Move(warp, 1u << lane, transfer);
        }
        foreach (var register in Writes) warp.Init[register] |= 1u << lane;
    }

    static void Move(Warp warp, uint lanes, Transfer transfer)
    {
        for (; lanes != 0; lanes &= lanes - 1)
        {
            var lane = BitOperations.TrailingZeroCount(lanes);
            if (transfer.Memory)
            {
                var region = warp.Params![lane];
                region.Bytes(transfer.From, transfer.Size).CopyTo(region.Bytes(transfer.To, transfer.Size));
                region.WrittenBytes(transfer.From, transfer.Size).CopyTo(region.WrittenBytes(transfer.To, transfer.Size));
            }
            else Raw.Write(warp.Write(transfer.To) + lane * transfer.Size, transfer.Size, Raw.Read(warp.Read(transfer.From) + lane * transfer.Size, transfer.Size));
        }
    }
}
