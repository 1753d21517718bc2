using System;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Nn;
using Graph.Tests.Elaboration;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Language;

/// <summary>Modules in the place of parameters, inside of modules that do not know of them.</summary>
public sealed class ParametrizeTests
{
    const string Source = """
        [Module] public partial class Scaled(Parameter of) : IParametrization
        {
            readonly Parameter gain = new([of.Shape[0], 1], Init.Constant(2));
            public Tensor Forward(Tensor value) => gain * value;
        }
        [Module] public partial class Shifted : IParametrization
        {
            readonly Parameter by = new([], Init.Constant(1));
            public Tensor Forward(Tensor value) => value + by;
        }
        [Module] public partial class Net
        {
            readonly Linear[] layers = [new(3, 3), new(3, 3)];
            readonly Linear head = new(3, 2, bias: false);
            public Tensor Forward(Tensor x)
            {
                foreach (var layer in layers) x = layer.Forward(x);
                return head.Forward(x);
            }
            public Tensor Twice(Tensor x) => head.Forward(x) + head.Forward(x);
        }
        """;

    static string Model(string members) => Source + "[Model] [Dim(\"B\", Max = 8)] public partial class M { " + members + " }";

    [Fact]
    public void What_stands_in_a_parameters_place_is_read_and_the_rest_is_as_it_was()
    {
        using var model = RunningModel.Of(Model("""
            readonly Net net = Parametrize.Register(Parametrize.Register(new Net(), "layers.*.weight", w => new Scaled(w)), "head", _ => new Shifted(), name: "up");
            [Entry] public Tensor Predict([Shape("B", 3)] Tensor x) => net.Forward(x);
            """));
        using var plain = RunningModel.Of(Model("""readonly Net net = new(); [Entry] public Tensor Predict([Shape("B", 3)] Tensor x) => net.Forward(x);"""));
        Assert.Equal(
            ["net.layers.0.weight", "net.layers.0.weight.scaled.gain", "net.layers.0.bias", "net.layers.1.weight", "net.layers.1.weight.scaled.gain", "net.layers.1.bias", "net.head.weight", "net.head.weight.up.by"],
            model.Instance.Store.Select(t => t.Path));
        foreach (var tensor in plain.Instance.Store) Assert.Equal(tensor.Values.ToArray(), model[tensor.Path].ToArray()); // the first numbers are those of its name
        float[] x = [1, -2, 3];
        foreach (var layer in new[] { "net.layers.0.weight", "net.layers.1.weight" }) plain.Set(layer, model[layer].ToArray().Select(v => 2.0 * v));
        plain.Set("net.head.weight", model["net.head.weight"].ToArray().Select(v => v + 1.0));
        foreach (var (expected, actual) in plain.Call("predict", 2, x).Zip(model.Call("predict", 2, x))) Assert.Equal(expected, actual, 1e-5);
    }

    [Fact]
    public void One_behind_another_is_computed_once_and_outside_of_loops()
    {
        var program = Elaborate.Model(Model("""
            readonly Net net = Parametrize.Register(Parametrize.Register(new Net(), "head.weight", w => new Scaled(w)), "head.weight", _ => new Shifted());
            [Entry] public Tensor Twice([Shape("B", 3)] Tensor x) => net.Twice(x);
            [Entry] public Tensor Loop([Shape("B", 3)] Tensor x) => Tensor.Scan(x.Sum(0) * 0, x, (sum, row) => (sum + 1, net.Twice(row.Reshape(1, 3)) + Tensor.If(row.Sum() > 0, () => net.Twice(row.Reshape(1, 3)), () => net.Twice(row.Reshape(1, 3))))).Item2;
            """)).Program;
        foreach (var function in program.Functions) Assert.Equal(["mul", "add"], function.Nodes.Where(n => n.Inputs.Any(i => Reaches(i, "net.head.weight")) && n.Operation.Kind == OpKind.Elementwise).Take(2).Select(n => n.Name));
        Assert.Equal(1, program.Find("twice")!.Nodes.Count(n => n.Name == "mul"));
        var loop = program.Find("loop")!;
        Assert.Equal(1, loop.Nodes.Count(n => n.Inputs.Any(i => i.State == "net.head.weight.scaled.gain")));
        Assert.DoesNotContain("gain", ProgramPrinter.Print(loop.Nodes.Single(n => n.Name == "loop").Regions[0]), StringComparison.Ordinal);

        static bool Reaches(Value value, string state) => value.State == state || value.Producer is { } p && p.Inputs.Any(i => Reaches(i, state));
    }

    [Fact]
    public void A_parametrization_draws_and_knows_its_mode()
    {
        using var model = RunningModel.Of(Source + """
            [Module] public partial class Dropped : IParametrization { public Tensor Forward(Tensor value) => Mode.Training ? value.Dropout(0.5) : value; }
            [Model] public partial class M
            {
                readonly Net net = Parametrize.Register(new Net(), "head.weight", _ => new Dropped());
                [Entry] public Tensor Predict([Shape(1, 3)] Tensor x) => net.Twice(x);
                [Entry(Training = true)] public Tensor Sample([Shape(1, 3)] Tensor x) => net.Twice(x);
            }
            """);
        float[] x = [1, 2, 3];
        Assert.Equal(model.Call("predict", 2, x), model.Call("predict", 2, x));
        Assert.Contains(Enumerable.Range(0, 8), _ => !model.Call("sample", 2, x).SequenceEqual(model.Call("predict", 2, x)));
    }

    [Theory]
    [InlineData("GR2085", """readonly Net net = Parametrize.Register(new Net(), "head.wieght", w => new Scaled(w));""", "\"head.wieght\" fits no parameter of Net, which has layers, head, ")]
    [InlineData("GR2085", """readonly Net net = Parametrize.Register(Parametrize.Register(new Net(), "head", w => new Scaled(w)), "**.gain", w => new Scaled(w));""", "fits no parameter of Net")]
    [InlineData("GR2086", """readonly Net net = Parametrize.Register(new Net(), "head.weight", w => new Short());""", "Short gives f32[3] for net.head.weight, which is f32[2,3]")]
    [InlineData("GR2086", """readonly Net net = Parametrize.Register(new Net(), "head.weight", w => new Whole());""", "Whole gives i32[2,3] for net.head.weight")]
    [InlineData("GR2086", """readonly Net net = Parametrize.Register(new Net(), "head.weight", w => new Selfish(w));""", "reads it, and so itself")]
    [InlineData("GR1036", """readonly Net net = Parametrize.Register(Parametrize.Register(new Net(), "head", w => new Scaled(w)), "head", w => new Scaled(w));""", "net.head.weight.scaled.gain")]
    [InlineData("GR1037", """readonly Net net = new(); Tensor Late(Tensor x) => Parametrize.Register(net, "head.weight", w => new Scaled(w)).Forward(x);""", "said once: in a constructor or a field", "Late(x)")]
    public void What_does_not_fit_is_refused(string id, string member, string message, string result = "net.Forward(x)")
    {
        var error = Elaborate.Error(Source + """
            [Module] public partial class Short : IParametrization { public Tensor Forward(Tensor value) => value.Mean(0); }
            [Module] public partial class Whole : IParametrization { public Tensor Forward(Tensor value) => value.Cast(ElementType.I32); }
            [Module] public partial class Selfish(Parameter of) : IParametrization { public Tensor Forward(Tensor value) => value + of; }
            """ + $$"""
            [Model] public partial class M { {{member}} [Entry] public Tensor Predict([Shape(1, 3)] Tensor x) => {{result}}; }
            """);
        Assert.Equal(id, error.Id);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Eager_code_reads_what_compiled_code_reads()
    {
        var layer = Parametrize.Register(new Linear(3, 2), "weight", _ => new Graph.Yardsticks.Programs.Lora(new([2, 3], Init.Zeros), 1, 1));
        Assert.True(layer.Weight.IsParametrized);
        Assert.False(layer.Bias!.IsParametrized);
        Assert.Equal(["lora"], layer.Weight.ParametrizationNames);
        var error = Assert.Throws<ArgumentException>(() => Parametrize.Register(new Linear(3, 2), "wieght", _ => null!));
        Assert.Contains("No parameter of Linear fits wieght; it has weight, bias", error.Message, StringComparison.Ordinal);
        Assert.Contains("no module", Assert.Throws<ArgumentException>(() => Parametrize.Register("x", "weight", _ => null!)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public Task A_training_step_of_what_stands_in_a_weights_place()
    {
        using var model = RunningModel.Of(Model("""
            readonly Linear head = Parametrize.Register(new Linear(3, 2), "weight", w => new Scaled(w));
            [Loss] public Tensor Loss([Shape("B", 3)] Tensor x) => head.Forward(x).Square().Mean();
            [Train(Updates = ["**.scaled"])] public static Sgd Optimizer() => new(learningRate: 0.1);
            """));
        return Verify(RunningModel.Stage(model.Source, "Graph", "forward_loss") + RunningModel.Stage(model.Source, "Differentiated", "train_step"));
    }
}
