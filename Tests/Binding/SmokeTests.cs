using Graph.Tests.Generators;
using Xunit;
using Xunit.Abstractions;

namespace Graph.Tests.Binding;

public class SmokeTests(ITestOutputHelper output)
{
    [Fact]
    public void A_layer_binds()
    {
        var module = Harness.Define("""
            [Module]
            public sealed partial class M(int inputs, int outputs, bool bias = true)
            {
                readonly Parameter weight = new([outputs, inputs], Init.KaimingUniform(gain: Math.Sqrt(1.0 / 3)));
                readonly Parameter? offset = bias ? new([outputs], Init.Uniform(1 / Math.Sqrt(inputs)), name: "bias") : null;
                readonly List<int> sizes = [1, 2, ..Enumerable.Range(0, 3).Select(i => i * 2)];
                readonly M?[] blocks = new M?[3];
                int Twice => inputs * 2;
                public Tensor Forward(Tensor x)
                {
                    for (int i = 0; i < 3; i++) { x += 1; }
                    foreach (var (a, b) in sizes.Zip(sizes)) x = x * (a + b);
                    var (q, r) = (x, 2);
                    if (sizes is { Count: > 2 } and [1, .., var last] && last > 0) throw new ArgumentException($"bad {last:0.0}");
                    return offset is null ? x * weight : x * weight + offset * Twice;
                }
            }
            """);
        output.WriteLine(module.ToText());
        Assert.Equal("M", module.Name);
    }
}
