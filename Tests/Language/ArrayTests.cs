using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels.Text;
using Graph.Operations;
using Graph.Tests.Elaboration;
using Graph.Tests.Models;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Language;

/// <summary>Numbers that the source gives are constants of the program, up to a size.</summary>
public sealed class ArrayTests
{
    const string Source = """
        [Model] [Dim("B", Max = 8, Typical = 3)] public partial class M
        {
            static readonly float[] Weights = [0.25f, 0.5f, 0.25f];
            readonly Tensor table = Tensor.From(Weights, 3);
            readonly Parameter gain = new([3], Init.Values([0.5, 1, 2]));
            readonly State offset = new([3], Init.Values(new float[] { 1, 2, 3 }));
            static float[] Positions(int length, int width)
            {
                var values = new float[length * width];
                for (var t = 0; t < length; t++)
                    for (var i = 0; i < width; i++) values[t * width + i] = (float)(i % 2 == 0 ? Math.Sin(t / Math.Pow(100, i / (double)width)) : Math.Cos(t / Math.Pow(100, (i - 1) / (double)width)));
                return values;
            }
            [Entry] public (Tensor Smooth, Tensor Picked, Tensor Chosen) Look([Shape("B", 3)] Tensor x)
            {
                var order = Tensor.From(new[] { 2, 0, 1 }, 1, 3);
                var mask = Tensor.From(new[] { true, false, true });
                return (x * table + Tensor.From(Weights) + offset, x.Slice(0, 0, 1).Gather(order, 1), Tensor.Where(mask, x, 0));
            }
            [Entry] public Tensor Place([Shape(1, 5, 4)] Tensor x) => x + Tensor.From(Positions(5, 4), 5, 4);
            [Loss] public Tensor Loss([Shape("B", 3)] Tensor x) => (x * gain * table).Square().Mean() + Tensor.Gradient((x * table).Sum(), table).Mean() * 0;
            [Train] public static Sgd Optimizer() => new(learningRate: 0.01);
        }
        """;

    [Fact]
    public void Arrays_are_constants_of_their_element_type()
    {
        using var model = RunningModel.Of(Source);
        float[] x = [1, 2, 3, 4, 5, 6];
        var found = model.Call("look", [6, 3, 6], x);
        float[] weights = [0.25f, 0.5f, 0.25f];
        for (var i = 0; i < 6; i++) Assert.Equal(x[i] * weights[i % 3] + weights[i % 3] + i % 3 + 1, found[0][i], 1e-6);
        Assert.Equal([3f, 1, 2], found[1]);
        Assert.Equal([1f, 0, 3, 4, 0, 6], found[2]);
        var placed = model.Call("place", 20, new float[20]);
        for (var t = 0; t < 5; t++)
            for (var i = 0; i < 4; i++) Assert.Equal(i % 2 == 0 ? Math.Sin(t / Math.Pow(100, i / 4.0)) : Math.Cos(t / Math.Pow(100, (i - 1) / 4.0)), placed[4 * t + i], 1e-6);
    }

    [Fact]
    public void Equal_arrays_are_one_and_types_are_their_own()
    {
        var states = Elaborate.Model(Source).Program.States;
        Assert.Equal(["gain", "offset", "array#0", "array#1", "array#2", "array#3"], states.Select(s => s.Path));
        Assert.Equal(["f32[3]", "i32[1,3]", "bool[3]", "f32[5,4]"], states.Where(s => s.Kind == StateKind.Constant).Select(s => s.Type.ToString()));
    }

    [Fact]
    public void Training_begins_with_the_numbers_and_leaves_constants_alone()
    {
        Assert.InRange(SourceModel.Lower(Source).Train(steps: 3), 0, 1e-4);
        using var model = RunningModel.Of(Source);
        Assert.Equal([0.5f, 1, 2], model["gain"].ToArray());
        model.Step((float[])[1, 2, 3]);
        Assert.NotEqual([0.5f, 1, 2], model["gain"].ToArray());
        Assert.Equal([0.25f, 0.5f, 0.25f], model["array#0"].ToArray());
    }

    [Fact]
    public void No_file_and_no_list_of_parameters_has_them()
    {
        var path = Path.GetTempFileName();
        try
        {
            using RunningModel model = RunningModel.Of(Source), other = RunningModel.Of(Source);
            Assert.Equal(["gain", "offset"], model.Instance.Store.Select(t => t.Path));
            model.Step((float[])[1, 2, 3]);
            model.Instance.SaveCheckpoint(path, null, System.Collections.Immutable.ImmutableDictionary<string, string>.Empty, weightsOnly: false);
            other.Instance.LoadCheckpoint(path, new());
            Assert.Equal(model["gain"].ToArray(), other["gain"].ToArray());
            Assert.Equal(model.Call("place", 20, new float[20]), other.Call("place", 20, new float[20]));
            using var session = model.NewSession();
            Assert.Equal(model.Call("place", 20, new float[20]), session.Call("place", 20, new float[20]));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_program_with_arrays_reads_back()
    {
        var program = Elaborate.Model(Source).Program;
        var text = ProgramPrinter.Print(program);
        Assert.Equal(text, ProgramPrinter.Print(ProgramParser.Parse(text, OperationTable.Set)));
        Assert.Equal(program.States.AsEnumerable(), ProgramParser.Parse(text, OperationTable.Set).States.AsEnumerable());
    }

    [Fact]
    public void A_lowered_program_with_arrays_and_draws_reads_back()
    {
        var text = LoweredText.Write(SourceModel.Lower(Source.Replace("x + Tensor.From(Positions", "x + Tensor.Normal(x.Shape).Dropout(0.5) + Tensor.From(Positions", StringComparison.Ordinal)).Lowered);
        Assert.Contains("values 0.0 (0.25,0.5,0.25) array#0", text, StringComparison.Ordinal);
        Assert.Equal(text, LoweredText.Write(LoweredText.Read(text)));
    }

    [Theory]
    [InlineData("GR2063", "Tensor.From(new float[16385])", "64 KiB")]
    [InlineData("GR2063", "Enumerable.Range(0, 17).Select(i => (Tensor)Tensor.From(Enumerable.Repeat((float)i, 16384).ToArray())).Aggregate((a, b) => a + b)", "1 MiB")]
    [InlineData("GR1023", "Tensor.From(new[] { 1f, 2 }, 3)", "2 numbers do not fill")]
    [InlineData("GR1012", "Tensor.From(new[] { 1f, 2 }, x.Shape[0])", "B")]
    public void What_cannot_be_a_constant_is_refused(string id, string call, string words)
    {
        var error = Elaborate.Error($"[Model] [Dim(\"B\", Max = 4)] public partial class M {{ [Entry] public Tensor Look([Shape(\"B\", 1)] Tensor x) => x + ({call}).Sum(); }}");
        Assert.Equal(id, error.Id);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_initializer_has_as_many_numbers_as_the_shape()
    {
        Assert.Contains("3 numbers", Elaborate.Error("[Model] public partial class M { readonly State s = new([2, 2], Init.Values([1.0, 2, 3])); [Entry] public Tensor Look([Shape(2, 2)] Tensor x) => x + s; }").Message, StringComparison.Ordinal);
        Assert.Contains("[2, 2] has 4", Assert.Throws<ArgumentException>(() => new State([2, 2], Init.Values([1.0, 2, 3]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public Task A_program_with_numbers_of_the_source()
    {
        var program = Elaborate.Model(Source).Program;
        return Verify(ProgramPrinter.Print(program with { Functions = [program.Find("look")!, program.Find("loss")!] }, origins: false));
    }
}
