using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Gradients;

/// <summary>
/// The gradient of a call is a call. A callee is differentiated once for all calls that want gradients of the same operands: one function computes it and also gives what its reversal reads (its residuals),
/// another takes those and the gradients of the results to the gradients of the operands.
/// </summary>
public sealed class CallGradient
{
    const string ForwardSuffix = "/forward", BackwardSuffix = "/backward";

    /// <summary>What the names of the forward function's own results, of what it keeps, and of the backward function's gradients begin with. No name of a program's has a slash.</summary>
    public const string Result = "result/", Saved = "saved/", Gradient = "gradient/";

    readonly List<int> seeds;   // results whose gradient it takes
    readonly List<int> wanted;  // operands whose gradient it gives

    /// <param name="callee">What is called; its own calls are differentiated by <paramref name="calls"/>.</param>
    /// <param name="name">What tells it from other gradients of the callee.</param>
    /// <param name="activeInputs">Which operands a gradient is wanted for.</param>
    /// <param name="activeOutputs">Which results may have a gradient.</param>
    /// <param name="program">The program that has the callee.</param>
    /// <param name="calls">The gradients of the callee's own calls.</param>
    internal CallGradient(Function callee, string name, ImmutableArray<bool> activeInputs, ImmutableArray<bool> activeOutputs, Program program, IReadOnlyDictionary<Node, CallGradient> calls)
    {
        // One function with the callee and its gradient, that is then cut in two.
        var whole = Rewriter.Over(program, callee);
        var b = whole.Builder;
        var mode = new ReverseMode(whole, callee.Nodes, calls);
        seeds = [.. Enumerable.Range(0, callee.Results.Length).Where(i => activeOutputs[i])];
        var sources = Enumerable.Range(0, callee.Parameters.Length).Where(i => activeInputs[i]).Select(i => callee.Parameters[i]).ToList();
        mode.Forward(sources, seeds.Select(i => callee.Results[i]));
        var cut = b.Nodes.Count;
        var given = seeds.Select(i => Value.Argument(callee.Results[i].Type, Gradient + Number(i))).ToList();
        var gradients = mode.Backward(seeds.Select((i, k) => (callee.Results[i], given[k])));
        wanted = [.. Enumerable.Range(0, callee.Parameters.Length).Where(i => activeInputs[i] && gradients.ContainsKey(callee.Parameters[i]))];
        var found = wanted.Select(i => gradients[callee.Parameters[i]]).ToList();

        var (first, second) = (b.Nodes.Take(cut).ToList(), b.Nodes.Skip(cut).ToList());
        var results = whole.New(callee.Results);
        var read = new HashSet<Value>(second.SelectMany(n => n.Inputs).Concat(found));
        var repeated = first.Where(n => n.Inputs.IsEmpty && n.Outputs.Any(read.Contains)).ToList(); // constants are cheaper to make than to keep
        var residuals = first.Where(n => !n.Inputs.IsEmpty).SelectMany(n => n.Outputs).Where(v => read.Contains(v) && !results.Contains(v)).ToList();
        Forward = new(
            callee.Name + ForwardSuffix + name, whole.New(callee.Parameters), [], [.. first], [.. results, .. residuals], [],
            [.. results.Select((_, i) => Result + Number(i)), .. residuals.Select((_, i) => Saved + Number(i))]);

        var back = new Rewriter(program, callee.Name + BackwardSuffix + name);
        foreach (var parameter in Forward.Parameters)
            if (read.Contains(parameter)) back.Map[parameter] = back.Builder.Argument(parameter.Type, parameter.Name!);
        // Something that the forward call made ties the backward call to it, whatever else that reads.
        var tie = Forward.Results.FirstOrDefault(r => !Forward.Parameters.Contains(r));
        for (var i = 0; i < Forward.Results.Length; i++)
            if (Forward.Results[i] is var result && (result == tie || read.Contains(result)) && !back.Map.ContainsKey(result)) back.Map[result] = back.Builder.Argument(result.Type, Forward.ResultNames[i]);
        foreach (var value in given) back.Map[value] = back.Builder.Argument(value);
        foreach (var node in repeated.Concat(second)) back.Copy(node);
        Backward = back.Builder.Build(back.New(found));
    }

    /// <summary>Takes what the callee takes and gives its results, then the residuals.</summary>
    public Function Forward { get; }

    /// <summary>Takes operands, results, residuals and gradients by their names; gives the gradients of operands.</summary>
    public Function Backward { get; }

    static string Number(int i) => i.ToString(CultureInfo.InvariantCulture);

    /// <summary>The forward function of a backward function; null when <paramref name="function"/> is none.</summary>
    public static Function? ForwardOf(Program program, Function function) =>
        function.Name.Contains(BackwardSuffix) ? program.Find(function.Name.Replace(BackwardSuffix, ForwardSuffix)) : null;

    /// <summary>Calls the forward function; the first results are the callee's.</summary>
    internal ImmutableArray<Value> EmitForward(Builder b, ImmutableArray<Value> inputs) => b.Call(Forward.Name, inputs).Outputs;

    /// <summary>Calls the backward function; gives the gradient of each operand, null where none is wanted.</summary>
    /// <param name="b">Where the call goes.</param>
    /// <param name="inputs">The operands of the forward call.</param>
    /// <param name="outputs">All that the forward call gave.</param>
    /// <param name="given">The gradients of the callee's results; null where there is none.</param>
    internal ImmutableArray<Value?> EmitBackward(Builder b, ImmutableArray<Value> inputs, ImmutableArray<Value> outputs, ImmutableArray<Value?> given)
    {
        var byName = new Dictionary<string, Value>();
        for (var i = 0; i < inputs.Length; i++) byName.Add(Forward.Parameters[i].Name!, inputs[i]);
        for (var i = 0; i < outputs.Length; i++) byName.Add(Forward.ResultNames[i], outputs[i]);
        foreach (var i in seeds) byName.Add(Gradient + Number(i), given[i] ?? b.Zeros(outputs[i].Type));
        var node = b.Call(Backward.Name, [.. Backward.Parameters.Select(p => byName[p.Name!])]);
        var gradients = new Value?[inputs.Length];
        for (var i = 0; i < wanted.Count; i++) gradients[wanted[i]] = node.Outputs[i];
        return [.. gradients];
    }
}
