using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Gradients;

/// <summary>The gradients of a program's calls: made before the functions that call them are differentiated, each once for a callee and what is wanted of it.</summary>
/// <param name="program">The program, to which functions are added.</param>
public sealed class CallGradients(Program program)
{
    readonly Dictionary<(string Callee, string Need), CallGradient> known = [];

    /// <summary>The program with the functions made so far, each before whatever calls it.</summary>
    public Program Program { get; private set; } = program;

    /// <summary>The gradients of those calls of a function that lie between sources and roots.</summary>
    /// <param name="function">The function.</param>
    /// <param name="sources">What gradients are wanted for.</param>
    /// <param name="roots">What is differentiated.</param>
    public IReadOnlyDictionary<Node, CallGradient> Of(Function function, IEnumerable<Value> sources, IEnumerable<Value> roots)
    {
        var found = new Dictionary<Node, CallGradient>();
        if (!function.Nodes.Any(n => n.Operation == StructureOperations.Call)) return found;
        var active = Activity.From(sources, function.Nodes);
        var useful = Activity.To(roots, function.Nodes);
        foreach (var node in function.Nodes)
            if (node.Operation == StructureOperations.Call && node.Outputs.Any(o => active.Contains(o) && useful.Contains(o)))
                found.Add(node, Of(node, [.. node.Inputs.Select(active.Contains)], [.. node.Outputs.Select(o => active.Contains(o) && useful.Contains(o))]));
        return found;
    }

    /// <summary>Puts a function in the place of another one.</summary>
    public void Replace(Function old, Function now) => Program = Program with { Functions = Program.Functions.Replace(old, now) };

    CallGradient Of(Node call, ImmutableArray<bool> inputs, ImmutableArray<bool> outputs)
    {
        var callee = CallOperation.Callee(Program, call.Attributes);
        var key = (callee.Name, string.Concat(inputs.Concat(outputs).Select(n => n ? '1' : '0')));
        if (known.TryGetValue(key, out var made)) return made;
        var before = known.Keys.Count(k => k.Callee == callee.Name);
        var calls = Of(
            callee, Enumerable.Range(0, inputs.Length).Where(i => inputs[i]).Select(i => callee.Parameters[i]), Enumerable.Range(0, outputs.Length).Where(i => outputs[i]).Select(i => callee.Results[i]));
        var gradient = new CallGradient(callee, before == 0 ? "" : (before + 1).ToString(CultureInfo.InvariantCulture), inputs, outputs, Program, calls);
        Program = Program with { Functions = Program.Functions.InsertRange(Program.Functions.IndexOf(callee) + 1, ImmutableArray.Create(gradient.Forward, gradient.Backward)) };
        known.Add(key, gradient);
        return gradient;
    }
}
