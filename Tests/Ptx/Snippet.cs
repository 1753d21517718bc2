using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>Kernels of a few lines: a body between usual declarations, with parameters x and y already in %rd1 and %rd2 and the thread's number in %r1.</summary>
static class Snippet
{
    public static string Kernel(string body, string declarations = "", string module = "", int sm = 70, string version = "7.0") => $$"""
        .version {{version}}
        .target sm_{{sm}}
        .address_size 64
        {{module}}
        .visible .entry k(.param .u64 x, .param .u64 y)
        {
            .reg .pred %p<10>;
            .reg .b16 %h<20>;
            .reg .b32 %r<40>;
            .reg .b64 %rd<20>;
            .reg .f32 %f<20>;
            .reg .f64 %d<20>;
            {{declarations}}
            ld.param.u64 %rd1, [x];
            ld.param.u64 %rd2, [y];
            mov.u32 %r1, %tid.x;
            mul.wide.u32 %rd3, %r1, 4;
            add.u64 %rd4, %rd1, %rd3;
            add.u64 %rd5, %rd2, %rd3;
            {{body}}
            ret;
        }
        """;

    /// <summary>Runs a body with x = 0, 1, 2, … in 1,024 words and y of as many, not written; gives the session and y.</summary>
    public static (Session Session, ulong Y) Run(string text, Dim3? grid = null, Dim3? block = null, ulong seed = 1, bool strict = true, int shared = 0)
    {
        var session = new Session(text, new LaunchOptions { Seed = seed, Strict = strict, InstructionLimit = 10_000_000 });
        var x = new uint[1024];
        for (var i = 0; i < x.Length; i++) x[i] = (uint)i;
        var (px, py) = (session.Upload(x, "x"), session.Allocate<uint>(1024, "y"));
        session.Launch("k", grid ?? 1, block ?? 64, shared, px, py);
        return (session, py);
    }

    /// <summary>The fault that a kernel has under each of a few seeds.</summary>
    public static Fault Fails(FaultKind kind, string text, Dim3? grid = null, Dim3? block = null, int shared = 0)
    {
        Fault? last = null;
        for (ulong seed = 0; seed < 4; seed++)
        {
            var thrown = Assert.Throws<PtxFaultException>(() => Run(text, grid, block, seed, shared: shared));
            Assert.True(kind == thrown.Fault.Kind, $"{kind} is expected with seed {seed}, not: {thrown.Message}");
            last = thrown.Fault;
        }
        return last!;
    }

    public static void Succeeds(string text, Dim3? grid = null, Dim3? block = null, int shared = 0)
    {
        for (ulong seed = 0; seed < 4; seed++) Run(text, grid, block, seed, shared: shared);
    }
}
