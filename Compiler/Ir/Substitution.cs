using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Copies nodes with named dimensions replaced: what a call's callee needs when it is inlined.</summary>
public static class Substitution
{
    /// <summary>The attributes with every list of dimensions substituted.</summary>
    public static AttributeMap Apply(AttributeMap attributes, IReadOnlyDictionary<string, Dim> sizes)
    {
        if (sizes.Count == 0) return attributes;
        foreach (var pair in attributes.All)
            if (pair.Value is Attr.List list)
                attributes = attributes.With(pair.Key, new Attr.List([.. list.Values.Select(d => d.Substitute(sizes))]));
        return attributes;
    }

    /// <summary>A region with its parameters' shapes and all attributes substituted.</summary>
    public static Function Apply(Function region, Program program, IReadOnlyDictionary<string, Dim> sizes)
    {
        var rewriter = new Rewriter(program, region.Name);
        foreach (var p in region.Parameters) rewriter.Map[p] = rewriter.Builder.Argument(p.Type.With(p.Shape.Substitute(sizes)), p.Name!);
        foreach (var node in region.Nodes) Copy(node, rewriter, program, sizes);
        return rewriter.Finish(region);
    }

    /// <summary>Copies a node into a function under construction.</summary>
    public static Node Copy(Node node, Rewriter into, Program program, IReadOnlyDictionary<string, Dim> sizes) =>
        into.Emit(node, Apply(node.Attributes, sizes), [.. node.Regions.Select(r => Apply(r, program, sizes))]);
}
