using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Graph.Compiler.Passes;
using Xunit;

namespace Graph.Tests.Rooms;

/// <summary>
/// The rooms of the house lie above one another as docs/architecture.md draws them: a room uses what lies in lower lines of the drawing alone. Rooms are the namespaces of the compiler and the assemblies around it.
/// </summary>
public class RoomsTests
{
    const string CompilerAssembly = "Graph.Compiler";

    static readonly Assembly[] Assemblies =
    [
        typeof(CompilerPipeline).Assembly, typeof(Tensor).Assembly, typeof(Nn.Linear).Assembly, typeof(Device).Assembly, typeof(Ui.TrainingDisplay).Assembly, typeof(Graph.Generators.ModelGenerator).Assembly,
    ];

    static readonly Lazy<IReadOnlyList<Use>> All = new(() => [.. Assemblies.SelectMany(a => Uses.Of(a.Location)).Where(u => Room(u.From) is { } from && Room(u.To) is { } to && from != to)]);

    // The room of a type; null for what is not the house's: the framework, Roslyn, types that a compiler adds.
    static string? Room(TypeName type) =>
        type.Assembly == CompilerAssembly ? (type.Namespace.StartsWith(CompilerAssembly, StringComparison.Ordinal) ? type.Namespace : null)
        : Assemblies.Any(a => a.GetName().Name == type.Assembly) ? type.Assembly : null;

    // From top to bottom; rooms of one line do not use each other.
    static IReadOnlyList<string[]> Drawing()
    {
        var lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "architecture.md"));
        return [.. lines.SkipWhile(l => l != "```rooms").Skip(1).TakeWhile(l => l != "```").Select(l => l.Split(';')[0].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
    }

    static Dictionary<string, int> Lines() => Drawing().SelectMany((rooms, line) => rooms.Select(room => (room, line))).ToDictionary(p => p.room, p => p.line);

    [Fact]
    public void Every_room_is_drawn()
    {
        var compiler = Assemblies[0].GetTypes().Select(t => Room(new(CompilerAssembly, t.Namespace ?? "", t.Name))).OfType<string>();
        Assert.Equal(compiler.Concat(Assemblies.Skip(1).Select(a => a.GetName().Name!)).Distinct().Order(StringComparer.Ordinal), Lines().Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_room_uses_only_rooms_that_are_drawn_below_it()
    {
        var line = Lines();
        var wrong = All.Value.Where(u => line.GetValueOrDefault(Room(u.From)!, -1) >= line.GetValueOrDefault(Room(u.To)!, int.MaxValue));
        Assert.Equal("", string.Join("\n", wrong.Select(u => $"{u.From} uses {u.To}").Distinct().Order(StringComparer.Ordinal)));
    }

    /// <summary>The reader sees what it should: a signature, a base, a body, a lambda in a body.</summary>
    [Theory]
    [InlineData("Graph.Compiler.Ir.Text.ProgramPrinter", "Graph.Compiler.Ir.Program")]
    [InlineData("Graph.Compiler.Passes.Simplify", "Graph.Compiler.Passes.FunctionPass")]
    [InlineData("Graph.Compiler.Passes.Simplify", "Graph.Compiler.Passes.Rules.Simplifier")]
    [InlineData("Graph.Compiler.Passes.Fusion.Legality", "Graph.Compiler.Space.AxisMap")]
    public void Uses_are_read_from_signatures_and_bodies(string from, string to)
    {
        var uses = Uses.Of(Assemblies[0].Location);
        Assert.Contains(uses, u => u.From.ToString() == from && u.To.ToString() == to);
    }
}
