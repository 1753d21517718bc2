using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>shfl.sync, vote.sync, match.sync, redux.sync: lanes of a warp exchange values. Only those of the member mask take part, and all of them have to.</summary>
static class WarpExchange
{
    public static void Register()
    {
        InstructionSet.Add("shfl", Shuffle);
        InstructionSet.Add("vote", Vote);
        InstructionSet.Add("match", Match);
        InstructionSet.Add("redux", Reduce);
        InstructionSet.Add("activemask", site => throw site.Refuse("activemask tells which lanes happen to run together, which no program may depend on."));
    }

    /// <summary>An exchange over the lanes of a mask.</summary>
    abstract unsafe class Exchange(int mask) : Collective
    {
        public override uint Members(Warp warp, int lane) => ((uint*)warp.Read(mask))[lane];
    }

    static Instruction Shuffle(Site site)
    {
        site.Expect("sync");
        var mode = site.Expect("up", "down", "bfly", "idx");
        site.TakeType(PtxType.B32);
        site.Done(5);
        var (value, predicate) = site[0] is PairOperand pair ? (pair.First, pair.Second) : (site[0], null);
        var d = value is SinkOperand ? (int?)null : site.Write(value, PtxType.B32);
        var p = predicate is null ? -1 : site.WritePredicate(predicate);
        return new ShuffleInstruction(mode, d, p, site.Read(1, PtxType.B32), site.Read(2, PtxType.B32), site.Read(3, PtxType.B32), site.Read(4, PtxType.U32));
    }

    sealed unsafe class ShuffleInstruction(string mode, int? d, int p, int a, int b, int c, int mask) : Exchange(mask)
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var pa = (uint*)warp.Read(a);
            var pb = (uint*)warp.Read(b);
            var pc = (uint*)warp.Read(c);
            var values = stackalloc uint[32];
            uint valid = 0;
            for (var m = lanes; m != 0; m &= m - 1)
            {
                var lane = BitOperations.TrailingZeroCount(m);
                var (from, inside) = SourceOf(mode, lane, (int)(pb[lane] & 31), pc[lane]);
                if (inside) valid |= 1u << lane; else from = lane;
                if ((lanes >> from & 1) == 0)
                    throw warp.Fault(FaultKind.DivergentWarp, this, lane, $"it takes the value of lane {from}, which is not in the member mask.");
                values[lane] = pa[from];
            }
            for (var m = lanes; m != 0; m &= m - 1)
            {
                var lane = BitOperations.TrailingZeroCount(m);
                if (d is { } at) ((uint*)warp.Write(at))[lane] = values[lane];
            }
            if (p >= 0) warp.P[p] = warp.P[p] & ~lanes | valid;
        }
    }

    /// <summary>The lane that a lane takes its value from, and whether that lies in its segment: c holds the clamp (bits 0 to 4) and the segment mask (bits 8 to 12).</summary>
    public static (int Lane, bool Inside) SourceOf(string mode, int lane, int b, uint c)
    {
        var clamp = (int)(c & 31);
        var segment = (int)(c >> 8 & 31);
        var last = lane & segment | clamp & ~segment;
        var first = lane & segment;
        var (from, inside) = mode switch
        {
            "up" => (lane - b, lane - b >= last),
            "down" => (lane + b, lane + b <= last),
            "bfly" => (lane ^ b, (lane ^ b) <= last),
            _ => (first | b & ~segment, (first | b & ~segment) <= last),
        };
        return (from & 31, inside);
    }

    static Instruction Vote(Site site)
    {
        site.Expect("sync");
        var mode = site.Expect("all", "any", "uni", "ballot");
        site.TakeType(mode == "ballot" ? PtxType.B32 : PtxType.Pred);
        site.Done(3);
        var d = mode == "ballot" ? site.Write(0, PtxType.B32) : site.WritePredicate(site[0]);
        var (p, negated) = site.ReadPredicateOrNot(site[1]);
        return new VoteInstruction(mode, d, p, negated, site.Read(2, PtxType.U32));
    }

    sealed unsafe class VoteInstruction(string mode, int d, int p, bool negated, int mask) : Exchange(mask)
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var votes = (negated ? ~warp.P[p] : warp.P[p]) & lanes;
            if (mode == "ballot")
            {
                for (var m = lanes; m != 0; m &= m - 1) ((uint*)warp.Write(d))[BitOperations.TrailingZeroCount(m)] = votes;
                return;
            }
            var holds = mode switch { "all" => votes == lanes, "any" => votes != 0, _ => votes == 0 || votes == lanes };
            if (d >= 0) warp.P[d] = holds ? warp.P[d] | lanes : warp.P[d] & ~lanes;
        }
    }

    static Instruction Match(Site site)
    {
        var all = site.Expect("any", "all") == "all";
        site.Expect("sync");
        var type = site.TakeType(PtxType.B32, PtxType.B64);
        site.Done(3);
        var (value, predicate) = site[0] is PairOperand pair && all ? (pair.First, pair.Second) : (site[0], null);
        return new MatchInstruction(all, site.Write(value, PtxType.B32), predicate is null ? -1 : site.WritePredicate(predicate), site.Read(1, type), type.Size(), site.Read(2, PtxType.U32));
    }

    sealed unsafe class MatchInstruction(bool all, int d, int p, int a, int size, int mask) : Exchange(mask)
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var results = stackalloc uint[32];
            for (var m = lanes; m != 0; m &= m - 1)
            {
                var lane = BitOperations.TrailingZeroCount(m);
                uint same = 0;
                for (var n = lanes; n != 0; n &= n - 1)
                {
                    var other = BitOperations.TrailingZeroCount(n);
                    if (Raw.Read(warp.Read(a) + other * size, size) == Raw.Read(warp.Read(a) + lane * size, size)) same |= 1u << other;
                }
                results[lane] = !all ? same : same == lanes ? lanes : 0;
            }
            for (var m = lanes; m != 0; m &= m - 1)
            {
                var lane = BitOperations.TrailingZeroCount(m);
                ((uint*)warp.Write(d))[lane] = results[lane];
                if (p >= 0) warp.P[p] = results[lane] == lanes ? warp.P[p] | 1u << lane : warp.P[p] & ~(1u << lane);
            }
        }
    }

    static Instruction Reduce(Site site)
    {
        site.Requires(80, 7, 0);
        site.Expect("sync");
        var operation = site.Expect("add", "min", "max", "and", "or", "xor");
        var type = operation is "add" or "min" or "max" ? site.TakeType(PtxType.U32, PtxType.S32) : site.TakeType(PtxType.B32);
        site.Done(3);
        return new ReduceInstruction(operation, type, site.Write(0, type), site.Read(1, type), site.Read(2, PtxType.U32));
    }

    sealed unsafe class ReduceInstruction(string operation, PtxType type, int d, int a, int mask) : Exchange(mask)
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var pa = (uint*)warp.Read(a);
            ulong? sum = null;
            for (var m = lanes; m != 0; m &= m - 1)
            {
                var value = pa[BitOperations.TrailingZeroCount(m)];
                sum = sum is { } before ? Atomics.Apply(operation, type, before, value, 0) : value;
            }
            for (var m = lanes; m != 0; m &= m - 1) ((uint*)warp.Write(d))[BitOperations.TrailingZeroCount(m)] = (uint)sum!.Value;
        }
    }
}
