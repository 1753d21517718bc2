using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.Loader;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.CSharp;
using Graph.Compiler.Targets.Emission;
using Graph.Generators.Emission;
using Graph.Runtime.Execution;
using Graph.Tests.Generators;
using Graph.Tests.Toy;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Targets;

/// <summary>One build compiles a model for several targets: the class runs on the processor and holds the programs, plans and kernels of the others.</summary>
public sealed class SeveralTargetsTests
{
    const string Model = """
        [Dim("B", Max = 8)]
        [Model] public partial class M
        {
            readonly Parameter table = new([5, 3], Init.Zeros);
            [Entry] public Tensor Pick([Shape("B")] Tensor<long> ids) => table.Embedding(ids).Relu();
            [Entry] public Tensor Halved([Shape("B", 4)] Tensor x) => x.Cast(ElementType.F16).Cast(ElementType.F32).Softmax();
            [Loss] public Tensor Loss([Shape("B")] Tensor<long> ids) => (table.Embedding(ids) - 1).Square().Mean();
            [Train] public static Graph.Nn.Sgd Optimizer() => new(0.1);
        }

        [Model] public partial class Small
        {
            [Entry] public Tensor Near([Shape(4)] Tensor x) => x.Cast(ElementType.I4).Cast(ElementType.F32);
        }

        [Model] public partial class Double
        {
            [Entry] public Tensor Near([Shape(4)] Tensor x) => x.Cast(ElementType.F64).Cast(ElementType.F32);
        }

        // What no arithmetic defines: a look at numbers that are computed, and a window of many taps.
        [Dim("B", Max = 8)]
        [Model] public partial class Hard
        {
            readonly Parameter table = new([5, 3], Init.Zeros), filter = new([1, 1, 13, 13], Init.Zeros);
            [Entry] public Tensor Best([Shape("B", 5)] Tensor x) => table.Embedding(x.ArgMax(1)).Relu();
            [Loss] public Tensor Loss([Shape("B", 1, 20, 20)] Tensor image) => image.Conv2d(filter).Square().Mean();
            [Train] public static Graph.Nn.Sgd Optimizer() => new(0.1);
        }
        """;

    /// <summary>Writes kernels down as they are.</summary>
    sealed class Listing(string target) : ITargetEmitter
    {
        public string Target => target;

        public TargetCode Emit(LoweredProgram program, TargetModel model, string nameSpace, string className) =>
            new($"static class {className} {{ public const int Kernels = {program.Kernels.Length}; }}\n", string.Concat(program.Kernels.Select(k => k.Name + "\n" + k.Text)));
    }

    static readonly Lazy<Compilation> Generated = new(() =>
        Harness.Generate(Harness.Compile("Several", [("File0.cs", Harness.Usings + Model)], [MetadataReference.CreateFromFile(typeof(Nn.Sgd).Assembly.Location)])).Compilation);

    static EmittedModel Emit(params TargetModel[] targets) => Emit("M", targets);

    static EmittedModel Emit(string name, params TargetModel[] targets)
    {
        var definitions = Harness.Definitions(Generated.Value);
        var modules = Elaboration.Elaborate.Published(typeof(Nn.Sgd).Assembly).Values.OrderBy(m => m.Name, StringComparer.Ordinal);
        var declaration = new ClassDeclaration("", [], name, false, false, false, false, false, false, name);
        return ModelEmitter.Emit(new(declaration, definitions[name], [.. modules], [.. targets]), [new CSharpEmitter(), new Listing("toy"), new Listing("other")], CancellationToken.None);
    }

    static TargetModel Other => KnownTargets.Cpu with { Name = "other", Title = "The other" };

    /// <summary>Every known target has one emitter, and no emitter is without one.</summary>
    [Fact]
    public void Every_target_has_its_emitter() =>
        Assert.Equal(KnownTargets.All.Select(t => t.Name).Order(StringComparer.Ordinal), KnownEmitters.All.Select(e => e.Target).Order(StringComparer.Ordinal));

    [Fact]
    public void What_runs_on_the_processor_does_not_depend_on_the_other_targets()
    {
        var (alone, both) = (Emit(KnownTargets.Cpu), Emit(Other, KnownTargets.Cpu, ToyTarget.Model));
        Assert.Equal(alone.Kernels, both.Kernels);
        Assert.Null(alone.Targets);
        Assert.False(alone.Members!.HasTargets);
        Assert.Contains("    new(\"other\", static () =>", both.Targets, StringComparison.Ordinal);
        Assert.Contains("    new(\"toy\", static () =>", both.Targets, StringComparison.Ordinal);
    }

    /// <summary>The class as it is built: what it holds for the second machine is read from the assembly and runs there.</summary>
    [Fact]
    public void A_class_holds_what_each_of_its_targets_runs()
    {
        var emitted = Emit(KnownTargets.Cpu, ToyTarget.Model);
        var compilation = Generated.Value;
        compilation = compilation.RemoveSyntaxTrees(compilation.SyntaxTrees.Where(t => Path.GetFileName(t.FilePath) is "M.Model.g.cs" or "M.Kernels.g.cs"))
            .AddSyntaxTrees(Harness.Parse(ModelSource.Write(emitted.Class, emitted.Members!, []), "Model.cs"), Harness.Parse(emitted.Kernels!, "Kernels.cs"), Harness.Parse(emitted.Targets!, "Targets.cs"));
        using var stream = new MemoryStream();
        var built = compilation.Emit(stream);
        Assert.True(built.Success, string.Join("\n", built.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error)));
        stream.Position = 0;
        var context = new AssemblyLoadContext(null, isCollectible: true);
        var type = context.LoadFromStream(stream).GetType("M")!;
        var descriptor = (CompiledModelDescriptor)type.GetField("graphDescriptor", BindingFlags.NonPublic | BindingFlags.Static)!.GetValue(null)!;
        var toy = Assert.Single(descriptor.Targets);
        Assert.Equal("toy", toy.Name);
        var lowered = toy.Lowered(descriptor.Origins.Split('\n'));
        Assert.StartsWith("target toy", lowered.Target, StringComparison.Ordinal);
        Assert.Equal(string.Concat(lowered.Kernels.Select(k => k.Name + "\n" + k.Text)), toy.Code());
        Assert.Equal(lowered.Functions.Length, toy.Plans(lowered).Length);
        Assert.Contains(lowered.Kernels, k => k.Text.Contains("lanes 8", StringComparison.Ordinal));
        Assert.DoesNotContain(descriptor.Compiled.Lowered.Kernels, k => k.Text.Contains("lanes 8", StringComparison.Ordinal));
        Assert.NotNull(type.Assembly.GetType("Graph_M_Kernels_toy"));

        var table = new TensorData(DType.F32, [5, 3], [.. Enumerable.Range(-7, 15).Select(i => (double)i)]);
        var machine = new ToyMachine(lowered);
        machine.Set("table", table);
        var picked = machine.Run("pick", DimBinding.Empty.With("B", 2), new TensorData(DType.I64, [2], [4, 1]))[0];
        Assert.Equal([5, 6, 7, 0, 0, 0], Enumerable.Range(0, 6).Select(i => picked[i]));
        context.Unload();
    }

    /// <summary>An element type that one target lacks is refused by its name, and so is an operation without a kernel: at the expression.</summary>
    [Fact]
    public void What_one_target_lacks_is_an_error_at_the_expression()
    {
        Assert.Contains("The other does not compute in f16 yet", Assert.Single(Emit(KnownTargets.Cpu, Other with { Types = [DType.F32, DType.I64, DType.I32, DType.Bool] }).Diagnostics).Message, StringComparison.Ordinal);

        var refused = Emit("Hard", KnownTargets.Cpu, Other with { Library = KernelCatalog.Of([new("conv2d", [DType.F32])]) });
        Assert.Null(refused.Kernels);
        var error = Assert.Single(refused.Diagnostics);
        Assert.Equal("GR2080", error.Id);
        Assert.StartsWith("The other has no kernel for embedding and cannot make it of other operations. The other has no kernel for check_index; an exception", error.Message, StringComparison.Ordinal);
        Assert.NotEqual(Graph.Compiler.Modules.Location.None, error.Location);
    }

    /// <summary>What cards do not compute: integers of 4 bits and float64, said by name at the expression; the class compiles for the processor alone.</summary>
    [Theory]
    [InlineData("Small", "The GPU does not compute in i4 yet")]
    [InlineData("Double", "The GPU does not compute in f64 yet")]
    public void What_cards_lack_is_an_error_at_the_expression(string model, string message)
    {
        Assert.NotNull(Emit(model, KnownTargets.Cpu).Kernels);
        var refused = Emit(model, KnownTargets.Cpu, KnownTargets.Ptx);
        Assert.Null(refused.Kernels);
        Assert.All(refused.Diagnostics, d => Assert.Contains(message, d.Message, StringComparison.Ordinal));
        Assert.NotEqual(Graph.Compiler.Modules.Location.None, Assert.Single(refused.Diagnostics).Location);
    }

    /// <summary>What other operations define needs no kernel, in the gradient either.</summary>
    [Fact]
    public void What_one_target_lacks_is_made_of_what_it_has()
    {
        var made = Emit(KnownTargets.Cpu, Other with { Library = KernelCatalog.Of([]) });
        Assert.Empty(made.Diagnostics);
        Assert.Equal(Emit(KnownTargets.Cpu).Kernels, made.Kernels);
        Assert.Contains("    new(\"other\", static () =>", made.Targets, StringComparison.Ordinal);
    }

    /// <summary>The gradient of what a target has may need what it has not: said at the expression that it is the gradient of.</summary>
    [Fact]
    public void What_a_gradient_lacks_is_an_error_at_what_it_is_the_gradient_of()
    {
        OwnKernel[] some = [new("conv2d", [DType.F32]), new("embedding", [DType.F32]), new("check_index", [DType.I64])];
        var refused = Emit("Hard", KnownTargets.Cpu, Other with { Library = KernelCatalog.Of(some) });
        var error = Assert.Single(refused.Diagnostics);
        Assert.Equal("GR2080", error.Id);
        Assert.StartsWith("The other has no kernel for conv2d_grad_weight; its window of 13 by 13 has more than the 144 taps that are written out. train_step needs it", error.Message, StringComparison.Ordinal);
        // The lambda's body of Loss, not the class.
        Assert.NotEqual(Graph.Compiler.Modules.Location.None, error.Location);
        Assert.NotEqual(Harness.Definitions(Generated.Value)["Hard"].Location, error.Location);
        Assert.NotNull(Emit("Hard", KnownTargets.Cpu, Other with { Library = KernelCatalog.Of([.. some, new("conv2d_grad_weight", [DType.F32])]) }).Kernels);
    }

    /// <summary>Kernels for some types are no kernels for others, and the message says which there are.</summary>
    [Fact]
    public void A_kernel_for_another_type_is_none()
    {
        var refused = Emit("Hard", KnownTargets.Cpu, Other with { Library = KernelCatalog.Of([new("check_index", [DType.I64]), new("conv2d", [DType.F16, DType.BF16]), new("conv2d_grad_weight", [DType.F32])]) });
        Assert.Contains("computes conv2d in f16 and bf16 alone, but got f32", refused.Diagnostics[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_target_has_is_a_part_of_its_value()
    {
        var some = Other with { Library = KernelCatalog.Of([new("embedding", [DType.F32])]) };
        Assert.NotEqual(Other, some);
        Assert.Equal(some, Other with { Library = KernelCatalog.Of([new("embedding", [DType.F32])]) });
        Assert.NotEqual(some, Other with { Library = KernelCatalog.Of([new("embedding", [DType.F16])]) });
        Assert.NotEqual(Other with { Library = KernelCatalog.Of([]) }, Other);
        Assert.Contains("library embedding:f32", some.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("library", Other.Text, StringComparison.Ordinal);
    }
}
