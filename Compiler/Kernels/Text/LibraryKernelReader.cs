using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels.Text;

/// <summary>Reads kernels that targets bring for themselves: products, convolutions and what is known by its operation's name.</summary>
/// <param name="t">The text.</param>
/// <param name="kernels">Those before, by name: bodies of products are among them.</param>
sealed class LibraryKernelReader(TextCursor t, IReadOnlyDictionary<string, Kernel> kernels)
{
    /// <summary>The kernel; null when the text begins none of them.</summary>
    public Kernel? TryRead(string name) =>
        t.TryWord("product") ? Product(name) : t.TryWord("convolution") ? Convolution(name) : t.TryWord("attention") ? Attention(name) : t.TryWord("pack") ? Pack(name) : t.TryWord("library") ? Library(name) : null;

    LoopKernel Body(string name) => kernels.TryGetValue(name, out var kernel) && kernel is LoopKernel { IsTile: true } tile ? tile : throw new FormatException($"there is no tile function {name}");

    ImmutableArray<Extent> Extents(int count)
    {
        var list = ImmutableArray.CreateBuilder<Extent>();
        do list.Add(LoopKernelReader.ReadExtent(t)); while (t.Try(','));
        t.EndLine();
        return list.Count == count ? list.ToImmutable() : throw new FormatException($"expected {count} sizes, not {list.Count}");
    }

    ProductSums Sums()
    {
        t.ExpectWord("sums");
        return ProductSums.Parse(t.RestOfLine());
    }

    Workspace? Workspace()
    {
        if (!t.TryWord("workspace")) return null;
        int? pointer = null;
        if (!t.TryWord("alone"))
        {
            t.Expect('p');
            pointer = (int)t.Integer();
        }
        return new(pointer, PackingModel.Parse(t.RestOfLine()));
    }

    ProductKernel Product(string name)
    {
        var accumulator = t.DType();
        t.EndLine();
        t.ExpectWord("sizes");
        var sizes = Extents(6);
        var (a, makesA, _) = Operand("a");
        var (b, makesB, isPackedB) = Operand("b");
        var (c, takes, _) = Operand("c");
        Access? sumsOfA = null, sumsOfB = null, sumsOfC = null;
        var lanes = 0;
        while (t.TryWord("adds"))
        {
            var operand = t.Word();
            if (operand == "c")
            {
                t.ExpectWord("lanes");
                lanes = (int)t.Integer();
                sumsOfC = LoopKernelReader.ReadAccess(t);
                t.EndLine();
                continue;
            }
            t.ExpectWord(ReductionOrder.Text(1));
            if (operand == "a") sumsOfA = LoopKernelReader.ReadAccess(t);
            else if (operand == "b") sumsOfB = LoopKernelReader.ReadAccess(t);
            else throw new FormatException($"a product has no operand {operand}");
            t.EndLine();
        }
        return new(name, accumulator, sizes.RemoveRange(3, 3), sizes[3], sizes[4], sizes[5], a, b, c, makesA, makesB, takes?.Body, Sums(), Workspace()) { SumsOfA = sumsOfA, SumsOfB = sumsOfB, SumsOfC = sumsOfC, LanesOfC = lanes, IsPackedB = isPackedB };
    }

    // A place, which begins with the pointer's number, or a body.
    (Access?, TileMaker?, bool IsPacked) Operand(string name)
    {
        t.ExpectWord(name);
        t.Skip();
        (Access?, TileMaker?, bool) operand = t.Peek == 'p' ? (LoopKernelReader.ReadAccess(t), null, t.TryWord("packed")) : (null, new TileMaker(Body(t.Word()), t.TryWord("transposed")), false);
        t.EndLine();
        return operand;
    }

    ConvolutionKernel Convolution(string name)
    {
        var word = t.Word();
        var kind = new[] { ConvolutionKind.Forward, ConvolutionKind.ImageGradient, ConvolutionKind.WeightGradient }.Where(k => k.ToString().ToLowerInvariant() == word).Select(k => (ConvolutionKind?)k).FirstOrDefault()
            ?? throw new FormatException($"'{word}' is no convolution");
        var accumulator = t.DType();
        t.EndLine();
        t.ExpectWord("sizes");
        var sizes = Extents(9);
        var (stride, padding, dilation) = (Pair("stride"), Pair("padding"), Pair("dilation"));
        t.ExpectWord("groups");
        var groups = (int)t.Integer();
        t.EndLine();
        var operands = ImmutableArray.CreateBuilder<ConvolutionOperand>();
        while (t.TryWord("access"))
        {
            if (t.Integer() != operands.Count) throw new FormatException($"the next access is number {operands.Count}");
            t.Expect(':');
            t.Skip();
            operands.Add(t.Peek == 'p' ? new(LoopKernelReader.ReadAccess(t), null) { IsPacked = t.TryWord("packed") } : new(null, Body(t.Word())));
            t.EndLine();
        }
        if (operands.Count < 2) throw new FormatException("a convolution reads two tensors");
        LoopKernel? epilogue = null;
        if (t.TryWord("then"))
        {
            epilogue = Body(t.Word());
            t.EndLine();
        }
        return new(name, kind, accumulator, sizes, new(stride.First, stride.Second, padding.First, padding.Second, dilation.First, dilation.Second, groups), operands.ToImmutable(), epilogue, Sums(), Workspace());
    }

    PackKernel Pack(string name)
    {
        var isWeight = t.TryWord("weight");
        if (!isWeight) t.ExpectWord("right");
        var type = t.DType();
        t.EndLine();
        t.ExpectWord("sizes");
        var sizes = Extents(isWeight ? 4 : 2);
        t.ExpectWord("groups");
        var groups = (int)t.Integer();
        t.EndLine();
        t.ExpectWord("from");
        var from = ReadPlace();
        t.ExpectWord("to");
        var to = ReadPlace();
        var sums = Sums();
        t.ExpectWord("packing");
        return new(name, isWeight ? PackedOperands.ConvolutionWeight : PackedOperands.ProductRight, type, sizes, groups, from, to, sums, PackingModel.Parse(t.RestOfLine()));
    }

    AttentionKernel Attention(string name)
    {
        var word = t.Word();
        var kind = new[] { AttentionKind.Forward, AttentionKind.Gradient }.Where(k => k.ToString().ToLowerInvariant() == word).Select(k => (AttentionKind?)k).FirstOrDefault() ?? throw new FormatException($"'{word}' is no attention");
        var accumulator = t.DType();
        t.EndLine();
        t.ExpectWord("sizes");
        var sizes = Extents(AttentionKernel.SizeCount);
        var operands = ImmutableArray.CreateBuilder<AttentionOperand>();
        while (!t.TryWord("scale"))
        {
            var role = t.Word();
            operands.Add(new(roles.TryGetValue(role, out var known) ? known : throw new FormatException($"an attention has no {role}"), ReadPlace()));
        }
        var scale = t.Real();
        t.ExpectWord("dropout");
        var dropout = t.Real();
        var isCausal = t.TryWord("causal");
        t.EndLine();
        t.ExpectWord("sums");
        return new(name, kind, accumulator, sizes, isCausal, scale, dropout, operands.ToImmutable(), AttentionTiles.Parse(t.RestOfLine()));
    }

    static readonly Dictionary<string, AttentionRole> roles = ((AttentionRole[])Enum.GetValues(typeof(AttentionRole))).ToDictionary(AttentionKernel.NameOf, StringComparer.Ordinal);

    Access ReadPlace()
    {
        t.Skip();
        var access = LoopKernelReader.ReadAccess(t);
        t.EndLine();
        return access;
    }

    (int First, int Second) Pair(string name)
    {
        t.ExpectWord(name);
        var first = (int)t.Integer();
        t.Expect(',');
        return (first, (int)t.Integer());
    }

    LibraryKernel Library(string name)
    {
        var operation = t.RestOfLine();
        var types = ImmutableArray.CreateBuilder<DType>();
        Types(types);
        var inputs = types.Count;
        t.ExpectWord("->");
        Types(types);
        t.EndLine();
        var attributes = AttributeMap.Empty;
        if (t.Indent == 2)
        {
            attributes = t.Attributes();
            t.EndLine();
        }
        return new(name, operation, attributes, inputs, types.ToImmutable());
    }

    void Types(ImmutableArray<DType>.Builder types)
    {
        t.Expect('(');
        if (t.Try(')')) return;
        do types.Add(t.DType()); while (t.Try(','));
        t.Expect(')');
    }
}
