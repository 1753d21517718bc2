using System.Linq;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>Exchanges between lanes, against the specification's own steps.</summary>
public sealed class ExchangeTests
{
    static uint[] Words(string body, int threads = 32)
    {
        var (session, y) = Snippet.Run(Snippet.Kernel(body + " st.global.u32 [%rd5], %r2;"), block: threads);
        return session.Download<uint>(y, threads);
    }

    [Theory]
    [InlineData("up", 0x0000), InlineData("up", 0x1800), InlineData("down", 0x001F), InlineData("down", 0x181F), InlineData("down", 0x1807), InlineData("bfly", 0x001F), InlineData("bfly", 0x1C1F), InlineData("idx", 0x001F), InlineData("idx", 0x181F)]
    public void A_shuffle_takes_the_lane_that_the_specification_says(string mode, int c)
    {
        for (var b = 0; b < 32; b += 3)
        {
            var actual = Words($"add.u32 %r3, %r1, 100; shfl.sync.{mode}.b32 %r4|%p1, %r3, {b}, {c}, 0xffffffff; selp.u32 %r5, 1000, 0, %p1; add.u32 %r2, %r4, %r5;");
            for (var lane = 0; lane < 32; lane++)
            {
                int bval = b & 0x1F, cval = c & 0x1F, mask = c >> 8 & 0x1F;
                int maxLane = (lane & mask) | (cval & ~mask), minLane = lane & mask, j = 0;
                var inside = false;
                switch (mode)
                {
                    case "up": j = lane - bval; inside = j >= maxLane; break;
                    case "down": j = lane + bval; inside = j <= maxLane; break;
                    case "bfly": j = lane ^ bval; inside = j <= maxLane; break;
                    case "idx": j = minLane | (bval & ~mask); inside = j <= maxLane; break;
                }
                if (!inside) j = lane;
                Assert.Equal((uint)(j + 100 + (inside ? 1000 : 0)), actual[lane]);
            }
        }
    }

    [Fact]
    public void Votes_count_the_lanes_of_the_mask()
    {
        const string Odd = "and.b32 %r3, %r1, 1; setp.ne.u32 %p1, %r3, 0; ";
        Assert.All(Words(Odd + "vote.sync.ballot.b32 %r2, %p1, 0xffffffff;"), word => Assert.Equal(0xAAAAAAAA, word));
        Assert.All(Words(Odd + "vote.sync.ballot.b32 %r2, !%p1, 0xffffffff;"), word => Assert.Equal(0x55555555u, word));
        foreach (var (mode, expected) in new[] { ("all", 0u), ("any", 1u), ("uni", 0u) })
            Assert.All(Words(Odd + $"vote.sync.{mode}.pred %p2, %p1, 0xffffffff; selp.u32 %r2, 1, 0, %p2;"), word => Assert.Equal(expected, word));
    }

    [Fact]
    public void Lanes_of_different_masks_do_not_meet()
        => Assert.Equal(Enumerable.Range(0, 32).Select(lane => lane < 16 ? 0x0000FFFFu : 0xFFFF0000u),
            Words("setp.lt.u32 %p1, %r1, 16; selp.u32 %r3, 0x0000ffff, 0xffff0000, %p1; setp.eq.u32 %p2, %r1, %r1; vote.sync.ballot.b32 %r2, %p2, %r3;"));

    [Fact]
    public void Equal_values_find_each_other()
    {
        var actual = Words("and.b32 %r3, %r1, 3; match.any.sync.b32 %r2, %r3, 0xffffffff;");
        for (var lane = 0; lane < 32; lane++) Assert.Equal(0x11111111u << (lane & 3), actual[lane]);
        Assert.All(Words("mov.u32 %r3, 7; match.all.sync.b32 %r4|%p1, %r3, 0xffffffff; selp.u32 %r2, %r4, 0, %p1;"), word => Assert.Equal(uint.MaxValue, word));
        Assert.All(Words("match.all.sync.b32 %r4|%p1, %r1, 0xffffffff; selp.u32 %r2, %r4, 5, %p1;"), word => Assert.Equal(5u, word));
    }

    [Theory]
    [InlineData("add.u32", 496u), InlineData("max.s32", 31u), InlineData("min.u32", 0u), InlineData("or.b32", 31u), InlineData("xor.b32", 0u), InlineData("and.b32", 0u)]
    public void A_warp_reduces_integers(string operation, uint expected)
    {
        var (session, y) = Snippet.Run(Snippet.Kernel($"redux.sync.{operation} %r2, %r1, 0xffffffff; st.global.u32 [%rd5], %r2;", sm: 80), block: 32);
        Assert.All(session.Download<uint>(y, 32), word => Assert.Equal(expected, word));
    }

    [Fact]
    public void A_barrier_reduces_predicates()
    {
        const string Few = "setp.lt.u32 %p1, %r1, 5; ";
        Assert.All(Words(Few + "bar.red.popc.u32 %r2, 0, %p1;", 96), word => Assert.Equal(5u, word));
        Assert.All(Words(Few + "bar.red.or.pred %p2, 0, %p1; selp.u32 %r2, 1, 0, %p2;", 96), word => Assert.Equal(1u, word));
        Assert.All(Words(Few + "bar.red.and.pred %p2, 0, %p1; selp.u32 %r2, 1, 0, %p2;", 96), word => Assert.Equal(0u, word));
        Assert.All(Words(Few + "bar.red.popc.u32 %r2, 0, !%p1;", 40), word => Assert.Equal(35u, word));
    }

    [Fact]
    public void Atomics_give_back_what_was_there()
    {
        var (session, y) = Snippet.Run(Snippet.Kernel("atom.global.add.u32 %r2, [%rd1], 1; mul.wide.u32 %rd6, %r2, 4; add.u64 %rd7, %rd2, %rd6; st.global.u32 [%rd7], %r1;"), block: 64);
        Assert.Equal(Enumerable.Range(0, 64).Select(i => (uint)i), session.Download<uint>(y, 64).Order()); // each got its own number
    }

    [Theory]
    [InlineData("and.b32", 0xF0F0u, 0xFF00u, 0xF000u), InlineData("or.b32", 0xF0F0u, 0xFF00u, 0xFFF0u), InlineData("xor.b32", 0xF0F0u, 0xFF00u, 0x0FF0u), InlineData("exch.b32", 5u, 7u, 7u)]
    [InlineData("inc.u32", 5u, 5u, 0u), InlineData("inc.u32", 4u, 5u, 5u), InlineData("dec.u32", 0u, 5u, 5u), InlineData("dec.u32", 3u, 5u, 2u), InlineData("dec.u32", 9u, 5u, 5u)]
    [InlineData("min.s32", 0xFFFFFFFFu, 1u, 0xFFFFFFFFu), InlineData("min.u32", 0xFFFFFFFFu, 1u, 1u), InlineData("max.s32", 0xFFFFFFFFu, 1u, 1u), InlineData("add.f32", 0x3F800000u, 0x40000000u, 0x40400000u)]
    public void Atomics_compute(string operation, uint before, uint operand, uint after)
    {
        var text = Snippet.Kernel($"mov.u32 %r2, {before}; st.global.u32 [%rd2], %r2; mov.b32 %r3, {operand}; atom.global.{operation} %r4, [%rd2], %r3; st.global.u32 [%rd2+4], %r4;");
        var (session, y) = Snippet.Run(text, block: 1);
        Assert.Equal([after, before], session.Download<uint>(y, 2));
    }
}
