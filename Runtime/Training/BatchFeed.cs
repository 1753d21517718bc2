using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Data;
using Graph.Runtime.Execution;

namespace Graph.Runtime.Training;

/// <summary>Hands batches of a source to a model's loss or training step, in place.</summary>
sealed unsafe class BatchFeed
{
    readonly ModelInstance model;
    readonly ImmutableArray<DataColumn> columns;

    // For each dimension that lengths do not give: the column and axis that say it; axis 0 is the number of rows.
    readonly (int Column, int Axis)[] stated;

    /// <exception cref="ArgumentException">A column does not fit the argument that it feeds.</exception>
    public BatchFeed(ModelInstance model, IBatchSource source)
    {
        this.model = model;
        columns = source.Columns;
        var loss = model.Model["loss"];
        var parameters = loss.Lowered.Function.Parameters;
        if (columns.Length != parameters.Length)
            throw new ArgumentException($"The loss of {model.Model.Name} takes {Names(parameters.Select(p => p.Name!))}, but a batch holds {Names(columns.Select(c => c.Name))}.", nameof(source));
        for (var i = 0; i < columns.Length; i++) Check(parameters[i], columns[i]);
        stated = [.. loss.Solver.Undetermined.Select(name => Place(parameters, name))];
    }

    static string Names(System.Collections.Generic.IEnumerable<string> names) => string.Join(", ", names) is { Length: > 0 } list ? list : "nothing";

    static void Check(Value parameter, DataColumn column)
    {
        var fits = column.Type == parameter.DType && parameter.Shape.Rank == column.RowShape.Length + 1;
        for (var axis = 1; fits && axis < parameter.Shape.Rank; axis++) fits = !parameter.Shape[axis].TryConstant(out var size) || size == column.RowShape[axis - 1];
        if (!fits) throw new ArgumentException($"The argument {parameter.Name} is {parameter.Type}, but the column {column.Name} has rows of {column.Type.Name()}[{string.Join(",", column.RowShape)}].", parameter.Name);
    }

    static (int, int) Place(ImmutableArray<Value> parameters, string symbol)
    {
        for (var p = 0; p < parameters.Length; p++)
            for (var axis = 0; axis < parameters[p].Shape.Rank; axis++)
                if (parameters[p].Shape[axis].IsSymbol(out var name) && name == symbol) return (p, axis);
        throw new ArgumentException($"No argument has the dimension {symbol} for itself, so batches cannot say how large it is.");
    }

    /// <summary>One step of training on a batch.</summary>
    public StepResult Train(IBatch batch)
    {
        Span<CallArgument> arguments = stackalloc CallArgument[columns.Length];
        Span<long> dims = stackalloc long[stated.Length];
        State(batch, dims);
        return Train(batch, arguments, dims, 0);
    }

    /// <summary>The loss of a batch, in evaluation mode.</summary>
    public float Loss(IBatch batch)
    {
        Span<CallArgument> arguments = stackalloc CallArgument[columns.Length + 1];
        Span<long> dims = stackalloc long[stated.Length];
        State(batch, dims);
        return Loss(batch, arguments, dims, 0);
    }

    void State(IBatch batch, Span<long> dims)
    {
        for (var i = 0; i < stated.Length; i++)
        {
            var (column, axis) = stated[i];
            dims[i] = axis == 0 ? batch.Count : columns[column].RowShape[axis - 1];
        }
    }

    // Each level pins one column: how many there are is known at run time only.
    StepResult Train(IBatch batch, Span<CallArgument> arguments, Span<long> dims, int column)
    {
        if (column == columns.Length) return model.FitStep(arguments, dims);
        var bytes = batch.Column(column);
        fixed (byte* pointer = bytes)
        {
            arguments[column] = new(pointer, bytes.Length / columns[column].Type.Size());
            return Train(batch, arguments, dims, column + 1);
        }
    }

    float Loss(IBatch batch, Span<CallArgument> arguments, Span<long> dims, int column)
    {
        if (column == columns.Length)
        {
            float result;
            arguments[column] = new(&result, 1);
            model.Run("loss", arguments, dims);
            return result;
        }
        var bytes = batch.Column(column);
        fixed (byte* pointer = bytes)
        {
            arguments[column] = new(pointer, bytes.Length / columns[column].Type.Size());
            return Loss(batch, arguments, dims, column + 1);
        }
    }
}
