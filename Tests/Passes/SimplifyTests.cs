using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Passes;

public sealed class SimplifyTests
{
    const string Arguments = "x: f32[B,3], y: f32[B,3], s: f32[], n: i64[], b: bool[B,3], q: f32[2,1,3,1]";

    /// <summary>The nodes of a body after simplification, without names and types: <c>mul(x, 0.5)</c>.</summary>
    static string Simplified(string body)
    {
        var lines = body.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var names = Enumerable.Range(0, lines.Length).Select(i => "%" + i).ToArray();
        // The result's type follows from the operations: found by reading once with a wrong one.
        string Text(string type) => $"program P version 1\ndim B ≤ 8 ~ 3\nfunc f({Arguments}) -> {type}\n" + string.Concat(lines.Select((l, i) => $"  {names[i]} = {l}\n")) + $"  return {names[^1]}\n";
        var error = Assert.Throws<FormatException>(() => ProgramParser.Parse(Text("i8[7]"), OperationTable.Set)).Message;
        var type = error.Split("returns ")[1].Split(", but")[0];
        var program = ProgramParser.Parse(Text(type), OperationTable.Set);
        foreach (Pass pass in new Pass[] { new Simplify(), new Cse(), new DeadCode() }) program = pass.RunVerified(program);
        return Expression(program.Functions[0].Results[0]);
    }

    static string Expression(Value value)
    {
        if (value.Producer is not { } node) return value.Name!;
        if (node.Is("constant")) return new Attr.Real(node.Attributes.Real("value")).ToString();
        return node.Name + node.Attributes + "(" + string.Join(", ", node.Inputs.Select(Expression)) + ")";
    }

    [Theory]
    [InlineData("constant {dtype=\"f32\", value=1}\nmul x, %0", "x")]
    [InlineData("constant {dtype=\"f32\", value=0}\nadd x, %0", "x")]
    [InlineData("constant {dtype=\"f32\", value=0}\nmul x, %0", "mul(x, 0.0)")] // not a number times 0 is not 0
    [InlineData("constant {dtype=\"f32\", value=0}\nsub %0, x", "neg(x)")]
    [InlineData("constant {dtype=\"f32\", value=4}\ndiv x, %0", "mul(x, 0.25)")]
    [InlineData("constant {dtype=\"f32\", value=3}\ndiv x, %0", "div(x, 3.0)")] // a third is not a float
    [InlineData("constant {dtype=\"f32\", value=2}\npow x, %0", "mul(x, x)")]
    [InlineData("constant {dtype=\"f32\", value=2}\nmul %0, x", "mul(x, 2.0)")]
    [InlineData("neg x\nneg %0", "x")]
    [InlineData("neg x\nadd %0, y", "sub(y, x)")]
    [InlineData("neg x\nsub y, %0", "add(y, x)")]
    [InlineData("neg x\nneg y\nmul %0, %1", "mul(x, y)")]
    [InlineData("sub x, x", "sub(x, x)")] // infinity less infinity is not 0
    [InlineData("maximum x, x", "x")]
    [InlineData("constant {dtype=\"i32\", value=-1}\nmul b, %0", "mul(b, -1.0)")] // a bool has no opposite
    [InlineData("constant {dtype=\"i32\", value=0}\nsub %0, b", "sub(0.0, b)")]
    [InlineData("cast b {dtype=\"i8\"}\nconstant {dtype=\"i8\", value=-128}\nmul %0, %1\nneg %2", "neg(mul(cast{dtype=\"i8\"}(b), -128.0))")] // 128 is no int8
    public void Arithmetic_keeps_what_rounding_keeps(string body, string expected) => Assert.Equal(expected, Simplified(body));

    [Theory]
    [InlineData("constant {dtype=\"f64\", value=0.1}\nconstant {dtype=\"f64\", value=0.2}\nadd %0, %1\nsqrt %2", 0.30000000000000004)]
    [InlineData("constant {dtype=\"i64\", value=7}\nconstant {dtype=\"i64\", value=2}\ndiv %0, %1", 3.5)]
    [InlineData("constant {dtype=\"i32\", value=2147483647}\nconstant {dtype=\"i32\", value=3}\nadd %0, %1", -2147483646)] // as a kernel would
    [InlineData("dimension {dtype=\"f32\", size=[12]}\nconstant {dtype=\"f32\", value=4}\ndiv %0, %1", 3)]
    public void Constants_are_folded_in_double_precision(string body, double squareOrValue)
    {
        var text = Simplified(body);
        var value = double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(value == squareOrValue || value == Math.Sqrt(squareOrValue), text);
    }

    [Theory]
    [InlineData("less x, y\nlogical_not %0\nwhere %1, x, y", "where(less(x, y), y, x)")]
    [InlineData("where b, x, x", "x")]
    [InlineData("where b, x, y\nwhere b, %0, x", "where(b, x, x)", "x")]
    [InlineData("constant {dtype=\"bool\", value=1}\nwhere %0, x, y", "x")]
    public void Choices_that_are_known_are_made(string body, string expected, string? simpler = null) => Assert.Equal(simpler ?? expected, Simplified(body));

    [Theory]
    [InlineData("cast x {dtype=\"f32\"}", "x")]
    [InlineData("cast x {dtype=\"f64\"}\ncast %0 {dtype=\"f32\"}", "x")]
    [InlineData("cast x {dtype=\"bf16\"}\ncast %0 {dtype=\"f32\"}", "cast{dtype=\"f32\"}(cast{dtype=\"bf16\"}(x))")]
    [InlineData("cast b {dtype=\"i32\"}\ncast %0 {dtype=\"f32\"}", "cast{dtype=\"f32\"}(b)")]
    [InlineData("cast n {dtype=\"i32\"}\ncast %0 {dtype=\"i64\"}", "cast{dtype=\"i64\"}(cast{dtype=\"i32\"}(n))")]
    public void Conversions_vanish_only_when_they_lose_nothing(string body, string expected) => Assert.Equal(expected, Simplified(body));

    [Theory]
    [InlineData("reshape x {shape=[3*B]}\nreshape %0 {shape=[B,3]}", "x")]
    [InlineData("reshape x {shape=[3*B]}\nreshape %0 {shape=[B,1,3]}", "reshape{shape=[B,1,3]}(x)")]
    [InlineData("transpose x {order=[1,0]}\ntranspose %0 {order=[1,0]}", "x")]
    [InlineData("transpose q {order=[2,0,3,1]}\ntranspose %0 {order=[1,0,2,3]}", "reshape{shape=[2,3,1,1]}(q)")]
    [InlineData("transpose x {order=[0,1]}", "x")]
    [InlineData("expand s {shape=[B,1]}\nexpand %0 {shape=[B,3]}", "expand{shape=[B,3]}(s)")]
    [InlineData("expand s {shape=[B,4]}\ntranspose %0 {order=[1,0]}\nslice %1 {axis=0, start=[1], end=[3]}\nreshape %2 {shape=[2*B]}", "expand{shape=[2*B]}(s)")]
    [InlineData("slice x {axis=1, start=[0], end=[3]}", "x")]
    [InlineData("slice x {axis=1, start=[1], end=[3]}\nslice %0 {axis=1, start=[1], end=[2]}", "slice{axis=1, end=[3], start=[2]}(x)")]
    [InlineData("sum q {axes=[1,3], keep=false}", "reshape{shape=[2,3]}(q)")]
    public void Views_compose(string body, string expected) => Assert.Equal(expected, Simplified(body));

    [Theory]
    [InlineData("expand s {shape=[B,3]}\nmul x, %0", "mul(x, s)")]
    [InlineData("expand s {shape=[B,3]}\nexp %0\nadd %1, x", "add(x, exp(s))", "add(exp(s), x)")]
    [InlineData("expand s {shape=[B,3]}\nexp %0", "expand{shape=[B,3]}(exp(s))")]
    [InlineData("reshape s {shape=[1,1]}\nmul x, %0", "mul(x, s)")]
    [InlineData("reshape s {shape=[1,1]}\nexpand %0 {shape=[B,3]}\nmul x, %1", "mul(x, s)")]
    [InlineData("constant {dtype=\"f32\", value=1.0}\nreshape %0 {shape=[1,1]}\nmul x, %1", "x")]
    [InlineData("expand n {shape=[B,3]}\niota {axis=0, dtype=\"i64\", shape=[B,3]}\nadd %0, %1", "add(n, iota{axis=0, dtype=\"i64\", shape=[B,3]}())")]
    public void Elementwise_operations_broadcast_by_themselves(string body, string expected, string? other = null) => Assert.Contains(Simplified(body), new[] { expected, other });

    [Theory]
    [InlineData("concat x, y {axis=1}\nslice %0 {axis=1, start=[3], end=[6]}", "y")]
    [InlineData("pad x {axis=1, before=[1], after=[2]}\nslice %0 {axis=1, start=[1], end=[4]}", "x")]
    [InlineData("pad x {axis=1, before=[3], after=[0]}\npad y {axis=1, before=[0], after=[3]}\nadd %0, %1", "concat{axis=1}(y, x)")]
    [InlineData("pad x {axis=1, before=[3], after=[3]}\npad y {axis=1, before=[6], after=[0]}\nadd %0, %1\npad x {axis=1, before=[0], after=[6]}\nadd %2, %3", "concat{axis=1}(x, x, y)")]
    [InlineData("pad x {axis=1, before=[2], after=[0]}\npad y {axis=1, before=[0], after=[2]}\nadd %0, %1", "add(pad{after=[0], axis=1, before=[2]}(x), pad{after=[2], axis=1, before=[0]}(y))")] // they overlap
    public void Slices_and_joins_undo_each_other(string body, string expected) => Assert.Equal(expected, Simplified(body));

    [Fact]
    public void Random_numbers_of_one_stream_are_one_and_of_two_streams_are_two()
    {
        const string head = "program P version 1\ndim B ≤ 8 ~ 3\nfunc f(n: i64[]) -> (f32[B,3])\n  %0 = constant {dtype=\"i64\", value=0}\n  %1 = linear_index {shape=[B,3]}\n";
        static string Draw(int at, string stream) => $"  %{at} = random_stream {{name=\"{stream}\"}}\n  %{at + 1} = random_uniform n, %{at}, %0, %1\n";
        var program = ProgramParser.Parse($"{head}{Draw(2, "a")}{Draw(4, "a")}{Draw(6, "b")}  %8 = add %3, %5\n  %9 = add %8, %7\n  return %9\n", OperationTable.Set);
        foreach (Pass pass in new Pass[] { new Simplify(), new Cse(), new DeadCode() }) program = pass.RunVerified(program);
        Assert.Equal(2, program.Functions[0].Nodes.Count(n => n.Is("random_uniform")));
    }

    [Fact]
    public void Equal_computations_are_one_whatever_the_order_of_a_sum() => Assert.Equal("mul(add(x, y), add(x, y))", Simplified("add x, y\nadd y, x\nmul %0, %1"));

    [Fact]
    public void What_nobody_needs_is_dropped_with_the_states_it_reads()
    {
        var program = ProgramParser.Parse("program P version 1\nparam w : f32[3] = zeros\nparam v : f32[3] = zeros\nfunc f(x: f32[3]) -> f32[3]\n  %0 = mul x, @w : f32[3]\n  %1 = mul x, @v : f32[3]\n  return %1\n", OperationTable.Set);
        var function = new DeadCode().RunVerified(program).Functions[0];
        Assert.Single(function.Nodes);
        Assert.Equal("v", Assert.Single(function.States).State);
    }

    [Fact]
    public void Inlining_replaces_the_named_dimensions_of_the_callee()
    {
        var program = ProgramParser.Parse("""
            program P version 1
            dim B ≤ 8 ~ 3
            dim M ≤ 8 ~ 3
            func centered(x: f32[M,2]) -> f32[M,2]
              %0 = mean x {axes=[0,1], keep=false} : f32[]
              %1 = expand %0 {shape=[M,2]} : f32[M,2]
              %2 = sub x, %1 : f32[M,2]
              return %2
            func f(x: f32[2*B,2], y: f32[4,2]) -> (f32[2*B,2], f32[4,2])
              %0 = call x {callee="centered"} : f32[2*B,2]
              %1 = call y {callee="centered"} : f32[4,2]
              return %0, %1
            """, OperationTable.Set);
        var function = new Inline().RunVerified(program).Find("f")!;
        Assert.DoesNotContain(function.Nodes, n => n.Is("call"));
        Assert.Equal(["[2*B, 2]", "[4, 2]"], function.Nodes.Where(n => n.Is("expand")).Select(n => n.Output.Shape.ToString()));
        Running.Same(Running.Run(program, "f", 1), Running.Run(new Inline().Run(program), "f", 1), "inlined");
    }
}
