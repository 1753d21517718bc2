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
    readonly CompiledTraining training;
    readonly ImmutableArray<DataColumn> sourceColumns;

    // Of each argument of the loss, in its order: the column that feeds it, and its number in the source.
    readonly ImmutableArray<DataColumn> columns;
    readonly ImmutableArray<int> places;

    // For each dimension that lengths do not give: the argument and axis that say it; axis 0 is the number of rows.
    readonly (int Argument, int Axis)[] stated;

    /// <param name="model">The model.</param>
    /// <param name="training">Whose loss and step.</param>
    /// <param name="source">Where the batches come from.</param>
    /// <param name="name">What they are, for messages: <c>training data</c>.</param>
    /// <param name="parameter">The parameter that the source came by.</param>
    /// <exception cref="ArgumentException">The columns do not fit the arguments.</exception>
    public BatchFeed(ModelInstance model, CompiledTraining training, IBatchSource source, string name, string parameter)
    {
        this.model = model;
        this.training = training;
        sourceColumns = source.Columns;
        var loss = training.Loss;
        var parameters = loss.Lowered.Signature.Parameters;
        if (loss.Draws) parameters = parameters.RemoveAt(parameters.Length - 1); // the seed comes from the model
        places = ColumnBinding.Bind(model.Model.Name, parameters, sourceColumns, name, parameter);
        columns = [.. places.Select(place => sourceColumns[place])];
        stated = [.. loss.Solver.Undetermined.Select(symbol => Place(parameters, symbol))];
    }

    static (int, int) Place(ImmutableArray<NamedTensor> parameters, string symbol)
    {
        for (var p = 0; p < parameters.Length; p++)
            for (var axis = 0; axis < parameters[p].Shape.Rank; axis++)
                if (parameters[p].Shape[axis].IsSymbol(out var name) && name == symbol) return (p, axis);
        throw new ArgumentException($"No argument has the dimension {symbol} for itself, so batches cannot say how large it is.");
    }

    /// <summary>One step of training on a batch.</summary>
    public StepResult Train(IBatch batch)
    {
        var arguments = stackalloc CallArgument[columns.Length];
        Span<long> dims = stackalloc long[stated.Length];
        State(batch, dims);
        return Train(batch, new(arguments, columns.Length), dims, 0);
    }

    /// <summary>The loss of a batch, in evaluation mode.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="number">Its number in the evaluation, which random numbers of the loss follow from.</param>
    public double Loss(IBatch batch, long number)
    {
        var arguments = stackalloc CallArgument[columns.Length + 1];
        Span<long> dims = stackalloc long[stated.Length];
        State(batch, dims);
        return Loss(batch, number, new(arguments, columns.Length + 1), dims, 0);
    }

    void State(IBatch batch, Span<long> dims)
    {
        var held = batch.Columns;
        if (held != sourceColumns && (held.IsDefault || !held.SequenceEqual(sourceColumns)))
            throw new InvalidOperationException($"A batch holds {Names(held)}, but its source says {Names(sourceColumns)}.");
        for (var i = 0; i < stated.Length; i++)
        {
            var (argument, axis) = stated[i];
            dims[i] = axis == 0 ? batch.Count : columns[argument].RowShape[axis - 1];
        }
    }

    static string Names(ImmutableArray<DataColumn> columns) => columns.IsDefaultOrEmpty ? "nothing" : string.Join(", ", columns);

    ReadOnlySpan<byte> Bytes(IBatch batch, int argument)
    {
        var bytes = batch.Column(places[argument]);
        var expected = (long)batch.Count * columns[argument].RowBytes;
        return bytes.Length == expected ? bytes
            : throw new InvalidOperationException($"A batch of {batch.Count} rows has {bytes.Length} bytes in the column {columns[argument]}, expected {expected}.");
    }

    // Each level pins one argument's column: how many there are is known at run time only.
    StepResult Train(IBatch batch, CallArguments arguments, Span<long> dims, int next)
    {
        if (next == columns.Length) return model.FitStep(training, arguments, dims);
        var bytes = Bytes(batch, next);
        fixed (byte* pointer = bytes)
        {
            arguments[next] = new(pointer, bytes.Length / columns[next].Type.Size());
            return Train(batch, arguments, dims, next + 1);
        }
    }

    double Loss(IBatch batch, long number, CallArguments arguments, Span<long> dims, int next)
    {
        if (next == columns.Length)
        {
            // In the type of the loss, which evaluation does not round.
            var type = training.Loss.Lowered.Signature.Results[0].Type.DType;
            float single = 0;
            double result = 0;
            arguments[next] = type switch
            {
                DType.F32 => new(&single, 1),
                DType.F64 => new(&result, 1),
                _ => throw new NotSupportedException($"The loss {training.Loss.Name} is of {type.Name()}: Cast(ElementType.F32) lets it be evaluated."),
            };
            model.Evaluate(training.Loss.Name, number, arguments, dims);
            return type == DType.F32 ? single : result;
        }
        var bytes = Bytes(batch, next);
        fixed (byte* pointer = bytes)
        {
            arguments[next] = new(pointer, bytes.Length / columns[next].Type.Size());
            return Loss(batch, number, arguments, dims, next + 1);
        }
    }
}
