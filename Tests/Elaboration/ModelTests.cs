using System;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Modules.Elaboration;
using Graph.Tests.Snapshots;
using Graph.Yardsticks;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Elaboration;

/// <summary>What becomes of modules: paths, shared weights, modes, random streams, running statistics, optimizers.</summary>
public class ModelTests
{
    static string[] Paths(ElaboratedModel model) => [.. model.Program.States.Select(s => s.Path)];

    [Fact]
    public void Paths_follow_fields_arrays_lists_and_names_with_bases_first()
    {
        var model = Elaborate.Model("""
            [Module] public partial class Base(int n) { protected readonly Parameter scale = new([n], Init.Ones); }
            [Model] public partial class M() : Base(4)
            {
                readonly Linear _first = new(4, 4, bias: false);
                readonly Linear[] stack = [new(4, 4), new(4, 4, bias: false)];
                readonly List<Parameter> loose = [new([4], Init.Zeros), new([4], Init.Zeros, name: "named")];
                public Linear Auto { get; } = new(4, 2, bias: false);
                readonly Linear? none = null;
                [Entry] public Tensor Predict([Shape(1, 4)] Tensor x) => Auto.Forward(stack[1].Forward(stack[0].Forward(_first.Forward(x * scale)))) + loose[0].Sum() + loose[1].Sum() + (none is null ? 0 : 1);
            }
            """);
        Assert.Equal(["scale", "first.weight", "stack.0.weight", "stack.0.bias", "stack.1.weight", "loose.0", "loose.named", "Auto.weight"], Paths(model));
    }

    [Fact]
    public void A_partial_member_is_its_implementing_part_under_the_names_of_the_defining_one()
    {
        var model = Elaborate.Model("""
            [Model] public partial class M
            {
                private partial int Times(int x, int y);
                private partial int Times(int x, int y) => x - y;
                private partial int Three { get; }
                private partial int Three => 3;
                [Entry] public partial Tensor Predict([Shape(1, 4)] Tensor x);
            #pragma warning disable CS8826 // other names
                public partial Tensor Predict(Tensor image) { var y = image.Relu(); { var x = Times(7, Three); return y * x; } }
            }
            """);
        Assert.Equal("x", Assert.Single(model.Program.Functions[0].Parameters).Name);
        Assert.Contains("value=4", ProgramPrinter.Print(model.Program), StringComparison.Ordinal);
    }

    [Fact]
    public void A_shared_parameter_is_one_state_under_the_first_path()
    {
        var model = Elaborate.Model("""
            [Module] public partial class Half(Linear shared) { readonly Linear inner = shared; public Tensor Forward(Tensor x) => inner.Forward(x); }
            [Model] public partial class M
            {
                readonly Linear linear = new(4, 4, bias: false);
                readonly Half a, b;
                readonly Parameter alias;
                public M() { a = new(linear); b = new(linear); alias = linear.Weight; }
                [Entry] public Tensor Predict([Shape(1, 4)] Tensor x) => b.Forward(a.Forward(x)).MatMul(alias.T);
            }
            """);
        Assert.Equal(["linear.weight"], Paths(model));
        Assert.Single(model.Program.Functions[0].States);
    }

    [Fact]
    public void Constructors_chain_and_run_as_in_C()
    {
        var model = Elaborate.Model("""
            [Module] public partial class A(int n) { public readonly int Size = n + 1; public virtual int Grow(int x) => x + 1; }
            [Module] public partial class B : A
            {
                readonly int extra = 10;
                public readonly Parameter P;
                public B(int n) : base(n * 2) { extra += Size; P = new([Grow(extra)], Init.Zeros); }
                public B() : this(3) { }
                public override int Grow(int x) => base.Grow(x) * 2;
            }
            [Model] public partial class M { readonly B b = new(); [Entry] public Tensor Predict([Shape(1)] Tensor x) => x + b.P.Sum(); }
            """);
        // base(6) → Size 7, extra 17, Grow 36.
        Assert.Equal("[36]", model.Program.States.Single().Type.Shape.ToString());
    }

    [Fact]
    public void Calls_through_interfaces_and_overrides_find_the_method_of_the_object()
    {
        var model = Elaborate.Model("""
            [Module] public abstract partial class Shape1 { public abstract Tensor Go(Tensor x); public Tensor Twice(Tensor x) => Go(Go(x)); }
            [Module] public partial class Exp1 : Shape1 { public override Tensor Go(Tensor x) => x.Exp(); }
            [Model] public partial class M
            {
                readonly Sequential net = new(new Linear(4, 3), new Relu(), new Linear(3, 2));
                readonly Shape1 shape = new Exp1();
                [Entry] public Tensor Predict([Shape(1, 4)] Tensor x) => shape.Twice(net.Forward(x));
            }
            """);
        Assert.Equal(["linear", "relu", "linear", "exp", "exp"], model.Program.Functions[0].Nodes.Select(n => n.Name));
        Assert.Equal(["net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias"], Paths(model));
    }

    [Fact]
    public void Dropout_draws_from_streams_of_its_own_in_training_and_is_nothing_elsewhere()
    {
        var model = Elaborate.Model("""
            [Module] public partial class Noisy { public Tensor Forward(Tensor x) => x.Dropout(0.1).Dropout(0.2); }
            [Model] public partial class M
            {
                readonly Noisy a = new(), b = new();
                [Loss] public Tensor Loss([Shape(4)] Tensor x) => b.Forward(a.Forward(x)).Dropout(0.3).Dropout(0).Sum();
                [Train] static Sgd Optimizer() => new();
            }
            """);
        Assert.Equal(["a#0", "a#1", "b#0", "b#1", "#0"], model.Program.Find("forward_loss")!.Nodes.Where(n => n.Is("random_stream")).Select(n => n.Attributes.Text("name")));
        Assert.DoesNotContain(model.Program.Find("loss")!.Nodes, n => n.Is("dropout"));
    }

    [Fact]
    public void A_state_reads_what_was_assigned_and_keeps_it_in_training_and_entries()
    {
        var model = Elaborate.Model("""
            [Model] public partial class M
            {
                readonly State count = new([1], Init.Zeros);
                [Entry] public Tensor Read([Shape(1)] Tensor x) { count.Assign(count + 1); return x + count; }
                [Loss] public Tensor Loss([Shape(1)] Tensor x) { count.Assign(count + 1); count.Assign(count * x); return count.Sum(); }
                [Train] static Sgd Optimizer() => new();
            }
            """);
        // What is returned after the assignment is the new value, and so is what is kept.
        var read = model.Program.Find("read")!;
        Assert.Equal(["constant", "add", "add"], read.Nodes.Select(n => n.Name));
        Assert.Same(read.Nodes[1].Output, Assert.Single(read.Updates).Value);
        // An evaluated loss sees what it assigned, and keeps nothing.
        var loss = model.Program.Find("loss")!;
        Assert.Empty(loss.Updates);
        Assert.Equal(["constant", "add", "mul", "sum"], loss.Nodes.Select(n => n.Name));
        var training = model.Program.Find("forward_loss")!;
        Assert.Equal("mul", Assert.Single(training.Updates).Value.Producer!.Name);
        Assert.Equal(["constant", "add", "mul", "sum"], training.Nodes.Select(n => n.Name));
    }

    [Fact]
    public void Sizes_with_names_stay_exact()
    {
        var model = Elaborate.Model("""
            [Model] [Dim("B", Max = 8), Dim("T", Max = 16)] public partial class M
            {
                [Entry] public Tensor Predict([Shape("B", "T", 6)] Tensor x)
                {
                    int b = x.Shape[0], t = x.Shape[1];
                    if (b * t > 128 || t < 1) throw new ArgumentException("unreachable");
                    var y = x.Reshape(b * t, x.Shape[^1] / 2, -1);
                    if (y.Shape[0] % t != 0 || y.Shape[0] / b != t || y.Length != x.Length) throw new ArgumentException("unequal");
                    return (y / b).Reshape((b + b) * t / 2, 6) * (x.Length / b / t);
                }
            }
            """);
        Assert.Equal("f32[B*T,6]", model.Program.Functions[0].Results[0].Type.ToString());
    }

    [Fact]
    public void The_optimizer_keeps_its_hyper_parameters_and_states()
    {
        var training = Elaborate.Built(typeof(Mlp)).Program.Training.Single();
        Assert.Equal("m v", string.Join(" ", Assert.Single(training.Rules).States));
        Assert.Equal(1e-4, training.LearningRate);
        Assert.Equal("new AdamW(0.0001, 0.9, 0.999, 1E-08, 0.01, true)", training.Optimizer);
        Assert.Null(training.ClipNorm);
    }

    [Fact]
    public void An_optimizer_state_that_never_changes_is_not_kept()
    {
        var model = Elaborate.Model("""
            [Model] public partial class M
            {
                readonly Parameter w = new([3], Init.Ones);
                [Loss] public Tensor Loss([Shape(3)] Tensor x) => (x * w).Sum();
                [Train(ClipNorm = 0.5)] static Sgd Optimizer() => new(learningRate: 0.5f);
            }
            """);
        Assert.Empty(Assert.Single(model.Program.Training.Single().Rules).States);
        Assert.Equal(0.5, model.Program.Training.Single().ClipNorm);
        Assert.Equal(["value", "gradient", "learning_rate", "step"], model.Program.Find("update")!.Parameters.Select(p => p.Name));
    }

    [Fact]
    public void Entries_return_tuples_with_their_names()
    {
        var model = Elaborate.Model("""
            [Model] public partial class M
            {
                [Entry] public (Tensor Low, Tensor High) BothEnds([Shape(4)] Tensor x) => (x.Min(), x.Max());
            }
            """);
        Assert.Equal("Low High", string.Join(" ", model.Program.Find("both_ends")!.ResultNames));
        Assert.Equal(["both_ends"], model.Entries.Select(e => e.Function));
    }

    [Fact]
    public Task Causal_attention_elaborates_to_what_it_says() => Verify(ProgramPrinter.Print(Elaborate.Model("""
        [Model] [Dim("B", Max = 4), Dim("T", Max = 8)] public partial class M
        {
            readonly Embedding token = new(11, 6);
            readonly MultiHeadSelfAttention attention = new(6, 2, causal: true, dropout: 0.1);
            [Loss] public Tensor Loss([Shape("B", "T")] Tensor<int> tokens, [Shape("B", "T")] Tensor<int> targets)
            {
                var x = token.Forward(tokens);
                for (var i = 0; i < 2; i++) x += attention.Forward(x).Tanh();
                return Losses.TokenCrossEntropy(x.MatMul(token.Weight.T), targets);
            }
            [Train] static AdamW Optimizer() => new();
        }
        """).Program.Find("forward_loss")!, origins: true));

    [Fact]
    public Task A_convolutional_network_elaborates_to_what_it_says() => Verify(ProgramPrinter.Print(Elaborate.Built(typeof(Cnn)).Program));
}
