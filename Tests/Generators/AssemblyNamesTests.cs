using System.Linq;
using Graph.Compiler.Modules.Elaboration;
using Graph.Generators;
using Graph.Generators.Caching;
using Graph.Operations;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>Definitions of one full name in several assemblies are several definitions.</summary>
public class AssemblyNamesTests
{
    /// <summary>A library whose net multiplies by <paramref name="factor"/>, by way of <paramref name="how"/>.</summary>
    static MetadataReference Library(string name, int factor, string how, bool referenceOnly) => ModuleOutputTests.Reference(
        Harness.Generate(Harness.Compile(name, [(name + ".cs", Harness.Usings + $$"""
            namespace Shared
            {
                [Module] partial class Block { public Tensor Forward(Tensor x) => x * {{factor}}f; }
                [Module] static partial class Library { public static readonly float Factor = {{factor}}f; public static Tensor Scale(Tensor x) => x * {{factor}}f; }
                enum Kind { {{(factor == 2 ? "Small, Large" : "Large, Small")}} }
                record Options(float Offset = 0) { public float Factor => {{factor}}f + Offset; public static float Default => {{factor}}f; }
                static class Functions { public static readonly float Factor = {{factor}}f; public static float Get() => {{factor}}f; }
                abstract class Scale { public abstract float Factor { get; } }
                class Fixed : Scale { public override float Factor => {{factor}}f; }
            }
            namespace {{name}}
            {
                using Shared;
                [Module] public partial class Net { readonly Block block = new(); readonly Options options = new(); public Tensor Forward(Tensor x) => {{how}}; }
            }
            """)])).Compilation, referenceOnly);

    public static TheoryData<string> Ways => new(
        "block.Forward(x)", "x * options.Factor", "x * Options.Default", "x * Functions.Get()", "x * Functions.Factor", "Library.Scale(x)", "x * Library.Factor",
        "x * (Kind.Small == (Kind)0 ? 2f : 1000f)", "x * ((Scale)new Fixed()).Factor");

    [Theory, MemberData(nameof(Ways))]
    public void Two_libraries_with_a_definition_of_one_name_compute_each_with_its_own(string how)
    {
        foreach (var referenceOnly in new[] { false, true })
        {
            var user = Harness.Compile(
                "User",
                [("U.cs", Harness.Usings + "[Model] public partial class M { readonly LibA.Net a = new(); readonly LibB.Net b = new(); [Entry] public Tensor A([Shape(2)] Tensor x) => a.Forward(x); [Entry] public Tensor B([Shape(2)] Tensor x) => b.Forward(x); }")],
                [Library("LibA", 2, how, referenceOnly), Library("LibB", 1000, how, referenceOnly)]);
            var (_, result) = Harness.Generate(user);
            var target = (ModelTarget)result.Results.Single().TrackedSteps[TrackingNames.Model].Single().Outputs.Single().Value;
            var elaborated = Elaborator.Elaborate(target.Input!.Model, target.Input.Modules.ToDictionary(m => m.Name), OperationTable.Set);
            var program = Assert.IsType<ElaboratedModel>(elaborated.Model).Program;
            Assert.Contains("2", Constant("a"));
            Assert.Contains("1000", Constant("b"));

            string Constant(string function) => program.Find(function)!.Nodes.Single(n => n.Is("constant")).Attributes.ToString()!;
        }
    }

    [Fact]
    public void Methods_that_differ_by_the_assembly_of_a_parameter_are_told_apart()
    {
        var a = Library("LibA", 2, "x", false).WithAliases(["a"]);
        var b = Library("LibB", 1000, "x", false).WithAliases(["b"]);
        MetadataReference Open(string name) => ModuleOutputTests.Reference(
            Harness.Generate(Harness.Compile(name, [(name + ".cs", Harness.Usings + "namespace Open; [Module] public partial class Net { public Tensor Forward(Tensor x) => x; }")])).Compilation, false).WithAliases([name]);
        var user = Harness.Compile(
            "User",
            [("U.cs", "extern alias C; extern alias D;\n" + Harness.Usings + """
                [Model] public partial class M
                {
                    readonly C::Open.Net c = new();
                    readonly D::Open.Net d = new();
                    Tensor Run(C::Open.Net net, Tensor x) => net.Forward(x) * 2f;
                    Tensor Run(D::Open.Net net, Tensor x) => net.Forward(x) * 1000f;
                    [Entry] public Tensor A([Shape(2)] Tensor x) => Run(c, x);
                    [Entry] public Tensor B([Shape(2)] Tensor x) => Run(d, x);
                }
                """)],
            [a, b, Open("C"), Open("D")]);
        var (generated, result) = Harness.Generate(user);
        Assert.Empty(generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error));
        var target = (ModelTarget)result.Results.Single().TrackedSteps[TrackingNames.Model].Single().Outputs.Single().Value;
        var program = Elaborator.Elaborate(target.Input!.Model, target.Input.Modules.ToDictionary(m => m.Name), OperationTable.Set).Model!.Program;
        Assert.Contains("1000", program.Find("b")!.Nodes.Single(n => n.Is("constant")).Attributes.ToString());
        Assert.DoesNotContain("1000", program.Find("a")!.Nodes.Single(n => n.Is("constant")).Attributes.ToString());
    }
}
