using System;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Operations;

namespace Graph;

/// <summary>Where operations go when a body runs outside of the compiler: to the reference kernels, by the same rules as in a program.</summary>
static class Eager
{
    static readonly Program Empty = new("eager", [], [], [], OperationTable.Set);
    static readonly Interpreter Interpreter = new(Empty);
    static long draws;

    /// <summary>Runs an operation with one result on numbers.</summary>
    /// <exception cref="InvalidOperationException">An operand holds no numbers.</exception>
    /// <exception cref="ShapeException">The operands do not fit.</exception>
    internal static Tensor Run(string operation, Tensor[] operands, params (string Name, object? Value)[] attributes) => RunAll(operation, operands, attributes)[0];

    /// <summary>Runs an operation on numbers.</summary>
    /// <exception cref="InvalidOperationException">An operand holds no numbers.</exception>
    /// <exception cref="ShapeException">The operands do not fit.</exception>
    internal static Tensor[] RunAll(string operation, Tensor[] operands, params (string Name, object? Value)[] attributes)
    {
        var map = AttributeMap.Of([.. attributes.Where(a => a.Value is not null).Select(a => (a.Name, Attribute(a.Value!)))]);
        var builder = new Builder(Empty, operation);
        var arguments = ImmutableArray.CreateBuilder<TensorData>();
        Value Argument(TensorData data)
        {
            arguments.Add(data);
            return builder.Argument(new(data.DType, new(data.Shape.Select(d => (Dim)d))), "x" + arguments.Count);
        }
        var values = operands.Select(o => o.Literal is { } literal ? builder.Node("constant", [], literal).Output : Argument(o.Numbers)).ToImmutableArray();
        // Each draw is a call of its own, so it needs no stream.
        if (OperationTable.Set[operation].Draws is var drawing && (drawing == Drawing.Always || (drawing == Drawing.WhileTraining && Mode.Training)))
            values = values.AddRange(Argument(TensorData.Scalar(Interlocked.Increment(ref draws))), builder.Emit("random_stream", [], ("name", "")), builder.Constant(0, DType.I64));
        var results = builder.Apply(operation, values, map);
        if (operation == "constant") return [new Tensor(Interpret(builder, results, arguments)[0], map)];
        return [.. Interpret(builder, results, arguments).Select(r => new Tensor(r))];
    }

    static ImmutableArray<TensorData> Interpret(Builder builder, ImmutableArray<Value> results, ImmutableArray<TensorData>.Builder arguments) =>
        Interpreter.Run(builder.Build(results), arguments, ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty).Results;

    static Attr Attribute(object value) => value switch
    {
        bool b => b,
        int i => i,
        long l => l,
        float f => (double)f,
        double d => d,
        string s => s,
        int[] list => list,
        Enum member => member.ToString(),
        _ => throw new InvalidOperationException($"An attribute of type {value.GetType()} is not known."),
    };
}
