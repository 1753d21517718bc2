using System;
using System.Linq;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>What is particular to tensor cores and asynchronous copies: fragments, landing, open order of sums.</summary>
public sealed class TensorCoreTests
{
    static readonly KernelCase Kernel = KernelCorpus.Named("tensor");

    static Fault Fails(string replace, string with, params FaultKind[] kinds)
    {
        Assert.Contains(replace, Kernel.Text, StringComparison.Ordinal);
        var at = Kernel.Text.IndexOf(replace, StringComparison.Ordinal);
        var text = Kernel.Text[..at] + with + Kernel.Text[(at + replace.Length)..];
        Fault? last = null;
        foreach (var strict in new[] { true, false })
        {
            if (!strict && kinds.Contains(FaultKind.Race)) continue; // races are looked for in strict mode only
            var thrown = Assert.Throws<PtxFaultException>(() => Kernel.Run(text, new LaunchOptions { Seed = 3, Strict = strict }));
            Assert.True(Array.IndexOf(kinds, thrown.Fault.Kind) >= 0, $"{kinds[0]} is expected, not: {thrown.Message}");
            last = thrown.Fault;
        }
        return last!;
    }

    [Fact]
    public void Brain_floats_have_the_fragments_of_halves()
        => TensorCores.Brains(new Session(Kernel.Text.Replace(".f16.f16.", ".bf16.bf16.", StringComparison.Ordinal), new LaunchOptions { Seed = 2 }));

    [Fact] public void A_copy_that_nobody_waits_for_has_not_landed() => Assert.Contains("cp.async", Fails("cp.async.wait_group 1;", "", FaultKind.Uninitialised).Message, StringComparison.Ordinal);
    [Fact] public void Waiting_for_one_group_too_few_is_found() => Fails("cp.async.wait_group 1;", "cp.async.wait_group 2;", FaultKind.Uninitialised);
    [Fact] public void A_copy_of_no_group_is_not_waited_for() => Fails("ISSUED:\n    cp.async.commit_group;", "ISSUED:", FaultKind.Uninitialised);
    [Fact] public void A_landed_copy_is_its_own_threads_until_a_barrier() => Fails("cp.async.wait_group 1;\n    bar.sync 0;", "cp.async.wait_group 1;", FaultKind.Race, FaultKind.Uninitialised);
    [Fact] public void A_copy_does_not_land_where_others_still_read() => Fails("{%f1, %f2, %f3, %f4};\n    bar.sync 0;", "{%f1, %f2, %f3, %f4};", FaultKind.Race);
    [Fact] public void Rows_of_a_matrix_are_aligned() => Fails("[%r31+512]", "[%r31+520]", FaultKind.Misaligned);

    [Fact]
    public void Whole_warps_multiply()
        => Snippet.Fails(FaultKind.DivergentWarp, Snippet.Kernel("mov.f32 %f1, 0f00000000; setp.lt.u32 %p1, %r1, 16; @!%p1 bra SKIP; mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f2, %f3, %f4, %f5}, {%r1, %r1, %r1, %r1}, {%r1, %r1}, {%f1, %f1, %f1, %f1}; SKIP: mov.u32 %r3, 0;", sm: 80), block: 32);

    [Fact]
    public void The_order_of_a_matrix_products_sum_is_the_seeds()
    {
        float[] Product(ulong seed)
        {
            var session = new Session(KernelCorpus.Named("tensor32").Text, new LaunchOptions { Seed = seed });
            var (a, b) = (session.Upload(Session.Floats(128, 1), "a"), session.Upload(Session.Floats(64, 2), "b"));
            var c = session.Upload(new float[128], "c");
            var statistics = session.Device.Launch(session.Module["tensor32"], 1, 32, 0, a, b, c);
            Assert.True(statistics.OrderDependent);
            return session.Download<float>(c, 128);
        }
        var (first, second) = (Product(1), Product(2));
        Assert.NotEqual(first, second);
        for (var i = 0; i < 128; i++) Assert.InRange(first[i] - second[i], -1e-4f, 1e-4f);
    }

    [Fact]
    public void A_copy_may_be_filled_up_with_zeros()
    {
        var (session, y) = Snippet.Run(Snippet.Kernel("""
            mov.u32 %r3, s; mad.lo.u32 %r4, %r1, 16, %r3; mul.wide.u32 %rd6, %r1, 16; add.u64 %rd7, %rd1, %rd6; add.u64 %rd8, %rd2, %rd6;
            cp.async.ca.shared.global [%r4], [%rd7], 16, 6;
            cp.async.wait_all;
            ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%r4];
            st.global.v4.u32 [%rd8], {%r5, %r6, %r7, %r8};
            """, declarations: ".shared .align 16 .b8 s[512];", sm: 80), block: 32);
        Assert.Equal([4u, 5u, 0u, 0u], session.Download<uint>(y, 8)[4..]);
    }
}
