using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ir;

/// <summary>One broken invariant a test. The broken programs are built by hand: no builder or parser makes them.</summary>
public sealed class VerifierTests
{
    static readonly TensorType Vector = new(DType.F32, Shape.Of(Dim.Symbol("B")));
    static readonly TensorType Fixed = new(DType.F32, Shape.Of(3));

    static Program Empty => new("P", [new("B", 8, 4)], [new("w", Fixed, StateKind.Parameter, InitSpec.Zeros)], [], OperationTable.Set);

    static Program With(Function function) => Empty with { Functions = [function] };

    static Node Make(string operation, ImmutableArray<Value> inputs, ImmutableArray<TensorType> types, ImmutableArray<Function> regions = default) =>
        new(OperationTable.Set[operation], inputs, AttributeMap.Empty, regions.IsDefault ? [] : regions, types, []);

    static void Rejects(Program program, string message)
    {
        var e = Assert.Throws<VerificationException>(() => Verifier.Verify(program));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sound_programs_pass()
    {
        var x = Value.Argument(Vector, "x");
        var y = Make("neg", [x], [Vector]);
        Verifier.Verify(With(new("f", [x], [], [y], [y.Output], [])));
    }

    [Fact]
    public void Dimensions_have_one_name() => Rejects(Empty with { Dims = [new("B", 8, 4), new("B", 9, 4)] }, "two dimensions are named B");

    [Theory]
    [InlineData(8, 0)]
    [InlineData(3, 4)]
    public void Dimensions_have_sensible_bounds(long max, long typical) => Rejects(Empty with { Dims = [new("B", max, typical)] }, "1 ≤ typical ≤ max");

    [Fact]
    public void States_have_one_path() => Rejects(Empty with { States = Empty.States.Add(Empty.States[0]) }, "two states are named w");

    [Fact]
    public void States_have_constant_shapes() => Rejects(Empty with { States = [new("w", Vector, StateKind.Parameter, InitSpec.Zeros)] }, "symbolic shape");

    [Fact]
    public void Functions_have_one_name()
    {
        var f = new Function("f", [], [], [], [], []);
        Rejects(Empty with { Functions = [f, f] }, "two functions are named f");
    }

    [Fact]
    public void Parameters_have_one_name() =>
        Rejects(With(new("f", [Value.Argument(Vector, "x"), Value.Argument(Vector, "x")], [], [], [], [])), "two parameters are named x");

    [Fact]
    public void Values_are_defined_before_they_are_used()
    {
        var x = Value.Argument(Vector, "x");
        var y = Make("neg", [x], [Vector]);
        var z = Make("neg", [y.Output], [Vector]);
        Rejects(With(new("f", [x], [], [z, y], [z.Output], [])), "before it is defined");
    }

    [Fact]
    public void Values_of_another_function_cannot_be_used()
    {
        var y = Make("neg", [Value.Argument(Vector, "x")], [Vector]);
        Rejects(With(new("f", [Value.Argument(Vector, "x")], [], [y], [y.Output], [])), "before it is defined");
    }

    [Fact]
    public void Results_are_defined() => Rejects(With(new("f", [], [], [], [Value.Argument(Vector, "x")], [])), "not defined in it");

    [Fact]
    public void Types_are_those_that_the_operation_gives()
    {
        var x = Value.Argument(Vector, "x");
        var y = Make("neg", [x], [Fixed]);
        Rejects(With(new("f", [x], [], [y], [y.Output], [])), "but the operation gives");
    }

    [Fact]
    public void Operands_fit_their_operation()
    {
        var x = Value.Argument(Vector, "x");
        var w = Value.Argument(Fixed, "w");
        var y = Make("add", [x, w], [Vector]);
        Rejects(With(new("f", [x, w], [], [y], [y.Output], [])), "do not broadcast");
    }

    [Fact]
    public void States_that_are_read_are_declared()
    {
        var v = Value.OfState(new("v", Fixed, StateKind.Parameter, InitSpec.Zeros));
        Rejects(With(new("f", [], [v], [], [v], [])), "not declared so");
    }

    [Fact]
    public void States_are_updated_once_with_their_type()
    {
        var x = Value.Argument(Fixed, "x");
        var y = Value.Argument(Vector, "y");
        Rejects(With(new("f", [y], [], [], [], [new("w", y)])), "not declared so");
        Rejects(With(new("f", [x], [], [], [], [new("v", x)])), "not declared so");
        Rejects(With(new("f", [x], [], [], [], [new("w", x), new("w", x)])), "two updates are named w");
    }

    [Fact]
    public void Regions_are_closed()
    {
        var x = Value.Argument(Vector, "x");
        var inner = Value.Argument(Vector, "a");
        var outside = Make("neg", [x], [Vector]);
        var region = new Function("region", [inner], [], [], [outside.Output], []);
        var fused = Make("fused", [x], [Vector], [region]);
        Rejects(With(new("f", [x], [], [outside, fused], [fused.Output], [])), "not defined in it");
    }

    [Fact]
    public void Regions_have_no_states()
    {
        var w = Value.OfState(Empty.States[0]);
        var region = new Function("region", [], [w], [], [w], []);
        var fused = Make("fused", [], [Fixed], [region]);
        Rejects(With(new("f", [], [], [fused], [fused.Output], [])), "a region has states");
    }

    [Fact]
    public void Layouts_are_permutations()
    {
        var program = ProgramParser.Parse("program P version 1\nfunc f(x: f32[2,3]) -> f32[2,3]\n  %0 = neg x : f32[2,3]@[1,1]\n  return %0\n", OperationTable.Set);
        Rejects(program, "is no order of 2 axes");
    }

    [Theory]
    [InlineData("rate, a, a, b", "1 numbers and 2 operands for each parameter, but got 4")]
    [InlineData("rate, a, b", "operand 2 of update is f32[2,2], expected f32[3]")]
    [InlineData("a, a, a", "operand 0 of update is f32[3], expected f32[]")]
    public void A_rule_is_given_its_numbers_and_whole_parameters(string operands, string message)
    {
        var text = $"""
            program P version 1
            dim N ≤ 100 ~ 10
            func rule(value: f32[N], rate: f32[], gradient: f32[N]) -> f32[N]
              %0 = mul gradient, rate : f32[N]
              %1 = sub value, %0 : f32[N]
              return %1
            func f(a: f32[3], b: f32[2,2], rate: f32[]) -> f32[3]
              %0 = update {operands} {"{"}callee="rule"{"}"} : f32[3]
              return %0

            """;
        Assert.Contains(message, Assert.ThrowsAny<System.Exception>(() => Verifier.Verify(ProgramParser.Parse(text, OperationTable.Set))).Message, System.StringComparison.Ordinal);
    }

    [Fact]
    public void Functions_cannot_call_themselves()
    {
        var x = Value.Argument(Vector, "x");
        var call = new Node(StructureOperations.Call, [x], AttributeMap.Of(("callee", "f")), [], [Vector], []);
        Rejects(With(new("f", [x], [], [call], [call.Output], [])), "no function named f before the call");
    }
}
