using System.Linq;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>Right kernels compute what they should under every schedule, and nothing is reported about them.</summary>
public sealed class CorpusTests
{
    public static TheoryData<string> Names => [.. KernelCorpus.All.Select(kernel => kernel.Name)];

    [Theory, MemberData(nameof(Names))]
    public void A_right_kernel_computes_right_under_every_schedule(string name)
    {
        for (ulong seed = 0; seed < 4; seed++) KernelCorpus.Named(name).Run(KernelCorpus.Named(name).Text, new LaunchOptions { Seed = seed });
    }

    [Theory, MemberData(nameof(Names))]
    public void The_fast_mode_computes_the_same(string name) => KernelCorpus.Named(name).Run(KernelCorpus.Named(name).Text, new LaunchOptions { Strict = false, Seed = 0 });

    [Theory, MemberData(nameof(Names))]
    public void Approximations_may_be_as_wrong_as_the_specification_allows(string name)
        => KernelCorpus.Named(name).Run(KernelCorpus.Named(name).Text, new LaunchOptions { Strict = false, Seed = 5, ApproximationError = 1 });
}
