using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Conformance;

/// <summary>How much memory a training step of the yardsticks takes at the sizes of the benchmarks.</summary>
public class ArenaTests
{
    [Fact]
    public void Mlp_is_packed_tightly() => Check(Mlp.Ir, ("B", 128));

    [Fact]
    public void Cnn_is_packed_tightly() => Check(Cnn.Ir, ("B", 64));

    [Fact]
    public void NanoGpt_is_packed_tightly() => Check(NanoGpt.Ir, ("B", 12), ("T", 64));

    [Fact]
    public void ResNet18_is_packed_tightly() => Check(ResNet18.Ir, ("B", 32));

    [Fact]
    public void Gpt2_is_packed_tightly() => Check(Gpt2.Ir, ("B", 4), ("T", 64));

    static void Check(ModelIr ir, params (string Name, long Value)[] sizes)
    {
        var plan = ir.Plans(new DimBinding(sizes.Select(s => new System.Collections.Generic.KeyValuePair<string, long>(s.Name, s.Value)))).Single(p => p.Function.Name == "train_step");
        Assert.True(plan.Ratio <= 1.02, $"The arena has {plan.ArenaBytes} bytes, {plan.Ratio:0.0000} × the {plan.LowerBound} that live at {plan.PeakDescription}.");
        Assert.True(plan.ArenaBytes <= plan.NaturalPeak, $"The arena has {plan.ArenaBytes} bytes, but {plan.NaturalPeak} live at once in the order of the source.");
    }
}
