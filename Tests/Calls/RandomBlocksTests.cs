using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Tests.Models;
using Graph.Tests.Passes;
using Xunit;

namespace Graph.Tests.Calls;

/// <summary>What holds for every model with methods that are called often, tried on some that chance writes.</summary>
public class RandomBlocksTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 24)];

    public static TheoryData<int> Trained => [.. Enumerable.Range(100, 4)];

    [Theory, MemberData(nameof(Seeds))]
    public void A_call_that_is_not_evaluated_leaves_what_evaluating_it_does(int seed)
    {
        var (repeated, evaluated) = (CallModels.Elaborated(RandomBlocks.Source(seed)), CallModels.Elaborated(RandomBlocks.Source(seed, evaluated: true)));
        Assert.Equal(ProgramPrinter.Print(evaluated), ProgramPrinter.Print(repeated));
        // With every origin's path; places are entries of a table that differs by where the lines are.
        static string Paths(Program program) => string.Join("\n", program.Functions.SelectMany(f => f.Nodes).Select(n => n.Name + " " + string.Join(" ", n.Origins)));
        Assert.Equal(Paths(evaluated), Paths(repeated));
        Assert.Equal(evaluated.Requirements.Select(r => r.ToString()), repeated.Requirements.Select(r => r.ToString()));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Every_stage_computes_what_the_program_without_calls_does(int seed)
    {
        var program = CallModels.Elaborated(RandomBlocks.Source(seed));
        var flat = CallModels.Flat(program);
        foreach (var f in flat.Functions.Where(f => f.Name != "update")) Running.Same(Running.Run(flat, f.Name, seed), Running.Run(program, f.Name, seed), $"elaborated {f.Name}", 0);
        // The gradients of all parameters, by what a step makes of them.
        var expected = Running.Run(CallModels.Compiled(flat).Find("Decomposed")!, "train_step", seed);
        foreach (var stage in CallModels.Compiled(program).Stages.Skip(1)) Running.Same(expected, Running.Run(stage.Program, "train_step", seed), stage.Name, 1e-9);
    }

    [Fact]
    public void Most_have_calls()
    {
        var called = Enumerable.Range(0, 24).Count(seed => Callees.Of(CallModels.Elaborated(RandomBlocks.Source(seed))).Any(c => c.Contains("Forward")));
        Assert.InRange(called, 16, 24);
    }

    [Theory, MemberData(nameof(Trained))]
    public void Compiled_steps_train_as_the_reference_does(int seed) => Assert.InRange(SourceModel.Lower(RandomBlocks.Source(seed)).Train(2), 0, 2e-4);
}
