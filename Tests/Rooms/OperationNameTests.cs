using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Rooms;

/// <summary>
/// An operation answers for itself: outside of <c>Ops</c> and of the rewriting rules nothing asks for its name. What a pass or a target has to know of an operation is a question to it
/// (<c>View</c>, <c>Reduce</c>, <c>Convolution</c>, <c>Library</c>, <c>Commutes</c>, its scalar expression), so that the next operation is known to all of them.
/// </summary>
public class OperationNameTests
{
    static readonly OperationNames Names = new(OperationTable.Set.All.Select(o => o.Name));

    static IEnumerable<string> Sources() =>
        from room in new[] { "Compiler", "Generators", "Runtime" }
        from file in Directory.EnumerateFiles(Path.Combine(Repository.Root, room), "*.cs", SearchOption.AllDirectories)
        let path = Path.GetRelativePath(Repository.Root, file).Replace('\\', '/')
        where !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal) && !path.StartsWith("Compiler/Passes/Rules/", StringComparison.Ordinal)
            && path != "Compiler/Training/TrainingSignature.cs" // what arguments and results are called
        select path;

    [Fact]
    public void Nothing_compares_an_operations_name()
    {
        var sources = Sources().ToArray();
        Assert.True(sources.Length > 300);
        var found = sources.SelectMany(s => Names.In(File.ReadAllText(Path.Combine(Repository.Root, s))).Select(f => $"{s}:{f}")).ToArray();
        Assert.True(found.Length == 0, string.Join("\n", found));
    }

    [Theory]
    [InlineData("""void F() { if (node.Name == "add") {} }""")]
    [InlineData("""void F() { if ("add" != name) {} }""")]
    [InlineData("""bool F() => node.Operation.Name is "reshape" or "transpose";""")]
    [InlineData("""bool F() => node is { Name: not ("flip" or "prod") };""")]
    [InlineData("""int F() => node.Name switch { "sum" => 1, _ => 2 };""")]
    [InlineData("""void F() { switch (launch.Node.Name) { case "concat": break; } }""")]
    [InlineData("""void F() { switch (node.Name) { case "concat" when x: break; } }""")]
    [InlineData("""bool F() => node.Is("embedding_grad");""")]
    [InlineData("""bool F() => string.Equals(node.Name, "matmul", StringComparison.Ordinal);""")]
    [InlineData("""static readonly HashSet<string> Library = ["pad", "gather"];""")]
    [InlineData("""static readonly HashSet<string> Library = new() { "pad", "gather" };""")]
    [InlineData("""static readonly Dictionary<string, int> Kinds = new() { ["max"] = 1 };""")]
    [InlineData("""const string Scatter = "embedding_grad";""")]
    [InlineData("""bool F() => node.Operation == program.Operations["add"];""")]
    [InlineData("""bool F() => new[] { "conv2d" }.Contains(node.Name);""")]
    public void A_comparison_is_found(string member) => Assert.NotEmpty(Names.In($"class C {{ {member} }}"));

    [Theory]
    [InlineData("""Value F() => b.Emit("add", [x, y]);""")]
    [InlineData("""Value F() => node.Is(ScalarOp.Add) ? b.Node("less", [x, y]).Output : x;""")]
    [InlineData("""static readonly string sort = Implement("sort", Sort);""")]
    [InlineData("""bool F() => Kind is "zeros" or "ones";""")]
    [InlineData("""bool F() => node.Attributes.Text("archetype") == "norm";""")]
    [InlineData("""bool F() => node.Name == "no operation";""")]
    [InlineData("""string[] F() => ["kernel", "floor", "traffic"];""")]
    public void What_is_no_comparison_is_not(string member) => Assert.Empty(Names.In($"class C {{ {member} }}"));
}
