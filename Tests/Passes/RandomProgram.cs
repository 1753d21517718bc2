using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;

namespace Graph.Tests.Passes;

/// <summary>
/// Writes small random models: a loss over a symbolic batch, with trained parameters, a running statistic, dropout, branches that are used twice and branches that nobody reads.
/// The same seed gives the same program. Values stay of moderate size, and the operations are smooth wherever random arguments fall.
/// </summary>
sealed class RandomProgram
{
    static readonly string[] Unary =
        ["neg", "abs", "sin", "cos", "tanh", "erf", "sigmoid", "relu", "gelu", "silu", "softplus", "leaky_relu", "square", "expm1 tanh", "exp tanh", "log square1", "sqrt square1", "rsqrt square1", "log1p square", "reciprocal square1"];
    static readonly string[] Binary = ["add", "sub", "mul", "maximum", "minimum"];

    readonly Random random;
    readonly Builder b;
    readonly List<Value> pool = [];
    readonly List<StateDecl> states = [];
    readonly List<StateUpdate> updates = [];
    readonly Value seed, ids;
    int streams;

    public const string Optimizer = """
        func update(value: f32[N], gradient: f32[N], m: f32[N], v: f32[N], learning_rate: f32[], step: i64[]) -> (f32[N], f32[N], f32[N])
          %0 = constant {dtype="f32", value=0.9} : f32[]
          %1 = constant {dtype="f32", value=0.1} : f32[]
          %2 = mul m, %0 : f32[N]
          %3 = mul gradient, %1 : f32[N]
          %4 = add %2, %3 : f32[N]
          %5 = mul v, %0 : f32[N]
          %6 = mul gradient, gradient : f32[N]
          %7 = mul %6, %1 : f32[N]
          %8 = add %5, %7 : f32[N]
          %9 = sqrt %8 : f32[N]
          %10 = constant {dtype="f32", value=0.001} : f32[]
          %11 = add %9, %10 : f32[N]
          %12 = div %4, %11 : f32[N]
          %13 = mul %12, learning_rate : f32[N]
          %14 = cast step {dtype="f32"} : f32[]
          %15 = div %13, %14 : f32[N]
          %16 = sub value, %15 : f32[N]
          return %16, %4, %8

        """;

    RandomProgram(int seedNumber, int size)
    {
        random = new(seedNumber);
        // States are declared as the builder goes; it resolves calls only.
        b = new(new("Random" + seedNumber, [], [], [], OperationTable.Set), "forward_loss");
        var batch = Dim.Symbol("B");
        pool.Add(b.Argument(new(DType.F32, Shape.Of(batch, 4)), "x"));
        pool.Add(b.Argument(new(DType.F32, Shape.Of(batch, 2, 4, 4)), "image"));
        ids = b.Argument(new(DType.I32, Shape.Of(batch)), "ids");
        seed = b.Argument(new(DType.I64, Shape.Scalar), "seed");
        for (var i = 0; i < size; i++)
        {
            using var _ = b.At(new Origin(FormattableString.Invariant($"Random.cs:{i + 1}"), "step" + i));
            Step();
        }
    }

    /// <summary>A program with <c>loss</c> of <paramref name="size"/> random steps as the function <c>forward_loss</c>, and an optimizer as <c>update</c>.</summary>
    public static Program Create(int seed, int size = 12)
    {
        var writer = new RandomProgram(seed, size);
        var function = writer.Finish();
        var program = new Program("Random" + seed, [new("B", 6, 3), new("N", 1 << 20, 64)], [.. writer.states], [], OperationTable.Set);
        var update = ProgramParser.Parse("program P version 1\n" + Optimizer, OperationTable.Set).Functions[0];
        return program with { Functions = [update, function] };
    }

    Value Any() => pool[random.Next(pool.Count)];

    Value Any(Func<Value, bool> fits) => pool.Where(fits).OrderBy(_ => random.Next()).First();

    bool Has(Func<Value, bool> fits) => pool.Any(fits);

    Value Parameter(params Dim[] shape)
    {
        var state = new StateDecl("layer" + states.Count + ".weight", new(DType.F32, new(shape)), StateKind.Parameter, new("normal", 0.5));
        states.Add(state);
        return b.State(state);
    }

    Value Apply(string name, ImmutableArray<Value> operands, params (string, Attr)[] attributes) => b.Apply(name, operands, AttributeMap.Of(attributes))[0];

    // Keeps numbers around 1, so that deep programs neither vanish nor explode.
    void Add(Value value) => pool.Add(value.DType == DType.F32 ? value : b.Cast(value, DType.F32));

    void Step()
    {
        var x = Any();
        var last = x.Shape.Rank - 1;
        switch (random.Next(26))
        {
            case 0 or 1 or 2 or 3:
                foreach (var name in Unary[random.Next(Unary.Length)].Split(' ').Reverse())
                    x = name == "square1" ? Apply("add", [Apply("square", [x]), b.Constant(1, DType.F32)]) : Apply(name, [x]);
                Add(x);
                break;
            case 4 or 5 or 6:
                var y = Any(v => Broadcasts(x.Shape, v.Shape));
                Add(Apply(Binary[random.Next(Binary.Length)], [x, y]));
                break;
            case 7:
                Add(Apply(random.Next(2) == 0 ? "mul" : "add", [x, b.Constant(random.Next(-2, 3) * 0.5, DType.F32)]));
                break;
            case 8 when last >= 0:
                Add(Apply(random.Next(2) == 0 ? "softmax" : "log_softmax", [x], ("axis", random.Next(last + 1))));
                break;
            case 9 when last >= 0 && x.Shape[last].IsConstant:
                Add(Apply("layer_norm", [x, Parameter(x.Shape[last]), Parameter(x.Shape[last])]));
                break;
            case 10 when last >= 1 && x.Shape[last].IsConstant:
                Add(Apply("linear", [x, Parameter(4, x.Shape[last]), Parameter(4)]));
                break;
            case 11 when Has(v => v.Shape.Rank >= 2):
                x = Any(v => v.Shape.Rank >= 2);
                Add(Apply("mul", [b.MatMul(x, Apply("tanh", [b.TransposeLast(x)])), b.Constant(0.25, DType.F32)]));
                break;
            case 12 when last >= 0:
                Add(Apply(Pick("sum", "mean", "max", "min", "variance"), [x], ("axis", random.Next(last + 1)), ("keep", random.Next(2) == 0)));
                break;
            case 13 when last >= 1:
                int[] order = [.. Enumerable.Range(0, last + 1).OrderBy(_ => random.Next())];
                Add(b.Transpose(x, order));
                break;
            case 14 when last >= 0:
                Add(b.Reshape(x, random.Next(2) == 0 ? Shape.Of(x.Shape.Size) : x.Shape.Insert(random.Next(last + 2), 1)));
                break;
            case 15 when last >= 0 && x.Shape[last].TryConstant(out var size) && size >= 2:
                var cut = 1 + random.Next((int)size - 1);
                var (left, right) = (b.Slice(x, last, 0, cut), b.Slice(x, last, cut, size));
                Add(Apply("mul", [left, b.Constant(2, DType.F32)]));
                Add(Apply("tanh", [right]));
                if (random.Next(2) == 0) Add(Apply("concat", [right, left], ("axis", last)));
                break;
            case 16 when last >= 0:
                Add(b.Emit("pad", [x], ("axis", last), ("before", new Attr.List([random.Next(2)])), ("after", new Attr.List([random.Next(2)]))));
                break;
            case 17:
                Add(Apply("dropout", [x, seed, b.Emit("random_stream", [], ("name", "drop#" + streams++)), b.Constant(0, DType.I64)], ("rate", 0.25)));
                break;
            case 18:
                Add(Apply("where", [b.Less(b.Constant(0.3, DType.F32), x), Apply("sin", [x]), b.Constant(0.5, DType.F32)]));
                break;
            case 19 when Has(v => v.Shape.Rank == 4 && v.Shape[1].TryConstant(out var _)):
                x = Any(v => v.Shape.Rank == 4 && v.Shape[1].TryConstant(out var _));
                Add(Apply("conv2d", [x, Parameter(2, x.Shape[1], 3, 3), Parameter(2)], ("padding", 1)));
                break;
            case 20 when Has(v => v.Shape.Rank == 4 && v.Shape[2].TryConstant(out var h) && v.Shape[3].TryConstant(out var w) && h >= 2 && w >= 2):
                x = Any(v => v.Shape.Rank == 4 && v.Shape[2].TryConstant(out var h) && v.Shape[3].TryConstant(out var w) && h >= 2 && w >= 2);
                Add(Apply(Pick("max_pool2d", "avg_pool2d"), [x], ("kernel", 2), ("stride", 2)));
                break;
            case 21 when Has(v => v.Shape.Rank >= 2 && v.Shape[1].IsConstant):
                x = Any(v => v.Shape.Rank >= 2 && v.Shape[1].IsConstant);
                var channels = x.Shape[1];
                var normed = b.Apply("batch_norm", [x, Parameter(channels), Parameter(channels)]);
                Add(normed[0]);
                var running = new StateDecl("layer" + states.Count + ".running", new(DType.F32, Shape.Of(channels)), StateKind.Buffer, InitSpec.Zeros);
                states.Add(running);
                updates.Add(new(running.Path, b.Add(b.Mul(b.State(running), b.Constant(0.9, DType.F32)), b.Mul(normed[1], b.Constant(0.1, DType.F32)))));
                break;
            case 22:
                Add(Apply("embedding", [Parameter(5, 4), ids]));
                break;
            case 23 when last >= 0:
                Add(Apply("cumsum", [x], ("axis", random.Next(last + 1))));
                break;
            case 24 when Has(v => v.Shape.Rank >= 3 && v.Shape[v.Shape.Rank - 1].IsConstant):
                x = Any(v => v.Shape.Rank >= 3 && v.Shape[v.Shape.Rank - 1].IsConstant);
                Add(Apply("scaled_dot_product_attention", [x, Apply("sin", [x]), Apply("tanh", [x])], ("causal", random.Next(2) == 0)));
                break;
            case 25 when last >= 0:
                Add(b.Expand(b.Reshape(Apply("mean", [x]), Shape.Scalar), x.Shape));
                break;
            default:
                Add(Apply("tanh", [x]));
                break;
        }
    }

    string Pick(params string[] names) => names[random.Next(names.Length)];

    static bool Broadcasts(Shape a, Shape other)
    {
        try
        {
            Shape.Broadcast(a, other);
            return true;
        }
        catch (ShapeException)
        {
            return false;
        }
    }

    Function Finish()
    {
        var read = new HashSet<Value>(b.Nodes.SelectMany(n => n.Inputs));
        Value loss = Apply("cross_entropy", [Apply("linear", [pool[0], Parameter(5, 4)]), ids]);
        // A few ends are left unread on purpose.
        foreach (var end in pool.Where(v => !read.Contains(v)).Where(_ => random.Next(5) > 0))
            loss = b.Add(loss, Apply("mean", [Apply("tanh", [end])]));
        return b.Build([loss], [.. updates], ["loss"]);
    }
}
