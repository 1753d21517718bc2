using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Graph.Compiler.Kernels;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Generators.Emission;
using Graph.Operations;
using Graph.Tests.Elaboration;
using Graph.Tests.Passes;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Targets;

/// <summary>A machine is one value: its text says all of it, and everything from elaboration to the kernels asks it.</summary>
public sealed class TargetModelTests
{
    static TargetModel Cpu => KnownTargets.Cpu;

    static TargetModel Small => Cpu with
    {
        Name = "small", Title = "The small one", Kernels = Cpu.Kernels with { Operations = 3, Operands = 3 }, Costs = Cpu.Costs with { Prologue = 0, Again = 0 },
    };

    [Fact]
    public void Equal_models_are_equal_and_have_equal_texts()
    {
        Assert.Equal(Cpu with { }, Cpu);
        Assert.Equal(Small, Small);
        Assert.Equal(Small.GetHashCode(), Small.GetHashCode());
        Assert.NotEqual(Small, Cpu);
    }

    /// <summary>Every property of every part of the model: what the text left out could change kernels under an equal fingerprint.</summary>
    [Fact]
    public void Whatever_changes_the_model_changes_its_text()
    {
        var count = 0;
        foreach (var changed in Changes(Cpu, model => (TargetModel)model))
        {
            Assert.NotEqual(Cpu.Text, changed.Text);
            Assert.NotEqual(Cpu, changed);
            count++;
        }
        Assert.True(count > 25, $"{count} changes");
    }

    // Copies of the model, each with one property of one part changed.
    static IEnumerable<TargetModel> Changes(object part, Func<object, TargetModel> whole)
    {
        foreach (var property in part.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite))
        {
            var old = property.GetValue(part)!;
            object With(object value)
            {
                var copy = part.GetType().GetMethod("<Clone>$")!.Invoke(part, [])!;
                property.SetValue(copy, value);
                return copy;
            }
            switch (old)
            {
                case int number: yield return whole(With(number + 1)); break;
                case long number: yield return whole(With(number + 1)); break;
                case bool flag: yield return whole(With(!flag)); break;
                case string text: yield return whole(With(text + "x")); break;
                case EquatableArray<DType> list: yield return whole(With(list.Add(DType.F16))); break;
                case EquatableArray<ScalarOp> list: yield return whole(With(list.Add(ScalarOp.Add))); break;
                default:
                    foreach (var changed in Changes(old, inner => whole(With(inner)))) yield return changed;
                    break;
            }
        }
    }

    [Fact]
    public void Targets_share_the_programs_of_all_stages_that_do_not_depend_on_them()
    {
        var program = RandomProgram.Create(3, size: 25);
        var both = CompilerPipeline.Run(program with { Training = [new()] }, [Cpu, Small], verify: true);
        foreach (var stage in new[] { "Graph", "Differentiated", "Decomposed" }) Assert.Same(both[0].Find(stage), both[1].Find(stage));
        Assert.Equal([Cpu, Small], both.Select(p => p.Target));
        for (var i = 0; i < both.Length; i++)
        {
            var alone = CompilerPipeline.Run(program, new TrainingProgram(), both[i].Target, verify: true);
            Assert.Equal(ProgramPrinter.Print(alone.Final), ProgramPrinter.Print(both[i].Final));
        }
    }

    [Fact]
    public void The_limits_of_a_target_decide_what_is_one_kernel()
    {
        var model = Elaborate.Built(typeof(Mlp));
        int Launches(TargetModel target) =>
            Lowerer.Lower(CompilerPipeline.Run(model.Program, target, verify: true)).Functions.Sum(f => f.Launches.Length);
        Assert.True(Launches(Small) > Launches(Cpu), $"{Launches(Small)} launches, {Launches(Cpu)} on the CPU");
    }

    /// <summary>A model for two targets gets the refusals of both, each once, at the expression.</summary>
    [Fact]
    public void Elaboration_collects_what_any_target_refuses()
    {
        const string Source = """
            [Model] public partial class M
            {
                [Entry] public Tensor F([Shape(2, 3)] Tensor x) => x.Cast(ElementType.F16);
            }
            """;
        ElaborationResult Result(params TargetModel[] targets) => Elaborate.For(Source, targets);
        Assert.NotNull(Result(Cpu).Model);
        var without = Small with { Types = [DType.F32, DType.I64] };
        var error = Assert.Single(Result(Cpu, without).Diagnostics);
        Assert.Contains("The small one does not compute in f16 yet", error.Message, StringComparison.Ordinal);
        var both = Assert.Single(Result(Cpu with { Title = "The big one", Types = [DType.F32, DType.I64] }, without).Diagnostics).Message;
        Assert.Contains("The big one does not compute in f16 yet", both, StringComparison.Ordinal);
        Assert.Contains("The small one does not compute in f16 yet", both, StringComparison.Ordinal);
        Assert.Equal(error.Message, Assert.Single(Result(without, without).Diagnostics).Message);
    }

    /// <summary>What is remembered of a model while it is edited is what was made for this target.</summary>
    [Fact]
    public void The_target_is_a_part_of_what_emitted_code_is_remembered_by()
    {
        var declaration = new ClassDeclaration("N", [], "M", false, false, false, false, false, false, "N.M");
        var model = Elaborate.Published(typeof(Nn.Linear).Assembly).Values.First();
        Assert.Equal(new ModelInput(declaration, model, [], [Cpu]), new ModelInput(declaration, model, [], [Cpu with { }]));
        Assert.NotEqual(new ModelInput(declaration, model, [], [Cpu]), new ModelInput(declaration, model, [], [Cpu, Small]));
    }
}
