using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Operations;
using Graph.Tests.Ops;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Every operation with a kernel of the library: its operands may lie anywhere, but for those that docs/kernels.md names with the reason.</summary>
public sealed class DenseOperandTests
{
    // What the table of the page says: operation, number of the operand, why.
    static IReadOnlyList<(string Operation, int Operand, string Reason)> Table() =>
    [
        .. File.ReadAllLines(Path.Combine(Repository.Root, "docs", "kernels.md")).SkipWhile(l => l != "```dense").Skip(1).TakeWhile(l => l != "```")
            .Select(l => l.Split(';', 2, StringSplitOptions.TrimEntries)).Select(l => (l[0].Split(' ')[0], int.Parse(l[0].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), l[1])),
    ];

    // The operation of operands that lie the other way around: what was the last axis is the first in memory.
    static Program Of(LibrarySamples.Sample sample, out Node node) => LibrarySamples.Program(
        sample, (b, type, name) => type.Shape.Rank switch
        {
            0 => b.Argument(type, name),
            1 => b.Apply("flip", [b.Argument(type, name)], AttributeMap.Of(("axes", new[] { 0 })))[0],
            var rank => b.Transpose(b.Argument(type.With(new(type.Shape.Reverse())), name), [.. Enumerable.Range(0, rank).Reverse()]),
        }, out node);

    [Fact]
    public void The_page_names_every_operand_that_has_to_be_dense()
    {
        var names = OperationTable.Set.All.Where(o => o.Kind is OpKind.Contract or OpKind.Convolution or OpKind.Library).Select(o => o.Name).Order(StringComparer.Ordinal);
        Assert.Equal(names, LibrarySamples.All.Select(s => s.Operation).Distinct().Order(StringComparer.Ordinal));
        var dense = new SortedSet<(string, int)>();
        foreach (var sample in LibrarySamples.All)
        {
            Of(sample, out var node);
            var traits = node.Operation.Library(node)!;
            dense.UnionWith(Enumerable.Range(0, node.Inputs.Length).Where(i => !traits.Strided.Contains(i) && node.Inputs[i].Shape.Rank > 0).Select(i => (node.Name, i)));
        }
        Assert.Equal(dense, Table().Select(t => (t.Operation, t.Operand)).Order());
        Assert.All(Table(), t => Assert.NotEmpty(t.Reason));
    }

    public static TheoryData<int> Numbers => [.. Enumerable.Range(0, LibrarySamples.All.Length)];

    [Theory, MemberData(nameof(Numbers))]
    public void Nothing_else_is_copied(int number)
    {
        var sample = LibrarySamples.All[number];
        var program = Of(sample, out var node);
        using var one = new CompiledFunctions(program);
        using var two = new CompiledFunctions(program, threads: 2);
        var copied = Table().Count(t => t.Operation == sample.Operation && t.Operand < sample.Operands.Length);
        // What only puts operands side by side is copies and nothing else.
        var launches = one.Lowered.Functions[0].Launches;
        Assert.Equal(node.Operation.Library(node)!.Parts.Length + copied, launches.Count(l => l is LoopLaunch));
        Assert.True(launches.Length - launches.Count(l => l is LoopLaunch) <= 1);
        var random = new Random(number);
        TensorData[] arguments =
        [
            .. program.Functions[0].Parameters.Select(p =>
            {
                var data = new TensorData(p.DType, p.Shape.Evaluate(DimBinding.Empty));
                for (long i = 0; i < data.Size; i++) data[i] = p.DType == DType.I32 ? random.Next(5) : (float)random.NextDouble() + 0.25f;
                return data;
            }),
        ];
        var (expected, actual, again, toyed) = (one.Reference("f", arguments), one.Run("f", arguments), two.Run("f", arguments), new ToyMachine(one.Lowered).Run("f", DimBinding.Empty, arguments));
        for (var r = 0; r < expected.Length; r++)
            for (long i = 0; i < expected[r].Size; i++)
            {
                // Of what an attention gave, and of what normalizes it, the reference takes no notice: it makes them again.
                if (sample.Operation != "scaled_dot_product_attention_grad") Assert.True(Math.Abs(expected[r][i] - actual[r][i]) <= 1e-5 * (1 + Math.Abs(expected[r][i])), $"result {r}[{i}] of {sample.Operation} is {actual[r][i]:R}, expected {expected[r][i]:R}");
                Assert.True(actual[r][i].Equals(again[r][i]), $"result {r}[{i}] of {sample.Operation} is {actual[r][i]:R}, {again[r][i]:R} on two threads");
                Assert.True(Math.Abs(toyed[r][i] - actual[r][i]) <= 1e-6 * (1 + Math.Abs(actual[r][i])), $"result {r}[{i}] of {sample.Operation} is {actual[r][i]:R}, {toyed[r][i]:R} on the toy");
            }
    }
}
