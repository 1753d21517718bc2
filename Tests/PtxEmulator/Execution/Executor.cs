using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graph.PtxEmulator;

/// <summary>Runs lanes that stand at one instruction until they part, wait, meet others or have had their turn.</summary>
sealed unsafe class Executor(Launch launch)
{
    readonly Instruction[] code = launch.Program.Code;
    readonly long limit = launch.Options.InstructionLimit;
    public ulong Executed { get; private set; }

    /// <summary>Runs <paramref name="lanes"/> from <paramref name="pc"/> for at most <paramref name="quantum"/> instructions, and no further than to <paramref name="stop"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(Warp warp, uint lanes, int pc, long quantum, int stop)
    {
        while (quantum-- > 0 && pc < stop)
        {
            var instruction = code[pc];
            var active = lanes;
            if (instruction.Guard >= 0)
            {
                CheckInitialised(warp, instruction, instruction.Guard, lanes);
                var predicate = warp.P[instruction.Guard];
                active &= instruction.GuardNegated ? ~predicate : predicate;
            }
            Executed += (ulong)BitOperations.PopCount(lanes);
            if (Executed > (ulong)limit) throw Hang(warp, lanes, instruction);
            if (active != 0)
                foreach (var register in instruction.Reads)
                    if ((active & ~warp.Init[register]) != 0) CheckInitialised(warp, instruction, register, active);
            switch (instruction.Kind)
            {
                case InstructionKind.Plain:
                    if (active != 0)
                    {
                        instruction.Execute(warp, active);
                        foreach (var register in instruction.Writes) warp.Init[register] |= active;
                    }
                    pc++;
                    break;
                case InstructionKind.Branch:
                    var target = ((Branch)instruction).Target;
                    if (active != 0 && active != lanes && ((Branch)instruction).Uniform)
                        throw warp.Fault(FaultKind.DivergentWarp, instruction, BitOperations.TrailingZeroCount(lanes & ~active), "lanes that execute it together part, where .uni promises that they do not.");
                    if (active == lanes) pc = target;
                    else if (active == 0) pc++;
                    else
                    {
                        Stand(warp, active, target);
                        Stand(warp, lanes & ~active, pc + 1);
                        return;
                    }
                    break;
                case InstructionKind.Exit:
                    warp.Live &= ~active;
                    warp.Ready &= ~active;
                    lanes &= ~active;
                    pc++;
                    if (lanes == 0) { Stand(warp, active, pc); return; }
                    break;
                case InstructionKind.Call:
                    if (active != 0)
                    {
                        instruction.Execute(warp, active);
                        warp.Call(active, pc + 1);
                        if (active != lanes)
                        {
                            Stand(warp, active, ((Call)instruction).Target);
                            Stand(warp, lanes & ~active, pc + 1);
                            return;
                        }
                        pc = ((Call)instruction).Target;
                    }
                    else pc++;
                    break;
                case InstructionKind.Return:
                    Stand(warp, lanes & ~active, pc + 1);
                    for (var m = active; m != 0; m &= m - 1)
                    {
                        var lane = BitOperations.TrailingZeroCount(m);
                        var to = warp.Return(lane);
                        warp.Pc[lane] = to < 0 ? pc + 1 : to;
                        if (to >= 0) ((Call)code[to - 1]).Finish(warp, lane);
                        else { warp.Live &= ~(1u << lane); warp.Ready &= ~(1u << lane); }
                    }
                    return;
                case InstructionKind.Collective:
                    Stand(warp, lanes & ~active, pc + 1);
                    if (active != 0)
                    {
                        if (!Arrive(warp, (Collective)instruction, active, pc)) return;
                        if (active != lanes) return;
                        pc++;
                        if ((warp.Ready & lanes) != lanes) return; // they wait at the block's barrier now
                    }
                    else pc++;
                    break;
            }
        }
        Stand(warp, lanes, pc);
    }

    static void Stand(Warp warp, uint lanes, int pc)
    {
        for (var m = lanes; m != 0; m &= m - 1) warp.Pc[BitOperations.TrailingZeroCount(m)] = pc;
    }

    /// <summary>Lanes arrive at an instruction that members execute together; true if exactly they were the last and have done it.</summary>
    static bool Arrive(Warp warp, Collective instruction, uint active, int pc)
    {
        Stand(warp, active, pc);
        for (var m = active; m != 0; m &= m - 1)
        {
            var lane = BitOperations.TrailingZeroCount(m);
            var own = instruction.Members(warp, lane);
            warp.MembersAwaited[lane] = own;
            if ((own >> lane & 1) == 0) throw warp.Fault(FaultKind.DivergentWarp, instruction, lane, string.Create(CultureInfo.InvariantCulture, $"lane {lane} executes it but is not in its member mask 0x{own:x8}.\n  Expected: a mask that names every lane that executes it."));
            if ((own & ~warp.Live) != 0)
            {
                var gone = BitOperations.TrailingZeroCount(own & ~warp.Live);
                var how = (warp.Exists >> gone & 1) == 0 ? "was never launched" : "has ended";
                throw warp.Fault(FaultKind.DivergentWarp, instruction, lane, instruction.Aligned
                    ? $"the whole warp has to execute it, but lane {gone} {how}."
                    : string.Create(CultureInfo.InvariantCulture, $"its member mask 0x{own:x8} names lane {gone}, which {how}."));
            }
        }
        warp.Ready &= ~active;
        warp.AtCollective |= active;
        // Lanes that arrive together may belong to several masks, each complete or not.
        var alone = false;
        for (var rest = active; rest != 0;)
        {
            var members = warp.MembersAwaited[BitOperations.TrailingZeroCount(rest)];
            alone = Complete(warp, instruction, members) && members == active;
            rest &= ~members;
        }
        return alone;
    }

    /// <summary>Does it for a mask if everybody whom the mask names waits here with it.</summary>
    static bool Complete(Warp warp, Collective instruction, uint members)
    {
        var here = 0u;
        for (var m = members & warp.AtCollective; m != 0; m &= m - 1)
        {
            var lane = BitOperations.TrailingZeroCount(m);
            if (warp.MembersAwaited[lane] == members && instruction.Meets((Collective)warp.Launch.Program.Code[warp.Pc[lane]])) here |= 1u << lane;
        }
        if (here != members) return false;
        warp.AtCollective &= ~members;
        warp.Ready |= members;
        for (var m = members; m != 0; m &= m - 1) warp.Pc[BitOperations.TrailingZeroCount(m)]++;
        instruction.Execute(warp, members);
        foreach (var register in instruction.Writes) warp.Init[register] |= members;
        return true;
    }

    /// <summary>A register that lanes read holds something in them.</summary>
    public static void CheckInitialised(Warp warp, Instruction instruction, int register, uint lanes)
    {
        var missing = lanes & ~warp.Init[register];
        if (missing == 0) return;
        throw warp.Fault(FaultKind.Uninitialised, instruction, BitOperations.TrailingZeroCount(missing), $"it reads register {warp.Launch.Program.RegisterNames[register]}, which nothing has written in this thread.");
    }

    PtxFaultException Hang(Warp warp, uint lanes, Instruction instruction)
        => warp.Fault(FaultKind.Hang, instruction, BitOperations.TrailingZeroCount(lanes), string.Create(CultureInfo.InvariantCulture, $"the launch has executed {limit} instructions and still runs."));
}
