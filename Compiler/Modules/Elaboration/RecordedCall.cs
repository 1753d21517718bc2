using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>An access to a parameter or state while a function was built.</summary>
/// <param name="Handle">What was read or written.</param>
/// <param name="Value">What was read, or written.</param>
/// <param name="IsWritten">Which of both.</param>
readonly record struct Access(Handle Handle, Value Value, bool IsWritten);

/// <summary>
/// A call of a method as it was evaluated: what later calls that begin alike come to as well, so that they are one node (<see cref="RepeatOperation"/>) and are not evaluated. The call's own nodes stay where they are.
/// </summary>
/// <param name="Call">The call.</param>
/// <param name="Key">What decides the evaluation: the module with all that it holds, and the arguments (<see cref="CallShape"/>).</param>
/// <param name="Objects">The modules, containers, parameters and tensors that were found for the key, in the order in which they were.</param>
/// <param name="Nodes">What it added.</param>
/// <param name="Accesses">What it read and wrote, in order.</param>
/// <param name="Result">What it returned.</param>
sealed record RecordedCall(MethodCall Call, string Key, ImmutableArray<object> Objects, ImmutableArray<Node> Nodes, ImmutableArray<Access> Accesses, object? Result)
{
    /// <summary>The tensors that it read from around it, then the streams of what it draws, which each call has of its own.</summary>
    public ImmutableArray<Value> Operands { get; init; }

    /// <summary>The tensors of its own that it returned or wrote.</summary>
    public ImmutableArray<Value> Results { get; init; }

    /// <summary>The calls that it made itself.</summary>
    public ImmutableArray<MethodCall> Inner { get; init; }

    /// <summary>How deep it lay in other calls, and what evaluating it took.</summary>
    public int Depth { get; init; }

    /// <inheritdoc cref="Depth"/>
    public int Steps { get; init; }

    /// <inheritdoc cref="Depth"/>
    public long Work { get; init; }
}

/// <summary>A call that would come to what a recorded one did: its operands are those of the recorded one, of its own modules. It never leaves the elaborator: it becomes a call of a function, or its nodes.</summary>
/// <param name="record">The recorded call.</param>
/// <param name="call">This call; it has no nodes of its own.</param>
/// <param name="paths">The path of a module of this call, given that of the recorded one.</param>
sealed class RepeatOperation(RecordedCall record, MethodCall call, Func<string, string> paths) : Operation
{
    public RecordedCall Record { get; } = record;
    public MethodCall Call { get; } = call;
    public Func<string, string> Paths { get; } = paths;

    public override string Name => "repeat";
    public override OpKind Kind => OpKind.Structure;
    public override ImmutableArray<TensorType> Infer(InferContext context) => [.. Record.Results.Select(r => r.Type)];
    public override void Evaluate(Evaluation e) => throw new NotSupportedException("A repeated call is a call of a function, or nodes, before anything runs.");

    /// <summary>The same call with paths changed once more.</summary>
    public RepeatOperation Under(Func<string, string> outer) => new(Record, Call with { Path = outer(Call.Path) }, path => outer(Paths(path)));

    /// <summary>Emits the nodes that the call stands for.</summary>
    /// <param name="operands">Its operands, in the function under construction.</param>
    /// <param name="into">That function.</param>
    /// <param name="draw">Gives the streams of what it draws, where they are drawn, for the operands that stand for them; null when those are the streams.</param>
    /// <param name="calls">Gets this call and those that it makes.</param>
    /// <returns>The results.</returns>
    public ImmutableArray<Value> Emit(ImmutableArray<Value> operands, Builder into, Func<Value, Value>? draw = null, List<MethodCall>? calls = null)
    {
        var map = new Dictionary<Value, Value>();
        for (var i = 0; i < operands.Length; i++) map[Record.Operands[i]] = operands[i];
        var places = new int[Record.Nodes.Length + 1];
        for (var i = 0; i < Record.Nodes.Length; i++)
        {
            var node = Record.Nodes[i];
            places[i] = into.Nodes.Count;
            if (node.Operation.IsNamed)
            {
                if (draw is not null) map[node.Output] = draw(map[node.Output]);
                continue;
            }
            ImmutableArray<Value> inputs = [.. node.Inputs.Select(v => map[v])];
            var outputs = node.Operation is RepeatOperation inner ? inner.Under(Paths).Emit(inputs, into, null, calls) : Copy(node, inputs, into);
            for (var o = 0; o < outputs.Length; o++) map[node.Outputs[o]] = outputs[o];
        }
        places[Record.Nodes.Length] = into.Nodes.Count;
        calls?.AddRange(Record.Inner.Select(c => new MethodCall(c.Method, Paths(c.Path), c.Location, places[c.First - Record.Call.First], places[c.End - Record.Call.First])));
        calls?.Add(new(Call.Method, Call.Path, Call.Location, places[0], into.Nodes.Count));
        return [.. Record.Results.Select(r => map[r])];
    }

    ImmutableArray<Value> Copy(Node node, ImmutableArray<Value> inputs, Builder into)
    {
        using var _ = into.At([.. node.Origins.Select(o => o with { Path = Paths(o.Path) })]);
        return node.Operation.IsUntyped(node.Attributes) ? into.Node(node.Operation, inputs, node.Attributes.With("dtype", node.Output.DType), node.Regions).Outputs : into.Again(node, inputs).Outputs;
    }
}
