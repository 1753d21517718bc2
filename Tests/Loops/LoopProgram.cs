using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph.Tests.Loops;

/// <summary>
/// A loop made by chance from a seed: carries of several shapes, slices of a sequence of T, invariants, a body of elementwise operations, sums, products and the iteration's number,
/// results that are carries, stacks, both, or an old carry; now and then a loop in the loop. Every value stays of moderate size.
/// </summary>
static class LoopProgram
{
    const int Width = 4;

    /// <summary>The function <c>f(xs: f32[T,B,4], a: f32[B,4], b: f32[4], w: f32[4,4]) → f32[], …</c>.</summary>
    public static Program Make(int seed)
    {
        var random = new Random(seed);
        var program = new Program("Loop" + seed, [new DimSymbol("B", 4, 2), new DimSymbol("T", 9, 5)], [], [], OperationTable.Set);
        var (batch, time) = (Dim.Symbol("B"), Dim.Symbol("T"));
        TensorType Type(params Dim[] dims) => new(DType.F32, Shape.Of(dims));
        var builder = new Builder(program, "f");
        var xs = builder.Argument(Type(time, batch, Width), "xs");
        var a = builder.Argument(Type(batch, Width), "a");
        var b = builder.Argument(Type(Width), "b");
        var w = builder.Argument(Type(Width, Width), "w");

        ImmutableArray<Value> carries = [a, b, builder.Zeros(Type(batch, Width))];
        carries = [.. carries.Take(random.Next(1, 4))];
        var body = Body(program, random, [.. carries.Select(c => c.Type)], xs.Type.With(xs.Shape.Remove(0)), w.Type, depth: random.Next(3) == 0 ? 1 : 0);
        var attributes = AttributeMap.Of(("carries", carries.Length), ("scanned", 1), ("count", new Attr.List([time])), ("reverse", random.Next(2) == 0));
        var loop = builder.Node(StructureOperations.Loop, [.. carries, xs, w], attributes, [body]);
        Value? sum = null;
        foreach (var output in loop.Outputs)
        {
            var part = builder.Sum(builder.Mul(output, builder.Emit("sin", [output])), Enumerable.Range(0, output.Shape.Rank), keep: false);
            sum = sum is null ? part : builder.Add(sum, part);
        }
        return program with { Functions = [builder.Build([sum!, .. loop.Outputs])] };
    }

    static Function Body(Program program, Random random, ImmutableArray<TensorType> carries, TensorType slice, TensorType weight, int depth)
    {
        var b = new Builder(program, "body");
        var index = b.Argument(new(DType.I64, Shape.Scalar), "i");
        var pool = new List<Value>();
        Value[] olds = [.. carries.Select((c, i) => b.Argument(c, "c" + i))];
        var x = b.Argument(slice, "x");
        var w = b.Argument(weight, "w");
        pool.AddRange(olds);
        pool.Add(x);
        Value Any() => pool[random.Next(pool.Count)];
        for (var i = 0; i < 6; i++)
            pool.Add(random.Next(8) switch
            {
                0 => b.Tanh(b.Add(Any(), Any())),
                1 => b.Emit("sin", [b.Mul(Any(), Any())]),
                2 when slice.Shape.Rank > 1 => b.Tanh(b.MatMul(b.Expand(Any(), slice.Shape), w)),
                3 => b.Sub(Any(), b.Mul(b.Emit("sin", [b.Cast(index, DType.F32)]), Any())),
                4 => Any() is var v ? b.Emit("cos", [b.Sum(v, v.Shape.Rank - 1, keep: true)]) : x,
                5 when slice.Shape.Rank > 1 => b.Tanh(b.Transpose(b.MatMul(b.Transpose(w, [1, 0]), b.TransposeLast(b.Expand(Any(), slice.Shape))), [1, 0])),
                6 when depth > 0 => Inner(b, program, random, Any(), x, w),
                _ => b.Mul(b.Constant(0.5, DType.F32), b.Add(Any(), x)),
            });
        Value Fit(Value v, TensorType type) => v.Type == type ? v : v.Shape.Rank > type.Shape.Rank ? b.Emit("sin", [b.SumTo(v, type.Shape)]) : b.Expand(v, type.Shape);
        // Now and then a carry changes places with another, stays, or goes out as it came in.
        var next = carries.Select((type, i) => random.Next(5) == 0 ? olds[random.Next(olds.Length)] is var other && other.Type == type ? other : olds[i] : Fit(Any(), type)).ToList();
        var stacks = Enumerable.Range(0, random.Next(3)).Select(_ => random.Next(3) switch { 0 => olds[random.Next(olds.Length)], 1 => next[random.Next(next.Count)], _ => Any() });
        return b.Build([.. next, .. stacks]);
    }

    // Over the rows of a slice.
    static Value Inner(Builder b, Program program, Random random, Value carry, Value rows, Value w)
    {
        carry = b.SumTo(b.Expand(carry, rows.Shape), Shape.Of(Width));
        var row = new TensorType(DType.F32, Shape.Of(Width));
        var region = Body(program, random, [row], row, w.Type, depth: 0);
        var loop = b.Node(StructureOperations.Loop, [carry, rows, w], AttributeMap.Of(("carries", 1), ("scanned", 1), ("count", new Attr.List([rows.Shape[0]])), ("reverse", random.Next(2) == 0)), [region]);
        return loop.Outputs.FirstOrDefault(o => o.Shape == rows.Shape) ?? b.Expand(b.Tanh(loop.Outputs[0]), rows.Shape);
    }
}
