using System;
using Graph.PtxEmulator;
using Xunit;
using static Graph.Tests.Ptx.Snippet;

namespace Graph.Tests.Ptx;

/// <summary>Each kind of fault is found in a kernel that has it, and not in the one beside it that has not.</summary>
public sealed class DetectorTests
{
    static Fault FailsIn(string kernel, string replace, string with, params FaultKind[] kinds)
    {
        var named = KernelCorpus.Named(kernel);
        Assert.Contains(replace, named.Text);
        var at = named.Text.IndexOf(replace, StringComparison.Ordinal);
        var text = named.Text[..at] + with + named.Text[(at + replace.Length)..];
        Fault? last = null;
        for (ulong seed = 0; seed < 4; seed++)
        {
            var thrown = Assert.Throws<PtxFaultException>(() => named.Run(text, new LaunchOptions { Seed = seed }));
            Assert.True(Array.IndexOf(kinds, thrown.Fault.Kind) >= 0, $"{kinds[0]} is expected with seed {seed}, not: {thrown.Message}");
            last = thrown.Fault;
        }
        return last!;
    }

    [Fact] public void A_deleted_barrier_is_a_race() => FailsIn("reduce", "bar.sync 0;", "", FaultKind.Race, FaultKind.Uninitialised);
    [Fact] public void A_deleted_barrier_before_shared_memory_is_used_again_is_a_race() => FailsIn("softmax", "max.f32 %f1, %f1, %f4;\n    bar.sync 0;", "max.f32 %f1, %f1, %f4;", FaultKind.Race);
    [Fact] public void A_deleted_barrier_of_a_loop_is_a_race() => FailsIn("matmul", "@%p5 bra DEPTH;\n    bar.sync 0;", "@%p5 bra DEPTH;", FaultKind.Race);
    [Fact] public void A_deleted_barrier_of_a_warp_is_a_race() => FailsIn("exchange", "bar.warp.sync 0xffffffff;", "", FaultKind.Race);
    [Fact] public void A_barrier_of_a_warp_over_fewer_lanes_is_a_race() => FailsIn("exchange", "bar.warp.sync 0xffffffff;", "mov.u32 %r15, %lanemask_eq;\n bar.warp.sync %r15;", FaultKind.Race);
    [Fact] public void A_shuffle_orders_no_memory() => FailsIn("exchange", "bar.warp.sync 0xffffffff;", "shfl.sync.idx.b32 %r15, %r1, 0, 31, 0xffffffff;", FaultKind.Race);
    [Fact] public void An_arrival_without_waiting_orders_nothing_for_who_arrives() => FailsIn("pipeline", "bar.sync %r9, 64;", "bar.arrive %r9, 64;", FaultKind.Race, FaultKind.Unspecified);
    [Fact] public void An_end_one_too_far_is_out_of_bounds() => FailsIn("saxpy", "setp.ge.u32 %p1, %r5, %r1;", "setp.gt.u32 %p1, %r5, %r1;", FaultKind.OutOfBounds);
    [Fact] public void A_vector_past_the_end_is_out_of_bounds() => FailsIn("copy", "add.s32 %r6, %r5, 4;", "add.s32 %r6, %r5, 3;", FaultKind.OutOfBounds);
    [Fact] public void A_tile_too_large_for_shared_memory_is_out_of_bounds() => FailsIn("matmul", "[%r22+4096], {", "[%r22+4352], {", FaultKind.OutOfBounds);
    [Fact] public void A_store_left_out_is_an_uninitialised_read() => FailsIn("reduce", "@!%p2 st.shared.f32 [%r11], %f1;", "", FaultKind.Uninitialised);
    [Fact] public void A_load_left_out_is_an_uninitialised_register() => Assert.Contains("register %f2", FailsIn("saxpy", "ld.global.nc.f32 %f2, [%rd4];", "", FaultKind.Uninitialised).Message, StringComparison.Ordinal);
    [Fact] public void A_result_that_a_function_does_not_write_is_found() => FailsIn("calls", "st.param.f32 [result], %f3;", "", FaultKind.Uninitialised);
    [Fact] public void A_second_call_finds_nothing_of_the_first()
        => Fails(FaultKind.Uninitialised, Kernel("call (%r2), f, (%r1); mov.u32 %r1, 1; call (%r2), f, (%r1);", module: ".func (.reg .b32 %o) f(.reg .b32 %i) { .reg .pred %p; .reg .b32 %t; setp.ne.u32 %p, %i, 1; @%p mov.u32 %t, 5; add.u32 %o, %t, 1; ret; }"), block: 1);
    [Fact] public void A_local_array_has_an_end() => FailsIn("locals", "ld.local.f64 %d3, [%rd12];", "ld.local.f64 %d3, [%rd12+8];", FaultKind.OutOfBounds);

    [Fact]
    public void A_selection_needs_only_what_it_selects()
    {
        const string Body = "setp.lt.u32 %p1, %r1, 40; @%p1 ld.global.u32 %r2, [%rd4]; selp.u32 %r3, %r2, 0, {0}; st.global.u32 [%rd5], %r3;";
        Succeeds(Kernel(Body.Replace("{0}", "%p1", StringComparison.Ordinal)));
        Fails(FaultKind.Uninitialised, Kernel(Body.Replace("{0}", "!%p1", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_vector_access_is_aligned()
    {
        var text = Kernel("mul.wide.u32 %rd6, %r1, 16; add.u64 %rd6, %rd2, %rd6; st.global.v4.u32 [%rd6+4], {%r1, %r1, %r1, %r1};");
        var fault = Fails(FaultKind.Misaligned, text);
        Assert.Equal(4UL, fault.Address!.Value % 16);
        Succeeds(text.Replace("[%rd6+4]", "[%rd6+16]", StringComparison.Ordinal));
    }

    [Fact]
    public void Global_memory_that_nobody_wrote_is_not_read() => Fails(FaultKind.Uninitialised, Kernel("ld.global.u32 %r2, [%rd5]; st.global.u32 [%rd4], %r2;"));

    [Theory]
    [InlineData("shfl.sync.idx.b32 %r2, %r1, 0, 31, 0xffffffff;")]
    [InlineData("vote.sync.any.pred %p2, %p1, 0xffffffff;")]
    [InlineData("match.any.sync.b32 %r2, %r1, 0xffffffff;")]
    [InlineData("bar.warp.sync 0xffffffff;")]
    [InlineData("bar.sync 0;")]
    [InlineData("barrier.sync.aligned 0;")]
    public void What_a_warp_does_together_is_not_for_some_of_its_lanes(string instruction)
    {
        Fails(FaultKind.DivergentWarp, Kernel($"and.b32 %r9, %r1, 31; setp.lt.u32 %p1, %r9, 16; @!%p1 bra SKIP; {instruction}\nSKIP: mov.u32 %r3, 0;"));
        Succeeds(Kernel($"setp.lt.u32 %p1, %r1, 16; @!%p1 bra SKIP; mov.u32 %r3, 0; SKIP: {instruction}"));
    }

    [Fact]
    public void Two_barriers_in_the_two_arms_of_a_branch_are_not_one()
        => Fails(FaultKind.DivergentWarp, Kernel("and.b32 %r9, %r1, 1; setp.eq.u32 %p1, %r9, 0; @%p1 bra EVEN; bar.sync 0; bra JOIN; EVEN: bar.sync 0; JOIN: mov.u32 %r3, 0;"));

    [Fact]
    public void A_uniform_branch_does_not_part_lanes()
    {
        const string Body = "setp.lt.u32 %p1, %r1, {0}; @%p1 bra.uni SKIP; mov.u32 %r2, 0; SKIP: mov.u32 %r3, 0;";
        var thrown = Assert.Throws<PtxFaultException>(() => Run(Kernel(Body.Replace("{0}", "40", StringComparison.Ordinal)), strict: false));
        Assert.Equal(FaultKind.DivergentWarp, thrown.Fault.Kind);
        Succeeds(Kernel(Body.Replace("{0}", "32", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_lane_that_executes_a_shuffle_is_in_its_mask()
        => Fails(FaultKind.DivergentWarp, Kernel("shfl.sync.idx.b32 %r2, %r1, 0, 31, 0x0000ffff;"));

    [Fact]
    public void A_shuffle_takes_from_lanes_of_its_mask_only()
    {
        const string Body = "and.b32 %r9, %r1, 31; setp.lt.u32 %p1, %r9, 16; @!%p1 bra SKIP; shfl.sync.bfly.b32 %r2, %r1, {0}, 31, 0x0000ffff; SKIP: mov.u32 %r3, 0;";
        Fails(FaultKind.DivergentWarp, Kernel(Body.Replace("{0}", "16", StringComparison.Ordinal)));
        Succeeds(Kernel(Body.Replace("{0}", "8", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_shuffle_does_not_wait_for_lanes_that_have_ended()
        => Fails(FaultKind.DivergentWarp, Kernel("setp.eq.u32 %p1, %r1, 5; @%p1 exit; shfl.sync.idx.b32 %r2, %r1, 0, 31, 0xffffffff;"));

    [Fact]
    public void Threads_that_end_before_a_barrier_are_missed()
    {
        var fault = Fails(FaultKind.MissingBarrier, Kernel("setp.ge.u32 %p1, %r1, 32; @%p1 exit; bar.sync 0;"));
        Assert.Contains("has ended", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Warps_at_different_barriers_wait_forever()
        => Fails(FaultKind.Deadlock, Kernel("shr.u32 %r2, %r1, 5; bar.sync %r2;"));

    [Fact]
    public void An_arrival_that_nobody_waits_for_is_reported()
    {
        Fails(FaultKind.MissingBarrier, Kernel("setp.lt.u32 %p1, %r1, 32; @%p1 bra SKIP; bar.arrive 1, 64; SKIP: mov.u32 %r2, 0;"));
        Succeeds(Kernel("bar.arrive 1, 64;"));
    }

    [Fact]
    public void Blocks_do_not_write_to_one_address()
    {
        var fault = Fails(FaultKind.Race, Kernel("st.global.u32 [%rd5], 7;"), grid: 2);
        Assert.Contains("block (", fault.Message, StringComparison.Ordinal);
        Succeeds(Kernel("st.global.u32 [%rd5], 7;"), grid: 1);
    }

    [Fact]
    public void Blocks_do_not_read_what_others_of_the_launch_write()
        => Fails(FaultKind.Race, Kernel("mov.u32 %r2, %ctaid.x; setp.eq.u32 %p1, %r2, 0; @%p1 st.global.u32 [%rd4], 7; @!%p1 ld.global.u32 %r3, [%rd4];"), grid: 2);

    [Fact]
    public void The_next_launch_may_read_what_this_one_wrote()
    {
        var (session, y) = Run(Kernel("st.global.u32 [%rd5], %r1;"));
        session.Launch("k", 1, 64, 0, y, y);
    }

    [Fact]
    public void Threads_of_a_block_are_ordered_by_its_barrier_in_global_memory_too()
    {
        // In x, which holds something already, so that a read that comes too early is a race and nothing else.
        var text = Kernel("st.global.u32 [%rd4], %r1; bar.sync 0; xor.b32 %r2, %r1, 33; mul.wide.u32 %rd6, %r2, 4; add.u64 %rd7, %rd1, %rd6; ld.global.u32 %r3, [%rd7];");
        Succeeds(text);
        Fails(FaultKind.Race, text.Replace("bar.sync 0;", "", StringComparison.Ordinal));
        Fails(FaultKind.Race, text.Replace("bar.sync 0;", "membar.gl;", StringComparison.Ordinal));
    }

    [Fact]
    public void Atomic_updates_do_not_race_with_each_other_but_with_plain_accesses()
    {
        Succeeds(Kernel("red.global.add.u32 [%rd1], 1;"), grid: 4);
        Fails(FaultKind.Race, Kernel("mov.u32 %r2, %ctaid.x; setp.eq.u32 %p1, %r2, 0; @%p1 red.global.add.u32 [%rd1], 1; @!%p1 ld.global.u32 %r3, [%rd1];"), grid: 2);
        Fails(FaultKind.Race, Kernel("mov.u32 %r2, %ctaid.x; setp.eq.u32 %p1, %r2, 0; @%p1 red.global.add.u32 [%rd4], 1; @!%p1 st.global.u32 [%rd4], 5;"), grid: 2);
    }

    [Fact]
    public void Halves_of_a_word_belong_to_different_threads()
    {
        var text = Kernel("mul.wide.u32 %rd6, %r1, 2; add.u64 %rd7, %rd2, %rd6; cvt.u16.u32 %h1, %r1; st.global.u16 [%rd7], %h1;");
        Succeeds(text);
        Fails(FaultKind.Race, text.Replace("mul.wide.u32 %rd6, %r1, 2", "mul.wide.u32 %rd6, 0, 2", StringComparison.Ordinal));
        Succeeds(Kernel("cvt.u64.u32 %rd6, %r1; add.u64 %rd7, %rd2, %rd6; cvt.u16.u32 %h1, %r1; st.global.u8 [%rd7], %h1;"));
    }

    [Fact]
    public void What_is_read_as_read_only_is_written_by_nobody()
    {
        // In place: each thread its own word, so that it is no race, and still the cache may hold what was there.
        var text = Kernel("ld.global.nc.u32 %r2, [%rd4]; add.u32 %r2, %r2, 1; st.global.u32 [%rd4], %r2;");
        Fails(FaultKind.NonCoherent, text);
        Succeeds(text.Replace(".nc", "", StringComparison.Ordinal));
        Fails(FaultKind.NonCoherent, Kernel("st.global.u32 [%rd5], %r1; ld.global.nc.u32 %r2, [%rd5];"));
        Succeeds(text.Replace("[%rd4], %r2", "[%rd5], %r2", StringComparison.Ordinal));
    }

    [Fact]
    public void Constant_memory_is_not_written()
        => Fails(FaultKind.ReadOnly, Kernel("cvta.const.u64 %rd6, c; st.u32 [%rd6], 1;", module: ".const .u32 c[4] = {1, 2, 3, 4};"));

    [Fact]
    public void A_shared_address_is_no_global_one()
        => Fails(FaultKind.OutOfBounds, Kernel("cvt.u64.u32 %rd6, %r3; st.global.u32 [%rd6], 1;", declarations: ".shared .u32 s[64]; mov.u32 %r3, s;"));

    [Fact]
    public void A_loop_without_end_is_stopped() => Fails(FaultKind.Hang, Kernel("L: bra L;"));

    [Fact]
    public void A_division_by_zero_is_reported() => Fails(FaultKind.Unspecified, Kernel("div.u32 %r2, 5, %r1;"));

    [Fact]
    public void Memory_that_was_freed_is_gone()
    {
        var (session, y) = Run(Kernel("st.global.u32 [%rd5], %r1;"));
        var x = session.Upload(new uint[64], "x");
        session.Device.Free(y);
        Assert.Equal(FaultKind.OutOfBounds, Assert.Throws<PtxFaultException>(() => session.Launch("k", 1, 64, 0, x, y)).Fault.Kind);
    }

    [Fact]
    public void An_allocation_may_be_far_larger_than_what_is_touched()
    {
        // A little more than 4 GB of which one page is accessed: offsets need more than 32 bits.
        const long Size = (4L << 30) + 8192;
        var session = new Session(Kernel("add.u64 %rd6, %rd4, 4294971392; ld.global.u32 %r2, [%rd6]; st.global.u32 [%rd5], %r2;"), new LaunchOptions());
        var (large, y) = (session.Device.Allocate(Size, "large"), session.Allocate<uint>(64, "y"));
        session.Device.Write<uint>(large + Size - 256, Session.Words(64, 1));
        session.Launch("k", 1, 64, 0, large - 4294971392 + Size - 256, y);
        session.Expect(y, Session.Words(64, 1), "the last 256 bytes");
        Assert.Equal(FaultKind.OutOfBounds, Assert.Throws<PtxFaultException>(() => session.Launch("k", 1, 64, 0, large - 4294971392 + Size - 252, y)).Fault.Kind);
    }

    [Fact]
    public void Only_what_is_declared_live_of_an_arena_may_be_accessed()
    {
        var session = new Session(Kernel("ld.global.u32 %r2, [%rd4]; st.global.u32 [%rd5], %r2;"), new LaunchOptions());
        var arena = session.Device.Allocate(4096, "arena");
        session.Device.Plan(arena, [new Extent(0, 256, "a"), new Extent(256, 256, "b")]);
        session.Device.Write<uint>(arena, new uint[64]);
        session.Launch("k", 1, 64, 0, arena, arena + 256);
        var past = Assert.Throws<PtxFaultException>(() => session.Launch("k", 1, 64, 0, arena, arena + 260));
        Assert.Equal(FaultKind.OutOfBounds, past.Fault.Kind);
        Assert.Contains("'b'", past.Message, StringComparison.Ordinal);
        // c takes a's place: what a left there is nobody's.
        session.Device.Plan(arena, [new Extent(0, 128, "c"), new Extent(256, 256, "b")]);
        Assert.Equal(FaultKind.Uninitialised, Assert.Throws<PtxFaultException>(() => session.Launch("k", 1, 32, 0, arena, arena + 256)).Fault.Kind);
        session.Launch("k", 1, 32, 0, arena + 256, arena);
    }

    [Fact]
    public void A_report_names_everything()
    {
        var text = KernelCorpus.Named("reduce").Text.Replace("bar.sync 0;", "", StringComparison.Ordinal);
        var fault = Assert.Throws<PtxFaultException>(() => KernelCorpus.Named("reduce").Run(text, new LaunchOptions { Seed = 3 })).Fault;
        Assert.Equal("reduce", fault.Kernel);
        Assert.Equal(fault.Instruction, text.Split('\n')[fault.Line - 1].Trim());
        Assert.NotNull(fault.Thread);
        Assert.NotNull(fault.Block);
        Assert.InRange(fault.Address!.Value, 0x400UL, 0x400UL + 31);
        Assert.Contains("Expected: a barrier", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_schedule_can_be_repeated()
    {
        var text = KernelCorpus.Named("matmul").Text.Replace("@%p5 bra DEPTH;\n    bar.sync 0;", "@%p5 bra DEPTH;", StringComparison.Ordinal);
        string Message(ulong seed) => Assert.Throws<PtxFaultException>(() => KernelCorpus.Named("matmul").Run(text, new LaunchOptions { Seed = seed })).Message;
        Assert.Equal(Message(7), Message(7));
    }

    [Theory]
    [InlineData(1025, 1, 1, 0)]
    [InlineData(1, 1, 65, 0)]
    [InlineData(32, 1, 1, 100_000_000)]
    public void A_launch_that_a_driver_refuses_is_refused(int x, int y, int z, int shared)
        => Assert.Equal(FaultKind.Launch, Assert.Throws<PtxFaultException>(() => Run(Kernel(""), block: new Dim3(x, y, z), shared: shared)).Fault.Kind);
}
