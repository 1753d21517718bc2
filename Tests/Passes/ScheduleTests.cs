using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Compiler.Passes.Scheduling;
using Graph.Operations;
using SchedulePass = Graph.Compiler.Passes.Schedule;
using Xunit;

namespace Graph.Tests.Passes;

public sealed class ScheduleTests
{
    static Program Parse(string text) => ProgramParser.Parse("program P version 1\ndim B ≤ 8 ~ 4\n" + text, OperationTable.Set);

    static long Peak(Program program) => Statistics.Of(program.Functions[0], program, DimBinding.Typical(program.Dims)).PeakBytes;

    [Fact]
    public void Large_values_are_reduced_before_the_next_is_made()
    {
        var program = Parse("""
            func f(x: f32[B]) -> f32[]
              %0 = expand x {shape=[100,B]}
              %1 = exp %0
              %2 = sin %0
              %3 = cos %0
              %4 = sum %1 {axes=[0,1], keep=false}
              %5 = sum %2 {axes=[0,1], keep=false}
              %6 = sum %3 {axes=[0,1], keep=false}
              %7 = add %4, %5
              %8 = add %7, %6
              return %8
            """);
        var scheduled = new SchedulePass().RunVerified(program);
        Assert.Equal(3 * 1600 + 4, Peak(program));
        Assert.Equal(1600 + 2 * 4, Peak(scheduled));
        Running.Same(Running.Run(program, "f", 1), Running.Run(scheduled, "f", 1), "scheduled", 0);
    }

    [Fact]
    public void The_natural_order_stays_when_nothing_is_better()
    {
        var program = Parse("func f(x: f32[B]) -> f32[B]\n  %0 = exp x\n  %1 = sin %0\n  return %1\n");
        Assert.Same(program.Functions[0], new SchedulePass().Run(program).Functions[0]);
    }

    // w is read by the second product only after the update has been computed.
    const string EarlyUpdate = """
        param w : f32[4] = zeros
        func f(x: f32[4]) -> f32[4]
          %0 = add @w, x
          %1 = mul @w, x
          state w = %0
          return %1
        """;

    [Fact]
    public void Every_reader_of_a_state_comes_before_its_new_value()
    {
        var program = Parse(EarlyUpdate);
        var e = Assert.Throws<VerificationException>(() => Donation.Verify(program.Functions[0]));
        Assert.Contains("node 1 (mul): reads the state w after node 0 (add) has written", e.Message, StringComparison.Ordinal);
        var scheduled = new SchedulePass().RunVerified(program);
        Donation.Verify(scheduled);
        Assert.Equal(["mul", "add"], scheduled.Functions[0].Nodes.Select(n => n.Name));
    }

    [Fact]
    public void A_reader_through_a_view_counts_as_a_reader()
    {
        var function = Parse("param w : f32[4] = zeros\nfunc f(x: f32[4]) -> f32[2,2]\n  %0 = reshape @w {shape=[2,2]}\n  %1 = add @w, x\n  %2 = exp %0\n  state w = %1\n  return %2\n").Functions[0];
        Assert.Contains("(exp)", Assert.Throws<VerificationException>(() => Donation.Verify(function)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_cannot_be_returned_and_overwritten()
    {
        var function = Parse("param w : f32[4] = zeros\nfunc f(x: f32[4]) -> f32[4]\n  %0 = add @w, x\n  state w = %0\n  return @w\n").Functions[0];
        Assert.Contains("returns the old value", Assert.Throws<VerificationException>(() => Donation.Verify(function)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_name_the_peak_and_count_the_work()
    {
        var program = Parse("""
            func f(x: f32[B,8], w: f32[8,16]) -> f32[]
              %0 = matmul x, w : f32[B,16]  ; Model.cs:7 head
              %1 = reshape %0 {shape=[16*B]}
              %2 = exp %1 : f32[16*B]  ; Model.cs:8
              %3 = sum %2 {axes=[0], keep=false}
              return %3
            """);
        var statistics = Statistics.Of(program.Functions[0], program, DimBinding.Typical(program.Dims));
        Assert.Equal(3, statistics.Nodes); // the reshape is an alias
        Assert.Equal(4 * 16 * 4, statistics.PeakBytes); // exp runs in place
        Assert.Equal("Model.cs:7 head", statistics.PeakNode!.Origins[0].ToString());
        Assert.Equal(2 * 4 * 8 * 16 + 64 + 64, statistics.Flops);
        Assert.Equal((4 * 8 + 8 * 16 + 64) * 4 + (64 + 64) * 4 + (64 + 1) * 4, statistics.BytesMoved);
    }

    [Theory]
    [InlineData("transpose x {order=[0,2,1]}\nreshape %0 {shape=[B,12]}\nexp %1", 2)] // a copy
    [InlineData("reshape x {shape=[12*B]}\nexp %0", 1)]
    [InlineData("transpose x {order=[1,0,2]}\nreshape %0 {shape=[3,1,B,2,2]}\nexp %1", 1)] // only splits an axis
    [InlineData("slice x {axis=1, start=[0], end=[2]}\nreshape %0 {shape=[B,8]}\nexp %1", 1)] // merges dense axes
    [InlineData("slice x {axis=2, start=[0], end=[2]}\nreshape %0 {shape=[B,6]}\nexp %1", 2)] // the rows have gaps
    [InlineData("expand x {shape=[2,B,3,4]}\nreshape %0 {shape=[2*B,3,4]}\nexp %1", 2)]
    public void Views_are_aliases_when_strides_can_tell(string body, int kernels)
    {
        var lines = body.Split('\n');
        var text = "func f(x: f32[B,3,4]) -> f32[]\n" + string.Concat(lines.Select((l, i) => $"  %{i} = {l}\n"));
        var rank = text.Contains("[3,1,B,2,2]", StringComparison.Ordinal) ? 5 : text.Contains("[2*B,3,4]}\n", StringComparison.Ordinal) ? 3 : text.Contains("12*B]}", StringComparison.Ordinal) ? 1 : 2;
        var program = Parse(text + $"  %{lines.Length} = sum %{lines.Length - 1} {{axes=[{string.Join(",", Enumerable.Range(0, rank))}], keep=false}}\n  return %{lines.Length}\n");
        Assert.Equal(kernels + 1, Statistics.Of(program.Functions[0], program, DimBinding.Typical(program.Dims)).Nodes);
    }

    [Fact]
    public void Three_thousand_nodes_are_scheduled_in_a_moment()
    {
        var text = new System.Text.StringBuilder("func f(x: f32[B]) -> f32[B]\n  %0 = exp x\n");
        for (var i = 1; i < 3000; i++) text.Append("  %").Append(i).Append(" = ").Append(i % 3 == 0 ? "add" : "mul").Append(" %").Append(i - 1).Append(", %").Append(i / 2).Append('\n');
        var program = Parse(text.Append("  return %2999\n").ToString());
        new SchedulePass().Run(program);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        new SchedulePass().Run(program);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(1), $"It took {watch.ElapsedMilliseconds} ms.");
    }
}
