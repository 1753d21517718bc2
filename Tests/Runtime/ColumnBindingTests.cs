using System;
using System.Collections.Immutable;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Data;
using Graph.Runtime.Parameters;
using Graph.Examples.Gpt;
using Graph.Runtime.Training;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Columns feed the arguments of their names.</summary>
public sealed class ColumnBindingTests
{
    static int[] Bits(IModel model) => [.. model.Parameters.SelectMany(t => t.Read<float>().ToArray()).Select(BitConverter.SingleToInt32Bits)];

    // y before x, and a column that no loss takes.
    static TableDataset Turned(int rows = 64)
    {
        var (x, y) = SessionTests.Batch(rows, 1);
        return new TableDataset().With("y", y).With("row", Enumerable.Range(0, rows).ToArray()).With("x", x, LineModel.Inputs);
    }

    static BatchLoader Batches(Dataset data) => new(data, 16, new() { Seed = 5 });

    [Fact]
    public async Task Columns_in_another_order_train_to_the_same_bits()
    {
        using var straight = LineModel.Create(seed: 3);
        using var turned = LineModel.Create(seed: 3);
        var expected = await straight.FitAsync(Batches(new LineData(64)), new() { Steps = 9, Validation = Batches(new LineData(32)) });
        var result = await turned.FitAsync(Batches(Turned().SelectColumns("y", "x")), new() { Steps = 9, Validation = Batches(Turned(32).SelectColumns("x", "y")) });
        Assert.Equal(Bits(straight), Bits(turned));
        Assert.Equal(expected.ValidationLoss, result.ValidationLoss);
    }

    // Two columns of one type and shape in the wrong order: nothing but their names tells them apart.
    [Fact]
    public async Task Windows_of_a_text_train_in_either_order_of_their_columns()
    {
        var tokens = Enumerable.Range(0, 500).Select(i => i * i % 31).ToArray();
        async Task<double> Loss(Dataset data)
        {
            using var model = CharacterGpt.Create(seed: 1, threads: 1);
            return (await model.FitAsync(new BatchLoader(data, 2), new() { Steps = 2 })).Loss;
        }
        var windows = new TokenWindows(tokens, 64, "text", "next");
        Assert.Equal(await Loss(windows), await Loss(windows.SelectColumns("next", "text")));
        var error = await Assert.ThrowsAsync<ArgumentException>(() => Loss(new TokenWindows(tokens, 64)));
        Assert.Contains("no column is called text", error.Message, StringComparison.Ordinal);
        Assert.Contains("targets: i32[64] feeds no argument", error.Message, StringComparison.Ordinal);
    }

    static async Task<string> Refusal(Dataset data, string parameter = "data")
    {
        using var model = LineModel.Create();
        var error = await Assert.ThrowsAsync<ArgumentException>(() => parameter == "data"
            ? model.FitAsync(Batches(data)) : model.FitAsync(Batches(new LineData(64)), new() { Validation = Batches(data) }));
        Assert.Equal(parameter, error.ParamName);
        Assert.Equal(0, model.Step);
        return error.Message;
    }

    [Fact]
    public async Task What_is_missing_unknown_or_of_another_type_is_listed()
    {
        var (x, y) = SessionTests.Batch(20, 1);
        Assert.StartsWith(
            "The training data does not fit the loss of Line(x: f32[B,4], y: f32[B]):\n  no column is called y; is Y meant for it?\n  Y: f32[] feeds no argument\nColumns feed",
            await Refusal(new TableDataset().With("x", x, 4).With("Y", y)), StringComparison.Ordinal);
        Assert.Contains("row: i32[] feeds no argument", await Refusal(Turned()), StringComparison.Ordinal);
        Assert.Contains("The validation data does not fit", await Refusal(Turned(), "Validation"), StringComparison.Ordinal);
        Assert.Contains("y is f32[B], but its column has rows of i32[]", await Refusal(new TableDataset().With("x", x, 4).With("y", new int[20])), StringComparison.Ordinal);
        Assert.Contains("but its column has rows of f32[2,2]", await Refusal(new TableDataset().With("x", x, 2, 2).With("y", y)), StringComparison.Ordinal);
        Assert.Contains("but its column has rows of f32[2]", await Refusal(new TableDataset().With("x", new float[40], 2).With("y", y)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_named_dimension_is_one_number_in_all_columns()
    {
        static NamedTensor Argument(string name, params string[] dims) => new(name, new(DType.F32, Shape.Of([.. dims.Select(Dim.Parse)])));
        ImmutableArray<NamedTensor> arguments = [Argument("a", "B", "S", "T"), Argument("b", "B", "T", "S"), Argument("c", "B", "S + T")];
        DataColumn Column(string name, params int[] row) => new(name, DType.F32, [.. row]);
        ImmutableArray<int> Bind(params DataColumn[] columns) => ColumnBinding.Bind("Net", arguments, [.. columns], "training data", "data");

        Assert.Equal([2, 0, 1], Bind(Column("b", 5, 3), Column("c", 8), Column("a", 3, 5)).AsEnumerable());
        // As long as the right one, and so never noticed by its length.
        Assert.Contains("b is f32[B,T,S], but its column has rows of f32[3,5], where a says T = 5", Assert.Throws<ArgumentException>(() => Bind(Column("a", 3, 5), Column("b", 3, 5), Column("c", 8))).Message, StringComparison.Ordinal);
        Assert.Contains("c is", Assert.Throws<ArgumentException>(() => Bind(Column("a", 3, 5), Column("b", 5, 3), Column("c", 9))).Message, StringComparison.Ordinal);
        Assert.Contains("2 columns are called c", Assert.Throws<ArgumentException>(() => Bind(Column("a", 3, 5), Column("b", 5, 3), Column("c", 8), Column("c", 8))).Message, StringComparison.Ordinal);
        Assert.Contains("no column is called a", Assert.Throws<ArgumentException>(() => ColumnBinding.Bind("Net", arguments, default, "training data", "data")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lable", "label")]
    [InlineData("Images", "image")]
    [InlineData("x", null)]
    [InlineData("target", null)]
    public void The_nearest_name_is_what_was_meant(string name, string? meant) => Assert.Equal(meant, NearestName.Of(name, ["image", "label"]));

    // A source of a user's own whose batches are not what it says.
    sealed class Liar(ImmutableArray<DataColumn> told, int bytes) : IBatchSource, IBatchReader
    {
        public ImmutableArray<DataColumn> Columns { get; } = [new("x", DType.F32, [LineModel.Inputs]), new("y", DType.F32, [])];
        ImmutableArray<DataColumn> IBatch.Columns => told;
        public int BatchSize => 4;
        public int Batches => 1;
        public int Count => 4;
        public IBatchReader Open(int epoch, int firstBatch = 0) => this;
        public ReadOnlySpan<byte> Column(int index) => new byte[told[index].Name == "x" ? 4 * 16 : bytes];
        public bool Next() => true;
        public void Dispose()
        {
        }
    }

    [Fact]
    public async Task A_batch_that_is_not_what_its_source_says_is_refused()
    {
        using var model = LineModel.Create();
        ImmutableArray<DataColumn> columns = [new("x", DType.F32, [LineModel.Inputs]), new("y", DType.F32, [])];
        async Task<string> Error(ImmutableArray<DataColumn> told, int bytes) => (await Assert.ThrowsAsync<InvalidOperationException>(() => model.FitAsync(new Liar(told, bytes)))).Message;
        Assert.Equal("A batch holds y: f32[], x: f32[4], but its source says x: f32[4], y: f32[].", await Error([columns[1], columns[0]], 16));
        Assert.Equal("A batch of 4 rows has 12 bytes in the column y: f32[], expected 16.", await Error(columns, 12));
        await model.FitAsync(new Liar(columns, 16));
    }

    [Fact]
    public void A_column_is_read_by_name_and_type()
    {
        using var reader = new BatchLoader(Turned(), 4, new() { Order = BatchOrder.Sequential }).Open(0);
        Assert.True(reader.Next());
        Assert.Equal([0, 1, 2, 3], reader.Values<int>("row").ToArray());
        Assert.Equal(reader.Values<float>(2).ToArray(), reader.Values<float>("x").ToArray());
        Assert.StartsWith("A batch of y, row, x has no column raw; is row meant?", Assert.Throws<ArgumentException>(() => reader.Values<int>("raw").Length).Message, StringComparison.Ordinal);
        Assert.StartsWith("The column row holds i32, not f32.", Assert.Throws<ArgumentException>(() => reader.Values<float>("row").Length).Message, StringComparison.Ordinal);
        Assert.StartsWith("The column row holds i32, not f32.", Assert.Throws<ArgumentException>(() => reader.Values<float>(1).Length).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.Values<float>(3).Length);
    }

    [Fact]
    public void Columns_are_chosen_and_renamed()
    {
        var data = Turned(8).Rename("row", "number").SelectColumns("x", "number");
        Assert.Equal(["x: f32[4]", "number: i32[]"], data.Columns.Select(c => c.ToString()));
        var bytes = new byte[4];
        data.CopyRow(5, 1, bytes);
        Assert.Equal(5, BitConverter.ToInt32(bytes));
        Assert.StartsWith("The dataset has no column numbr; is number meant?", Assert.Throws<ArgumentException>(() => data.SelectColumns("numbr")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => data.Rename("x", "number"));
        Assert.Throws<ArgumentException>(() => data.SelectColumns("x", "x"));
        Assert.Throws<ArgumentException>(() => data.SelectColumns());
        Assert.Throws<ArgumentException>(() => new TableDataset().With("a", new int[2]).With("a", new int[2]));
        Assert.Throws<ArgumentException>(() => new TokenWindows(new int[9], 3, "a", "a"));
    }
}
