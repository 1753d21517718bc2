using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Tests.Goldens;

namespace Graph.Tests.Property;

/// <summary>
/// A program made by chance from a seed: elementwise operations with broadcasting, views, reductions, rows, matrix products and images over a named
/// dimension B, shared values included, down to a scalar. Every value stays of moderate size, so that results can be compared tightly.
/// </summary>
sealed class RandomProgram
{
    const string Function = "loss";
    readonly Random random;
    readonly Builder builder;
    readonly List<Value> pool = [];
    readonly List<Value> unused = [];

    RandomProgram(int seed, Builder builder)
    {
        // Random with a seed is Knuth's generator, which .NET keeps as it is.
        random = new Random(seed);
        this.builder = builder;
    }

    /// <summary>
    /// The program of a seed with the function <c>loss(x: [B,6], y: [B,4,6], image: [B,2,6,6], label: i32[B]) → []</c> over five parameters.
    /// </summary>
    /// <param name="seed">What is drawn depends on it alone.</param>
    /// <param name="length">How many operations are drawn.</param>
    /// <param name="function">The function's name; <c>forward_loss</c> gets the argument <c>seed: i64[]</c> last, as training expects it.</param>
    public static Program Make(int seed, int length = 12, string function = Function)
    {
        var states = ImmutableArray.Create(
            Parameter("square.weight", 6, 6), Parameter("row", 6), Parameter("column", 4, 1), Parameter("kernel", 3, 2, 3, 3), Parameter("wide", 24, 5));
        var program = new Program($"Random{seed}", [new DimSymbol("B", 8, 4)], states, [], OperationTable.Set);
        var builder = new Builder(program, function);
        var made = new RandomProgram(seed, builder);
        var batch = Dim.Symbol("B");
        made.Add(builder.Argument(new TensorType(DType.F32, Shape.Of(batch, 6)), "x"));
        made.Add(builder.Argument(new TensorType(DType.F32, Shape.Of(batch, 4, 6)), "y"));
        made.Add(builder.Argument(new TensorType(DType.F32, Shape.Of(batch, 2, 6, 6)), "image"));
        var label = builder.Argument(new TensorType(DType.I32, Shape.Of(batch)), "label");
        if (function != Function)
            builder.Argument(new TensorType(DType.I64, Shape.Scalar), "seed");
        foreach (var state in states)
            made.pool.Add(builder.State(state));
        for (var i = 0; i < length; i++)
            made.Step();
        return program with { Functions = [builder.Build([made.Finish(label)])] };
    }

    /// <summary>Arguments of the first function and values of all states, with a binding of B.</summary>
    public static (TensorData[] Arguments, Dictionary<string, TensorData> States) Values(Program program, int seed, DimBinding binding, DType real = DType.F64) =>
    (
        [.. program.Functions[0].Parameters.Select(p => Draw(p, p.Name!, seed, binding, real))],
        program.States.ToDictionary(s => s.Path, s => Draw(Value.OfState(s), s.Path, seed, binding, real))
    );

    /// <summary>Numbers of a value's type and shape that depend on the seed and its name.</summary>
    public static TensorData Draw(Value value, string name, int seed, DimBinding binding, DType real = DType.F64)
    {
        var shape = value.Shape.Evaluate(binding);
        var count = (int)shape.Aggregate(1L, (a, b) => a * b);
        return value.DType.IsFloat()
            ? new TensorData(real, shape, GoldenValues.Reals($"{seed}:{name}", count, 2, 0))
            : new TensorData(value.DType, shape, GoldenValues.Integers($"{seed}:{name}", count, 5));
    }

    static StateDecl Parameter(string path, params int[] shape)
        => new(path, new TensorType(DType.F32, Shape.Of([.. shape.Select(size => (Dim)size)])), StateKind.Parameter, InitSpec.Zeros);

    void Add(Value value)
    {
        pool.Add(value);
        unused.Add(value);
    }

    // Prefers what nothing has used yet, so that little of the program is dead.
    Value Pick() => Use(unused.Count > 0 && random.Next(3) > 0 ? unused[random.Next(unused.Count)] : pool[random.Next(pool.Count)]);

    Value Use(Value value)
    {
        unused.Remove(value);
        return value;
    }

    Value Call(string operation, Value[] operands, params (string, Attr)[] attributes)
        => builder.Apply(operation, [.. operands], AttributeMap.Of(attributes))[0];

    void Step()
    {
        Func<Value?>[] choices = [Unary, Unary, Binary, Binary, Binary, Select, Reduce, Row, Transpose, Reshape, Slice, Concatenate, Product, Product, Image];
        while (true)
        {
            // A choice gives null when its operand's shape does not suit it.
            if (choices[random.Next(choices.Length)]() is not { } value)
                continue;
            Add(value);
            return;
        }
    }

    Value Number(double value, Value like) => builder.ConstantLike(value, like);

    Value? Unary()
    {
        var x = Pick();
        return random.Next(9) switch
        {
            0 => Call("relu", [x]),
            1 => builder.Tanh(x),
            2 => Call("sigmoid", [x]),
            3 => Call("gelu", [x], ("approximate", random.Next(2) == 0 ? "tanh" : "none")),
            4 => Call("silu", [x]),
            5 => Call("sin", [x]),
            6 => builder.Exp(builder.Tanh(x)),
            7 => builder.Log(builder.Add(Call("abs", [x]), Number(0.5, x))),
            _ => builder.Rsqrt(builder.Add(builder.Mul(x, x), Number(1, x))),
        };
    }

    Value? Binary()
    {
        var a = Pick();
        var others = pool.Where(b => Broadcasts(a.Shape, b.Shape)).ToArray();
        var b = Use(others[random.Next(others.Length)]);
        return random.Next(7) switch
        {
            0 => builder.Add(a, b),
            1 => builder.Sub(a, b),
            2 => builder.Mul(a, builder.Tanh(b)),
            3 => builder.Div(a, builder.Add(builder.Mul(b, b), Number(1, b))),
            4 => builder.Maximum(a, b),
            5 => builder.Minimum(a, b),
            _ => builder.Add(builder.Mul(a, Number(0.5, a)), builder.Neg(b)),
        };
    }

    Value? Select()
    {
        var a = Pick();
        var others = pool.Where(b => Broadcasts(a.Shape, b.Shape)).ToArray();
        var b = Use(others[random.Next(others.Length)]);
        return builder.Where(builder.Less(a, b), builder.Tanh(a), b);
    }

    Value? Reduce()
    {
        var x = Pick();
        if (x.Shape.Rank == 0)
            return null;
        var axis = random.Next(x.Shape.Rank);
        var keep = random.Next(2) == 0;
        return random.Next(4) switch
        {
            0 => builder.Max(x, axis, keep),
            1 => Call("min", [x], ("axes", new[] { axis }), ("keep", keep)),
            2 => builder.Tanh(builder.Sum(x, axis, keep)),
            _ => Call("mean", [x], ("axes", new[] { axis }), ("keep", keep)),
        };
    }

    Value? Row()
    {
        var x = Pick();
        if (x.Shape.Rank < 2 || x.Shape[x.Shape.Rank - 1].Is(1))
            return null;
        return random.Next(3) switch
        {
            0 => Call("softmax", [x], ("axis", -1)),
            1 => Call("log_softmax", [x], ("axis", -1)),
            _ => Call("layer_norm", [x], ("epsilon", 1e-2)),
        };
    }

    Value? Transpose()
    {
        var x = Pick();
        if (x.Shape.Rank < 2)
            return null;
        var order = Enumerable.Range(0, x.Shape.Rank).ToArray();
        random.Shuffle(order);
        return builder.Transpose(x, order);
    }

    Value? Reshape()
    {
        var x = Pick();
        var rank = x.Shape.Rank;
        if (rank < 2)
            return builder.Reshape(x, x.Shape.Insert(random.Next(rank + 1), 1));
        // Two neighbours become one.
        var axis = random.Next(rank - 1);
        return builder.Reshape(x, x.Shape.Remove(axis).With(axis, x.Shape[axis] * x.Shape[axis + 1]));
    }

    Value? Slice()
    {
        var x = Pick();
        var axes = Enumerable.Range(0, x.Shape.Rank).Where(a => x.Shape[a].TryConstant(out var size) && size > 2).ToArray();
        if (axes.Length == 0)
            return null;
        var axis = axes[random.Next(axes.Length)];
        x.Shape[axis].TryConstant(out var length);
        var start = random.Next((int)length - 1);
        return builder.Slice(x, axis, start, start + 1 + random.Next((int)length - start - 1));
    }

    Value? Concatenate()
    {
        var x = Pick();
        if (x.Shape.Rank == 0)
            return null;
        var axis = random.Next(x.Shape.Rank);
        var others = pool.Where(b => b.Shape.Rank == x.Shape.Rank && b.Shape.With(axis, 1) == x.Shape.With(axis, 1)).ToArray();
        return Call("concat", [x, Use(others[random.Next(others.Length)])], ("axis", axis));
    }

    Value? Product()
    {
        var x = Pick();
        if (x.Shape.Rank < 2)
            return null;
        var inner = x.Shape[x.Shape.Rank - 1];
        var others = pool.Where(b => b.Shape.Rank >= 2 && b.Shape[b.Shape.Rank - 2] == inner && BatchesBroadcast(x.Shape, b.Shape)).ToArray();
        if (others.Length == 0)
            return null;
        return builder.Tanh(builder.MatMul(x, Use(others[random.Next(others.Length)])));
    }

    Value? Image()
    {
        var kernel = pool.First(v => v.State == "kernel");
        var images = pool.Where(v => v.Shape.Rank == 4 && v.Shape[1].Is(2) && Large(v.Shape[2]) && Large(v.Shape[3])).ToArray();
        if (images.Length == 0)
            return null;
        var x = Use(images[random.Next(images.Length)]);
        return random.Next(3) switch
        {
            0 => Call("conv2d", [x, kernel], ("padding", 1), ("stride", 1 + random.Next(2))),
            1 => Call("avg_pool2d", [x], ("kernel", 2), ("stride", 2)),
            _ => Call("max_pool2d", [x], ("kernel", 2), ("stride", 2)),
        };
    }

    static bool Large(Dim size) => size.TryConstant(out var value) && value >= 3;

    // What nothing used comes together in one number; class scores make a cross entropy of it.
    Value Finish(Value label)
    {
        var loss = builder.Constant(0, DType.F32);
        var scores = pool.FirstOrDefault(v => v.Shape == Shape.Of(Dim.Symbol("B"), 6));
        if (scores is not null && random.Next(2) == 0)
            loss = builder.Add(loss, Call("cross_entropy", [scores, label], ("reduction", "mean")));
        foreach (var value in unused.DefaultIfEmpty(pool[^1]))
            loss = builder.Add(loss, value.Shape.Rank == 0 ? value : Call("mean", [value], ("axes", Enumerable.Range(0, value.Shape.Rank).ToArray()), ("keep", false)));
        return loss;
    }

    static bool Broadcasts(Shape a, Shape b)
    {
        for (var i = 1; i <= Math.Min(a.Rank, b.Rank); i++)
            if (a[a.Rank - i] != b[b.Rank - i] && !a[a.Rank - i].Is(1) && !b[b.Rank - i].Is(1))
                return false;
        // Two large shapes that share nothing would grow without bound.
        return Math.Max(a.Rank, b.Rank) <= 4;
    }

    static bool BatchesBroadcast(Shape a, Shape b)
        => Broadcasts(new Shape(a.Dims.RemoveRange(a.Rank - 2, 2)), new Shape(b.Dims.RemoveRange(b.Rank - 2, 2)));
}
