using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>View operations that no pass has ever heard of: what one says of itself is enough for a function to compile right, or it is refused by its name.</summary>
public sealed class UnknownViewTests
{
    /// <summary>Reverses an axis.</summary>
    sealed class Mirror : ViewOperation
    {
        public override string Name => "test_mirror";

        protected override Shape Result(Shape shape, AttributeMap attributes) => shape;

        public override ViewMap View(Node node)
        {
            var (shape, axis) = (node.Inputs[0].Shape, node.Attributes.Axis(node.Inputs[0].Shape));
            return new ViewMap.Strided([.. shape.Select((d, a) => a == axis ? d - 1 : Dim.Zero)], [.. shape.Select((_, a) => a == axis ? new ViewAxis(a, -1) : ViewAxis.Of(a))]);
        }

        public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => g.Of(g.Builder.Emit(Name, [g.OutputGradient], ("axis", g.Attributes.Axis(g.X.Shape)))))];
    }

    /// <summary>Every third element along the last axis, from the second one on; the axes change places.</summary>
    sealed class Thin : ViewOperation
    {
        public override string Name => "test_thin";

        protected override Shape Result(Shape shape, AttributeMap attributes) => Shape.Of((shape[1] - 2).Constant / 3 + 1, shape[0]);

        public override ViewMap View(Node node) => new ViewMap.Strided([0, 1], [new ViewAxis(1, 3), ViewAxis.Of(0)]);
    }

    static readonly OperationSet Set = new(OperationTable.Set.All.Where(o => o.Kind != OpKind.Structure).Concat([new Mirror(), new Thin()]));

    static Value Flip(Builder b, Value x, int axis) => b.Emit("test_mirror", [x], ("axis", axis));

    static Value Third(Builder b, Value x) => b.Emit("test_thin", [x]);

    static readonly Dictionary<string, Func<Builder, Value, Value, Value>> Functions = new()
    {
        ["alone"] = (b, x, y) => Flip(b, x, 1),
        ["alone, thinned"] = (b, x, y) => Third(b, x),
        ["behind elements"] = (b, x, y) => Flip(b, b.Exp(b.Add(x, y)), 0),
        ["before elements"] = (b, x, y) => b.Mul(Flip(b, x, 1), Flip(b, y, 0)),
        ["between elements"] = (b, x, y) => b.Add(b.Exp(Flip(b, b.Mul(x, y), 1)), x),
        ["of itself"] = (b, x, y) => Flip(b, Flip(b, x, 1), 0),
        ["twice"] = (b, x, y) => b.Add(x, Flip(b, Flip(b, y, 1), 1)),
        ["with other views"] = (b, x, y) => Flip(b, b.Reshape(b.Transpose(Flip(b, x, 0), [1, 0]), Shape.Of(4, 12)), 1),
        ["over a slice"] = (b, x, y) => Flip(b, b.Slice(x, 1, 2, 7), 1),
        ["under a slice"] = (b, x, y) => b.Slice(Flip(b, x, 1), 1, 2, 7),
        ["under a reduction"] = (b, x, y) => b.Sum(b.Mul(Flip(b, x, 1), y), [1], keep: false),
        ["over a reduction"] = (b, x, y) => b.Sub(x, Flip(b, b.Max(x, 1, keep: true), 0)),
        ["thinned under a reduction"] = (b, x, y) => b.Sum(Third(b, b.Mul(x, y)), [0], keep: true),
        ["left of a product"] = (b, x, y) => b.Emit("matmul", [Flip(b, x, 1), b.Transpose(y, [1, 0])]),
        ["right of a product"] = (b, x, y) => b.Emit("matmul", [x, b.Transpose(Flip(b, y, 1), [1, 0])]),
        ["thinned in a product"] = (b, x, y) => b.Emit("matmul", [Third(b, x), b.Exp(y)]),
        ["of a product"] = (b, x, y) => b.Add(Flip(b, b.Emit("matmul", [x, b.Transpose(y, [1, 0])]), 0), b.Full(1, new(DType.F32, Shape.Of(6, 6)))),
        ["joined"] = (b, x, y) => b.Emit("concat", [Flip(b, x, 1), y, Flip(b, y, 0)], ("axis", 1)),
        ["repeated"] = (b, x, y) => b.Mul(b.Expand(b.Slice(Flip(b, x, 0), 0, 0, 1), Shape.Of(6, 8)), y),
        ["normalized"] = (b, x, y) => b.Apply("softmax", [Flip(b, x, 1)], AttributeMap.Of(("axis", 1)))[0],
        ["summed along"] = (b, x, y) => b.Apply("cumsum", [Flip(b, x, 1)], AttributeMap.Of(("axis", 1)))[0],
        ["in a window"] = (b, x, y) => b.Emit("conv2d", [Flip(b, b.Reshape(x, Shape.Of(1, 2, 4, 6)), 3), Flip(b, b.Reshape(b.Slice(y, 0, 0, 3), Shape.Of(3, 2, 2, 2)), 0)]),
        ["pooled"] = (b, x, y) => b.Apply("max_pool2d", [Flip(b, b.Reshape(x, Shape.Of(1, 2, 4, 6)), 2)], AttributeMap.Of(("kernel", 2)))[0],
        ["picked"] = (b, x, y) => b.Emit("embedding", [Flip(b, x, 0), b.Expand(b.Constant(2, DType.I64), Shape.Of(3))]),
        ["of integers"] = (b, x, y) => Flip(b, b.Iota(Shape.Of(6, 8), 1, DType.I64), 1),
        ["of a mask"] = (b, x, y) => b.Emit("where", [Flip(b, b.Emit("less", [x, y]), 1), x, y]),
    };

    public static TheoryData<string> Names => [.. Functions.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void It_computes_what_it_says_or_is_refused_by_name(string name) => Check((b, x, y) => [Functions[name](b, x, y)]);

    [Theory]
    [MemberData(nameof(Names))]
    public void So_do_its_gradients(string name) => Check((b, x, y) =>
    {
        var z = Functions[name](b, x, y);
        if (!z.DType.IsFloat()) return [z];
        if (name.Contains("thinned", StringComparison.Ordinal)) return [z]; // that one has no gradient
        var loss = b.Mul(z, z);
        var gradients = ReverseMode.Run(b, 0, [x, y], [loss], [b.Full(1, loss.Type)]);
        return [.. new[] { x, y }.Where(gradients.ContainsKey).Select(v => gradients[v])];
    });

    static void Check(Func<Builder, Value, Value, ImmutableArray<Value>> body)
    {
        TensorType[] types = [new(DType.F32, Shape.Of(6, 8)), new(DType.F32, Shape.Of(6, 8))];
        var program = new Program("views", [], [], [], Set);
        var b = new Builder(program, "f");
        ImmutableArray<Value> operands = [.. types.Select((t, i) => b.Argument(t, "x" + i))];
        program = program with { Functions = [b.Build(body(b, operands[0], operands[1]))] };
        if (program.Functions[0].Nodes.Select(node => KnownTargets.Cpu.Refuse(node, program)).FirstOrDefault(reason => reason is not null) is { } refusal)
        {
            Assert.Contains("test_", refusal, StringComparison.Ordinal);
            return;
        }
        using var compiled = new CompiledFunctions(program);
        TensorData[] x = [.. types.Select((t, o) => new TensorData(t.DType, t.Shape.Evaluate(DimBinding.Empty), [.. Enumerable.Range(0, 48).Select(i => (i * 37 + o * 11) % 64 / 32.0 - 1)]))];
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        for (var r = 0; r < actual.Length; r++)
            for (long i = 0; i < expected[r].Size; i++)
                Assert.Equal(expected[r][i], actual[r][i], 1e-4);
    }
}
