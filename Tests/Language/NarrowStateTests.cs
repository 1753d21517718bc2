using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Operations;
using Graph.PtxEmulator;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Mixed;
using Graph.Tests.Ptx.Emission;
using Xunit;

namespace Graph.Tests.Language;

/// <summary>States of a session that are stored in 16 bits: what is assigned is rounded once, what computes sees what the model computes in, and only the part that is assigned is written.</summary>
public sealed class NarrowStateTests
{
    const int Width = 16, Context = 64;

    // Attention over a cache, written with products and with the operation; a loop that appends; a branch that assigns.
    static string Source(string storage) => $$"""
        [Model] [Dim("T", Max = 16, Typical = 4)] public partial class M
        {
            readonly Linear project = new({{Width}}, {{3 * Width}}), head = new({{Width}}, 5);
            readonly State keys = new([{{Context}}, {{Width}}], Init.Zeros, lifetime: StateLifetime.Session{{storage}}), values = new([{{Context}}, {{Width}}], Init.Zeros, lifetime: StateLifetime.Session{{storage}});
            readonly State length = new([], Init.Zeros, lifetime: StateLifetime.Session);

            static Tensor Heads(Tensor x) => x.Reshape(x.Shape[0], 2, {{Width / 2}}).Transpose(0, 1);

            Tensor Place(Tensor x)
            {
                var parts = project.Forward(x).Split({{Width}}, axis: -1);
                keys.AssignAt(parts[1], length.Cast(ElementType.I32));
                values.AssignAt(parts[2], length.Cast(ElementType.I32));
                return parts[0];
            }

            [Entry] public Tensor Next([Shape(1, {{Width}})] Tensor x)
            {
                var query = Place(x);
                length.Assign(length + 1);
                var scores = query.MatMul(keys.T) / 4 + Tensor.Where(Tensor.Arange({{Context}}) < length, 0f, float.NegativeInfinity);
                return scores.Softmax(1).MatMul(values);
            }

            [Entry] public Tensor Attend([Shape("T", {{Width}})] Tensor x)
            {
                var query = Place(x);
                var at = length.Cast(ElementType.I32);
                length.Assign(length + x.Shape[0]);
                return Tensor.ScaledDotProductAttention(Heads(query), Heads(keys), Heads(values), causal: true, position: at);
            }

            [Entry] public Tensor Append([Shape("T", {{Width}})] Tensor x)
            {
                var (_, sums) = Tensor.Scan(length + 0, x, (n, row) =>
                {
                    keys.AssignAt(row.Reshape(1, {{Width}}), n.Cast(ElementType.I32));
                    return (n + 1, keys.Sum());
                });
                length.Assign(length + x.Shape[0]);
                return sums;
            }

            [Entry] public Tensor Keep([Shape({{Context}}, {{Width}})] Tensor x, [Shape] Tensor<float> least)
            {
                Tensor.If(x.Mean() > least, () => { keys.Assign(x); return x.Sum(); }, () => { keys.Assign(keys * 2); return x.Sum(); });
                return keys + 0;
            }

            [Loss] public Tensor Loss([Shape("T", {{Width}})] Tensor x, [Shape("T")] Tensor<int> label) => head.Forward(project.Forward(x).Slice(1, 0, {{Width}}).Relu()).CrossEntropy(label);
            [Train] public static Sgd Optimizer() => new(0.1);
        }
        """;

    static float[] Reals(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }

    static MixedModel Model(string storage, string precision) => MixedModel.Of(Elaborate.Model(Source(storage)).Program, precision);

    static ModelInstance Session(MixedModel model) => model.Instance.NewSession();

    static float[] Run(ModelInstance session, string function, int length, params Array[] arguments)
    {
        var result = new float[length];
        MixedModel.Pinned([.. arguments, result], places =>
        {
            session.Run(function, places);
            return 0;
        });
        return result;
    }

    static DType TypeOf(ModelInstance session, string path) => session.Store[path].Type;

    [Theory]
    [InlineData("", Precisions.Float32, DType.F32)]
    [InlineData("", Precisions.Float16, DType.F32)]
    [InlineData(", storage: StateStorage.Float16", Precisions.Float32, DType.F16)]
    [InlineData(", storage: StateStorage.BFloat16", Precisions.Float32, DType.BF16)]
    [InlineData(", storage: StateStorage.BFloat16", Precisions.Float16, DType.BF16)]
    [InlineData(", storage: StateStorage.Computed", Precisions.Float32, DType.F32)]
    [InlineData(", storage: StateStorage.Computed", Precisions.Float16, DType.F16)]
    [InlineData(", storage: StateStorage.Computed", Precisions.BFloat16, DType.BF16)]
    public void A_cache_is_stored_as_its_model_says_and_a_part_of_it_is_written(string storage, string precision, DType type)
    {
        using var model = Model(storage, precision);
        using var session = Session(model);
        for (var t = 0; t < 5; t++) Run(session, "next", Width, Reals(Width, t));
        Run(session, "attend", 3 * Width, Reals(3 * Width, 9));
        Assert.Equal((type, type, DType.F32), (TypeOf(session, "keys"), TypeOf(session, "values"), TypeOf(session, "length")));
        Assert.Equal(Context * Width * type.Bits() / 8, session.Store["keys"].Bytes);
        foreach (var function in new[] { "next", "attend" })
            foreach (var path in new[] { "keys", "values" })
            {
                var writing = model.Lowered.Find(function)!.Launches.Where(l => l.Operands.Any(o => o.IsWritten && o.Buffer.Kind == BufferKind.State && o.Buffer.Name == path)).ToList();
                Assert.Equal("placed", Assert.IsType<LibraryLaunch>(Assert.Single(writing)).Operation);
            }
        var kept = Run(session, "keep", Context * Width, Reals(Context * Width, 1), new float[] { -5 });
        Assert.Equal(Reals(Context * Width, 1).Select(v => (float)Rounded(v, type)), kept);
        Assert.Equal(kept.Select(v => (float)Rounded(2 * v, type)), Run(session, "keep", Context * Width, Reals(Context * Width, 2), new float[] { 5 }));
    }

    static double Rounded(double value, DType type) => Compiler.Ir.Rounding.Round(value, type);

    // What the documentation states: each number is off by at most half of its last place, and what attention gives of them no more, for it weighs them.
    [Theory]
    [InlineData("Float16", 11)]
    [InlineData("BFloat16", 8)]
    public void What_comes_of_a_cache_is_off_by_what_is_stated(string storage, int bits)
    {
        using var exact = Model("", Precisions.Float32);
        using var narrow = Model($", storage: StateStorage.{storage}", Precisions.Float32);
        using var wide = Session(exact);
        using var session = Session(narrow);
        for (var t = 0; t < 40; t++)
        {
            var x = Reals(Width, t);
            var (expected, actual) = (Run(wide, "next", Width, x), Run(session, "next", Width, x));
            var largest = wide.Store["values"].Values.ToArray().Max(Math.Abs);
            for (var i = 0; i < Width; i++) Assert.InRange(actual[i] - expected[i], -2 * largest * Math.ScaleB(1, -bits), 2 * largest * Math.ScaleB(1, -bits));
            if (t == 39) Assert.NotEqual(expected, actual);
        }
        var (keys, half) = (wide.Store["keys"].Values.ToArray(), Run(session, "keep", Context * Width, new float[Context * Width], new float[] { 5 })); // twice as large, exactly
        for (var i = 0; i < keys.Length; i++) Assert.InRange(half[i] / 2 - keys[i], -Math.Abs(keys[i]) * Math.ScaleB(1, -bits) - 1e-8, Math.Abs(keys[i]) * Math.ScaleB(1, -bits) + 1e-8);
    }

    [Fact]
    public void A_loop_appends_to_a_cache_in_16_bits_where_it_lies()
    {
        using var model = Model(", storage: StateStorage.Float16", Precisions.Float32);
        using var session = Session(model);
        var x = Reals(4 * Width, 3);
        var sums = Run(session, "append", 4, x);
        for (var row = 0; row < 4; row++) Assert.InRange(sums[row] - x[..((row + 1) * Width)].Sum(v => (double)(float)(Half)v), -1e-5, 1e-5);
        Assert.Equal([.. x.Select(v => (Half)v)], session.Store["keys"].Read<Half>()[..(4 * Width)].ToArray());
        var placed = model.Lowered.Find("append")!.Launches.OfType<LibraryLaunch>().Single(l => l.Operation == "placed");
        Assert.Equal((DType.F16, placed.Operands[0].Buffer), (placed.Operands[3].Buffer.DType, placed.Operands[3].Buffer));
    }

    [Theory]
    [InlineData("Float16")]
    [InlineData("BFloat16")]
    public void A_card_keeps_them_too(string storage)
    {
        var program = Elaborate.Model(Source($", storage: StateStorage.{storage}")).Program;
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        using var card = TrainingTests.OnCard(program, driver, 7);
        using var processor = TrainingTests.OnProcessor(program, 7);
        using var onCard = card.NewSession();
        using var onProcessor = processor.NewSession();
        foreach (var (function, rows) in new[] { ("next", 1), ("attend", 3), ("next", 1) })
            foreach (var (expected, actual) in Run(onProcessor, function, rows * Width, Reals(rows * Width, rows)).Zip(Run(onCard, function, rows * Width, Reals(rows * Width, rows))))
                Assert.InRange(actual, expected - 1e-3, expected + 1e-3);
        Assert.Equal(storage == "Float16" ? DType.F16 : DType.BF16, TypeOf(onCard, "keys"));
    }

    // Blocks that are called so often that they stay functions hand their caches on in 16 bits.
    [Fact]
    public void Called_functions_take_and_give_caches_in_16_bits()
    {
        const string Blocks = """
            [Module] public partial class Block
            {
                readonly Linear first = new(8, 8), second = new(8, 8), third = new(8, 8);
                readonly State cache = new([12, 8], Init.Zeros, lifetime: StateLifetime.Session STORAGE);
                public Tensor Forward(Tensor x, Tensor at)
                {
                    cache.AssignAt(first.Forward(x).Tanh(), at);
                    var y = x.MatMul(cache.T).Softmax(-1).MatMul(cache);
                    return third.Forward(second.Forward(y).Gelu() + x).Tanh();
                }
            }
            [Model] public partial class M
            {
                readonly Block[] blocks = [new(), new(), new(), new(), new()];
                [Entry] public Tensor Next([Shape(1, 8)] Tensor x, [Shape] Tensor<int> at)
                {
                    foreach (var block in blocks) x = block.Forward(x, at);
                    return x;
                }
            }
            """;
        using var exact = RunningModel.Of(Blocks.Replace("STORAGE", "", StringComparison.Ordinal));
        using var narrow = RunningModel.Of(Blocks.Replace("STORAGE", ", storage: StateStorage.Float16", StringComparison.Ordinal));
        using RunningModel wide = exact.NewSession(), session = narrow.NewSession();
        for (var t = 0; t < 6; t++)
        {
            var (expected, actual) = (wide.Call("next", 8, Reals(8, t), (int[])[t]), session.Call("next", 8, Reals(8, t), (int[])[t]));
            for (var i = 0; i < 8; i++) Assert.InRange(actual[i] - expected[i], -2e-3, 2e-3);
        }
        Assert.Equal(DType.F16, session.Instance.Store["blocks.3.cache"].Type);
        Assert.DoesNotContain(narrow.Source.Stages.Stages.Single(s => s.Name == "Graph").Program.Functions.SelectMany(f => f.Parameters), p => p.Type.DType == DType.F32 && p.Shape == Shape.Of(12, 8));
    }

    [Fact]
    public void A_state_of_the_model_in_16_bits_is_refused()
    {
        var mistake = Assert.Throws<InvalidOperationException>(() => Elaborate.Model("""
            [Model] public partial class M
            {
                readonly State last = new([4], Init.Zeros, storage: StateStorage.Float16);
                [Entry] public Tensor Next([Shape(4)] Tensor x) => x + last;
            }
            """));
        Assert.Contains("GR2123", mistake.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_text_says_what_a_state_is_stored_in()
    {
        var program = Elaborate.Model(Source(", storage: StateStorage.Computed")).Program;
        var text = ProgramPrinter.Print(program);
        Assert.Contains("session keys : f32[64,16] = zeros stored Computed\n", text, StringComparison.Ordinal);
        Assert.Equal(text, ProgramPrinter.Print(ProgramParser.Parse(text, OperationTable.Set)));
        Assert.Equal(StateStorages.Computed, ProgramParser.Parse(text, OperationTable.Set).FindState("values")!.Storage);
    }

    [Fact]
    public void Eager_code_sees_what_is_stored()
    {
        State state = new([3], Init.Zeros, storage: StateStorage.Float16), other = new([3], Init.Ones);
        Assert.Equal((StateStorage.Float16, StateStorage.Full), (state.Storage, other.Storage));
    }
}
