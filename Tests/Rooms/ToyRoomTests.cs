using System;
using System.Linq;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Rooms;

/// <summary>A target is one folder: the toy knows kernel values, plans, target models and the IR that these are made of, and neither the CPU's target nor the runtime nor what comes before kernels.</summary>
public class ToyRoomTests
{
    static readonly string[] Known = ["Graph.Compiler", "Graph.Compiler.Ir", "Graph.Compiler.Kernels", "Graph.Compiler.Planning", "Graph.Compiler.Targets"];

    [Fact]
    public void A_target_knows_kernel_values_plans_and_target_models()
    {
        var toy = typeof(ToyTarget).Namespace!;
        var uses = Uses.Of(typeof(ToyTarget).Assembly.Location).Where(u => u.From.Namespace == toy).ToList();
        Assert.Contains(uses, u => u.To.Name == "LoopKernel");
        var wrong = uses.Where(u => u.To.Namespace != toy && !u.To.Namespace.StartsWith("System", StringComparison.Ordinal) && !Known.Contains(u.To.Namespace) && u.To.Assembly != u.From.Assembly);
        Assert.Equal("", string.Join("\n", wrong.Select(u => $"{u.From} uses {u.To}").Distinct().Order(StringComparer.Ordinal)));
        var tests = uses.Where(u => u.To.Assembly == u.From.Assembly && u.To.Namespace.StartsWith("Graph", StringComparison.Ordinal) && u.To.Namespace != toy);
        Assert.Equal("", string.Join("\n", tests.Select(u => $"{u.From} uses {u.To}").Distinct().Order(StringComparer.Ordinal)));
    }
}
