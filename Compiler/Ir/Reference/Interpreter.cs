using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;

namespace Graph.Compiler.Ir.Reference;

/// <summary>The results of a function and the new values of the states it updates.</summary>
public sealed record InterpreterResult(ImmutableArray<TensorData> Results, ImmutableDictionary<string, TensorData> States);

/// <summary>
/// The reference: runs a program node by node on dense tensors, at any stage of the compiler. In float64 mode every float type computes in double precision;
/// otherwise each result is rounded to its type.
/// </summary>
public sealed class Interpreter(Program program, bool float64 = false)
{
    public Program Program { get; } = Promote(program, float64);

    // float64 mode is a change of types: the program is rebuilt with every float as f64.
    static Program Promote(Program program, bool float64) => float64 ? RealTypes.Widened(program) : program;

    /// <summary>Runs a function.</summary>
    /// <param name="function">Its name.</param>
    /// <param name="arguments">One dense tensor a parameter.</param>
    /// <param name="states">The value of every state that the function reads.</param>
    /// <param name="binding">The values of the named dimensions.</param>
    /// <exception cref="ArgumentException">There is no such function, an argument is missing or has the wrong shape.</exception>
    public InterpreterResult Run(string function, IReadOnlyList<TensorData> arguments, IReadOnlyDictionary<string, TensorData> states, DimBinding binding, CancellationToken cancel = default)
    {
        var f = Program.Find(function) ?? throw new ArgumentException($"The program {Program.Name} has no function {function}.", nameof(function));
        return Run(f, arguments, states, binding, cancel);
    }

    public InterpreterResult Run(Function f, IReadOnlyList<TensorData> arguments, IReadOnlyDictionary<string, TensorData> states, DimBinding binding, CancellationToken cancel = default)
    {
        if (arguments.Count != f.Parameters.Length) throw new ArgumentException($"{f.Name} takes {f.Parameters.Length} arguments, but got {arguments.Count}.", nameof(arguments));
        var values = new Dictionary<Value, TensorData>();
        for (var i = 0; i < arguments.Count; i++)
        {
            var expected = f.Parameters[i].Shape.Evaluate(binding);
            if (!expected.SequenceEqual(arguments[i].Shape))
                throw new ArgumentException($"{f.Name}'s argument {f.Parameters[i].Name} is [{string.Join(", ", arguments[i].Shape)}], expected [{string.Join(", ", expected)}].", nameof(arguments));
            values[f.Parameters[i]] = arguments[i];
        }
        ImmutableDictionary<string, TensorData>? derived = null;
        foreach (var state in f.States)
            values[state] = states.TryGetValue(state.State!, out var data) ? data
                : Program.FindState(state.State!) is { Kind: StateKind.Constant } constant ? Numbers(constant)
                : Program.FindState(state.State!) is { Kind: StateKind.Derived } ? (derived ??= Run(DerivedStates.Function, [], states, binding, cancel).States)[state.State!]
                : throw new ArgumentException($"The state {state.State} has no value.", nameof(states));

        var uses = f.UseCounts();
        foreach (var node in f.Nodes)
        {
            cancel.ThrowIfCancellationRequested();
            var outputs = Evaluate(node, [.. node.Inputs.Select(v => values[v])], binding);
            for (var i = 0; i < node.Outputs.Length; i++)
                values[node.Outputs[i]] = Checked(outputs[i], node, i, binding);
            foreach (var input in node.Inputs)
                if (--uses[input] == 0) values.Remove(input);
        }
        return new([.. f.Results.Select(r => values[r])], f.Updates.ToImmutableDictionary(u => u.Path, u => values[u.Value]));
    }

    static TensorData Numbers(StateDecl constant)
    {
        var data = new TensorData(constant.Type.DType, constant.Type.Shape.Evaluate(DimBinding.Empty));
        for (var i = 0; i < constant.Init.Values.Count; i++) data[i] = constant.Init.Values[i];
        data.RoundTo(data.DType);
        return data;
    }

    /// <summary>The results of one node, as its operation's definition gives them.</summary>
    public TensorData[] Evaluate(Node node, TensorData[] inputs, DimBinding binding)
    {
        var evaluation = new NodeEvaluation(node, inputs, binding, this);
        node.Operation.Evaluate(evaluation);
        return evaluation.Outputs;
    }

    sealed class NodeEvaluation(Node node, TensorData[] inputs, DimBinding binding, Interpreter interpreter) : Evaluation(node, inputs, binding)
    {
        public override Program Program => interpreter.Program;

        public override void Fill(Scalar expression) => ScalarEvaluator.Run(expression, this);

        public override ImmutableArray<TensorData> Run(Function function, IReadOnlyList<TensorData> arguments, DimBinding binding) =>
            interpreter.Run(function, arguments, ImmutableDictionary<string, TensorData>.Empty, binding).Results;
    }

    static TensorData Checked(TensorData? data, Node node, int output, DimBinding binding)
    {
        var type = node.Outputs[output].Type;
        if (data is null) throw new InvalidOperationException($"{node.Name} gave no result {output}.");
        var shape = type.Shape.Evaluate(binding);
        if (data.DType != type.DType || !data.Shape.SequenceEqual(shape))
            throw new InvalidOperationException($"{node.Name} gave {data.DType.Name()}[{string.Join(",", data.Shape)}], but its type is {type} = [{string.Join(",", shape)}].");
        data.RoundTo(type.DType);
        return data;
    }
}
