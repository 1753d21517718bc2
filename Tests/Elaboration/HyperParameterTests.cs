using System.Linq;
using Graph.Compiler.Ir.Text;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>Hyper-parameters that compute: the members of records and classes, wherever they are declared and whoever calls them.</summary>
public class HyperParameterTests
{
    const string Net = """
        [Module] public partial class Net(Cfg c)
        {
            readonly Linear first = new(c.Width, c.Hidden);
            public Tensor Forward(Tensor x) => first.Forward(x) * c.Times(2);
        }
        """;

    [Theory]
    [InlineData("public sealed record Cfg(int Width) { public int Hidden => Width * 4; public int Times(int n) => Width * n; }")]
    [InlineData("public readonly record struct Cfg(int Width) { public int Hidden => Width * 4; public int Times(int n) => Width * n; }")]
    [InlineData("public sealed class Cfg(int width) { public int Width => width; public int Hidden => Width * 4; public int Times(int n) => width * n; }")]
    public void A_module_that_another_one_makes_uses_computed_members(string cfg)
    {
        foreach (var model in new[] { "M() : Net(new Cfg(3)) { ", "M { readonly Net net = new(new Cfg(3)); Tensor Forward(Tensor x) => net.Forward(x); " })
        {
            var built = Elaborate.Model(cfg + Net + "[Model] public partial class " + model + "[Entry] public Tensor Predict([Shape(1, 3)] Tensor x) => Forward(x); }");
            Assert.Equal("[12, 3]", built.Program.States[0].Type.Shape.ToString());
            Assert.Contains("value=6", ProgramPrinter.Print(built.Program));
        }
    }

    [Fact]
    public void Overrides_and_implementations_are_called_through_bases_and_interfaces()
    {
        var built = Elaborate.Model("""
            public interface IWidth { int Width { get; } int Of(int n); }
            public abstract record Size { public abstract int Of(int n); public virtual int Start => 1; public override string ToString() => Console.Title; }
            public sealed record Twice : Size { public override int Of(int n) => n * 2; public override int Start => 4; }
            public sealed record Fixed(int Width) : IWidth { public int Of(int n) => Width + n; }
            [Module] public partial class Net(Size size, IWidth width) { readonly Linear layer = new(width.Of(width.Width), size.Of(size.Start)); public Tensor Forward(Tensor x) => layer.Forward(x); }
            [Model] public partial class M { readonly Net net = new(new Twice(), new Fixed(3)); [Entry] public Tensor Predict([Shape(1, 6)] Tensor x) => net.Forward(x); }
            """);
        Assert.Equal("[8, 6]", built.Program.States[0].Type.Shape.ToString());
    }

    // Each module of the library publishes the record with the members that it calls itself; the user of both needs all of them.
    [Fact]
    public void Members_of_a_record_of_another_assembly_come_from_every_module_that_uses_them()
    {
        const string Library = """
            namespace Lib;
            public sealed record Cfg(int Width) { public int Hidden => Width * 4; public int Times(int n) => Width * n; public static int Twice(int n) => n * 2; public int Unused => 1; }
            [Module] public partial class A(Cfg c) { readonly Parameter p = new([c.Hidden], Init.Ones); public Tensor Forward(Tensor x) => x * p; }
            [Module] public partial class B(Cfg c) { public Tensor Forward(Tensor x) => x * c.Times(2) * Cfg.Twice(c.Width); }
            """;
        const string User = "using Lib; [Model] public partial class M { static readonly Cfg c = new(3); [Entry] public Tensor Predict([Shape(1, 12)] Tensor x) => x * c.Hidden * c.Times(5) * Cfg.Twice(7); }";
        Assert.Empty(Diagnose(Library, User));
        var missing = Assert.Single(Diagnose(Library, User.Replace("c.Hidden", "c.Unused")));
        Assert.Contains("The body of Lib.Cfg.get_Unused() is in another assembly and not published", missing.ToString());
    }

    static string[] Diagnose(string library, string user)
    {
        var (published, _) = Harness.Generate(Harness.Compile("Lib", [("L.cs", Harness.Usings + library)]));
        var (generated, _) = Harness.Generate(Harness.Compile("User", [("U.cs", Harness.Usings + user)], [ModuleOutputTests.Reference(published, referenceOnly: false)]));
        return [.. Harness.Analyze(generated).Concat(generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error && d.Id != Harness.Stop)).Select(d => d.ToString())];
    }
}
