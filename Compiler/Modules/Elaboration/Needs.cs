using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>What a function needs of its callers and elaboration cannot decide: the values of named dimensions, and of arguments that pick classes and rows.</summary>
static class Needs
{
    /// <summary>The rules that some binding within the bounds may break, each once, at the first line that needs it.</summary>
    public static IEnumerable<Requirement> Sizes(Function function, IReadOnlyCollection<DimSymbol> dims) =>
        All(function).SelectMany(n => n.Operation.SizeRules(n).Select(r => (Rule: r, Origin: n.Origins.FirstOrDefault())))
            .Where(r => r.Rule.Size.Range(dims).Min < r.Rule.Least)
            .GroupBy(r => (r.Rule.Size, r.Rule.Least)).Select(g => g.First())
            .Select(r => new Requirement(function.Name, r.Rule.Size, r.Rule.Least, r.Rule.What, r.Origin));

    // With those of loops' bodies.
    static IEnumerable<Node> All(Function function) => function.Nodes.SelectMany(n => n.Regions.SelectMany(All).Prepend(n));

    /// <summary>The rules on arguments that reach the operation as they are.</summary>
    public static IEnumerable<IndexRange> Indices(Function function) =>
        function.Nodes.SelectMany(n => n.Operation.IndexRules(n).Select(r => (Rule: r, Argument: Arguments.Of(n.Inputs[r.Input]), Origin: n.Origins.FirstOrDefault())))
            .Where(r => r.Argument is not null)
            .GroupBy(r => (r.Argument, r.Rule.Below, r.Rule.Except)).Select(g => g.First())
            .Select(r => new IndexRange(function.Name, r.Argument!.Name!, r.Rule.Below, r.Rule.Except, r.Rule.What, r.Origin));
}
