using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Passes;

public sealed class RecomputeTests
{
    // Results: the loss, which makes everything it needs the forward pass, and what stands for a gradient.
    static Program Parse(string body) => ProgramParser.Parse("program P version 1\ndim B ≤ 64 ~ 64\nparam w : f32[32,32] = zeros\nfunc train_step(x: f32[B,32], seed: i64[]) -> (f32[], f32[])\n" + body, OperationTable.Set) with { Training = [new()] };

    /// <summary>Operations that the second result computes after the first is there, by name.</summary>
    static List<string> Backward(Program program)
    {
        var after = new SaveOrRecompute().RunVerified(program);
        Running.Same(Running.Run(program, "train_step", 1), Running.Run(after, "train_step", 1), "recomputed", 0);
        var function = after.Functions[0];
        return [.. function.Nodes.SkipWhile(n => n.Output != function.Results[0]).Skip(1).Select(n => n.Name)];
    }

    [Fact]
    public void Masks_and_random_numbers_are_made_again()
    {
        var backward = Backward(Parse("""
              %0 = matmul x, @w
              %20 = random_stream {name="drop"}
              %21 = constant {dtype="i64", value=0}
              %22 = linear_index {shape=[B,32]}
              %1 = random_uniform seed, %20, %21, %22
              %2 = constant {dtype="f32", value=0.5}
              %3 = less %1, %2
              %4 = constant {dtype="f32", value=0}
              %5 = where %3, %0, %4
              %6 = matmul %5, @w
              %7 = sum %6 {axes=[0,1], keep=false}
              %8 = matmul %6, @w
              %9 = where %3, %8, %4
              %10 = sum %9 {axes=[0,1], keep=false}
              return %7, %10
            """));
        Assert.Contains("random_uniform", backward);
        Assert.Contains("less", backward);
    }

    [Fact]
    public void A_chain_of_arithmetic_is_made_again_from_the_one_value_that_is_in_memory_anyway()
    {
        var backward = Backward(Parse("""
              %0 = matmul x, @w
              %1 = sin %0
              %2 = cos %0
              %3 = mul %2, %1
              %4 = matmul %3, @w
              %5 = sum %4 {axes=[0,1], keep=false}
              %6 = matmul %4, @w
              %7 = mul %6, %1
              %8 = mul %7, %2
              %9 = sum %8 {axes=[0,1], keep=false}
              return %5, %9
            """));
        // Keeping both sin and cos would be twice the bytes.
        Assert.Equal(["sin", "cos"], backward.Where(n => n is "sin" or "cos"));
    }

    [Fact]
    public void Contractions_and_reductions_are_never_made_again()
    {
        var backward = Backward(Parse("""
              %0 = matmul x, @w
              %1 = max %0 {axes=[1], keep=true}
              %2 = sub %0, %1
              %3 = exp %2
              %4 = matmul %3, @w
              %5 = sum %4 {axes=[0,1], keep=false}
              %6 = mul %4, %2
              %7 = mul %6, %1
              %8 = sum %7 {axes=[0,1], keep=false}
              return %5, %8
            """));
        Assert.DoesNotContain("matmul", backward);
        Assert.DoesNotContain("max", backward);
        Assert.Contains("sub", backward);
    }

    [Fact]
    public void What_a_contraction_of_the_backward_pass_reads_is_kept()
    {
        var backward = Backward(Parse("""
              %0 = matmul x, @w
              %1 = relu %0
              %2 = matmul %1, @w
              %3 = sum %2 {axes=[0,1], keep=false}
              %4 = transpose %1 {order=[1,0]}
              %5 = matmul %4, %2
              %6 = sum %5 {axes=[0,1], keep=false}
              return %3, %6
            """));
        Assert.DoesNotContain("relu", backward);
    }

    [Fact]
    public void A_chain_is_cut_where_its_values_are_small()
    {
        var backward = Backward(Parse("""
              %0 = matmul x, @w
              %1 = sum %0 {axes=[1], keep=true}
              %2 = expand %1 {shape=[B,32]}
              %3 = sin %2
              %4 = mul %3, %0
              %5 = matmul %4, @w
              %6 = sum %5 {axes=[0,1], keep=false}
              %7 = mul %5, %3
              %8 = sum %7 {axes=[0,1], keep=false}
              return %6, %8
            """));
        Assert.Contains("sin", backward); // from [B,1]
    }

    [Fact]
    public void The_minimum_cut_is_as_wide_as_the_maximum_flow()
    {
        var random = new Random(7);
        for (var round = 0; round < 50; round++)
        {
            const int N = 8;
            var edges = new List<(int From, int To, long Bytes)>();
            for (var i = 0; i < N; i++)
                for (var j = 0; j < N; j++)
                    if (i != j && random.Next(3) == 0) edges.Add((i, j, random.Next(1, 20)));
            var cut = new Graph.Compiler.Passes.Recompute.MinimumCut(N);
            foreach (var (from, to, bytes) in edges) cut.Edge(from, to, bytes);
            var side = cut.SinkSide(0, N - 1);
            long Width(Func<int, bool> sink) => edges.Where(e => !sink(e.From) && sink(e.To)).Sum(e => e.Bytes);
            var best = Enumerable.Range(0, 1 << N).Where(m => (m & 1) == 0 && (m & (1 << (N - 1))) != 0).Min(m => Width(v => (m & (1 << v)) != 0));
            Assert.False(side[0]);
            Assert.True(side[N - 1]);
            Assert.Equal(best, Width(v => side[v]));
        }
    }
}
