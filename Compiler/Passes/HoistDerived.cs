using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Space;

namespace Graph.Compiler.Passes;

/// <summary>
/// Takes what entries and evaluated losses compute from the model's numbers alone out of them: weights that are cast, normalized, merged or copied into another order become states of the kind
/// <see cref="StateKind.Derived"/>, which the function <see cref="DerivedStates.Function"/> computes for all of them, once for each version of the model's numbers. The entry reads them as it reads a weight.
/// </summary>
/// <remarks>
/// Flows in: functions that are no training steps (a step changes its numbers each time). Flows out: the same functions with fewer nodes, states, and one function more. It never takes what depends on an argument, a named dimension, a
/// state of a session or one that an entry assigns, nor what may throw. Views cost nothing and stay, unless no strides describe them. What a few cheap steps make of at most half as many bytes stays too: a weight that
/// is rounded to 4 bits is kept in 4 bits, and becomes numbers again where it is read.
/// </remarks>
public sealed record HoistDerived() : Pass("HoistDerived")
{
    /// <summary>Scalar operations that are worth a buffer and a launch: fewer cost an entry less than the memory that their result would come from…</summary>
    const long Least = 1024;

    /// <summary>…but where each element takes as many: they may be a launch of the entry's own. What a product or convolution packs is always worth it. Losses, which see each version about once, keep both.</summary>
    const int LeastEach = 3;

    const string Prefix = "derived#";

    /// <summary>The most scalar operations that a reader makes again instead of reading their result: as many as a product takes for its operand.</summary>
    const int MostAgain = 6;

    public override Program Run(Program program, CancellationToken cancel = default)
    {
        var before = program.Find(DerivedStates.Function);
        if (program.States.Any(s => s.Path.StartsWith(Prefix, StringComparison.Ordinal))) return program;
        var entries = StillValues.Evaluated(program);
        var shared = StillValues.Shared(program, entries);
        var derived = new DerivedFunction(program, before);
        var functions = ImmutableArray.CreateBuilder<Function>();
        foreach (var function in program.Functions.Where(f => f != before))
        {
            cancel.ThrowIfCancellationRequested();
            functions.Add(entries.Contains(function) ? Hoist(function, program, shared, derived, program.Training.Any(t => t.Loss == function.Name)) : function);
        }
        if (derived.States.Count == 0) return program;
        functions.Add(derived.Build());
        if (before is not null && !program.Training.IsEmpty) functions.Add(new(DerivedStates.Copies, before.Parameters, before.States, before.Nodes, before.Results, before.Updates, before.ResultNames));
        return program with { States = program.States.AddRange(derived.States), Functions = functions.ToImmutable() };
    }

    static Function Hoist(Function function, Program program, HashSet<string> shared, DerivedFunction derived, bool isLoss)
    {
        var still = StillValues.Of(function, program, shared);
        var read = function.Nodes.Where(n => !still.ContainsKey(n.Outputs[0])).SelectMany(n => n.Inputs.Select(i => (Value: i, IsPacked: n.Operation.Kind is OpKind.Contract or OpKind.Convolution)))
            .Concat(function.Roots.Select(r => (Value: r, IsPacked: false)));
        var hoisted = read.Where(r => still.TryGetValue(r.Value, out var ofState) && ofState)
            .SelectMany(r => Kept(r.Value, still, MostAgain).Select(Made).Where(v => v.Producer is not null && (Work(v, []) is var work && (work >= Least || !isLoss && (r.IsPacked || (work >= LeastEach * v.Shape.Size.Constant && v.Shape.Rank > 0)))))).Distinct().ToList();
        if (hoisted.Count == 0) return function;

        var rewriter = Rewriter.Over(program, function);
        var places = hoisted.ToDictionary(v => v, v => rewriter.Builder.State(derived.Of(v)));
        foreach (var (value, place) in places.Select(p => (p.Key, p.Value))) rewriter.Map[value] = place;
        foreach (var node in function.Nodes)
        {
            if (node.Outputs.All(places.ContainsKey)) continue;
            rewriter.Copy(node);
            foreach (var output in node.Outputs)
                if (places.TryGetValue(output, out var place)) rewriter.Map[output] = place;
        }
        return rewriter.Finish(function).Pruned();
    }

    // What is kept of a value: itself, or, where it is made of at most half as many bytes by a few cheap steps, what it is made of.
    static ImmutableArray<Value> Kept(Value value, Dictionary<Value, bool> still, int steps)
    {
        if (value.Producer is not { } node || node.Operation.Kind is not (OpKind.Elementwise or OpKind.View) || node.Outputs.Length != 1) return [value];
        // A view that no strides describe is a copy, which nobody makes again.
        if (node.Operation.Kind == OpKind.View && Made(value) == value) return [value];
        var rest = steps;
        if (node.Operation is ElementwiseOperation elementwise)
        {
            var made = elementwise.Expression(node).Ordered().Where(s => s.Op is not (ScalarOp.Input or ScalarOp.Constant)).ToList();
            rest -= made.Count;
            if (rest < 0 || made.Any(s => ScalarFunctions.Find(s.Op) is { IsInstruction: false })) return [value];
        }
        ImmutableArray<Value> inputs = [.. node.Inputs.Where(i => still[i]).SelectMany(i => Kept(i, still, rest)).Distinct()];
        return inputs.Sum(i => i.Type.BytesAt(DimBinding.Empty)) * 2 <= value.Type.BytesAt(DimBinding.Empty) ? inputs : [value];
    }

    // Behind views: they are strides of what they look at, but where none describe them.
    static Value Made(Value value)
    {
        var chain = new List<Node>();
        var at = value;
        for (; at.Producer is { Operation.Kind: OpKind.View } view; at = view.Inputs[0]) chain.Insert(0, view);
        var strides = at.Shape.Strides;
        foreach (var view in chain)
            if (Views.Strides(view, strides) is { IsDefault: false } through) strides = through;
            else (at, strides) = (view.Output, view.Output.Shape.Strides);
        return at;
    }

    static long Work(Value value, HashSet<Node> seen)
    {
        if (value.Producer is not { } node || !seen.Add(node)) return 0;
        var size = node.Outputs.Sum(o => o.Shape.Size.Constant);
        // A view that is here is a copy.
        var own = node.Operation.Kind is OpKind.Library or OpKind.Structure ? Math.Max(size, node.Operation.Flops(node).TryConstant(out var flops) ? flops : Least)
            : node.Operation.Kind == OpKind.View ? value == Made(value) ? size : 0
            : node.Operation.Flops(node).TryConstant(out flops) ? flops : size;
        return own + node.Inputs.Sum(i => Work(i, seen));
    }

    /// <summary>The function that computes what was taken out, equal values of all functions once.</summary>
    sealed class DerivedFunction
    {
        readonly Program program;
        readonly Builder builder;
        readonly Dictionary<string, Node> known = [];
        readonly Dictionary<Value, Value> map = [];
        readonly Dictionary<Value, int> numbers = [];
        readonly Dictionary<string, Value> sources = [];
        readonly Dictionary<Value, StateDecl> results = [];

        /// <param name="program">The program.</param>
        /// <param name="before">What is derived already, the working copies of parameters: what is computed from those is computed from the values that they get.</param>
        public DerivedFunction(Program program, Function? before)
        {
            (this.program, builder) = (program, new(program, DerivedStates.Function));
            foreach (var update in before?.Updates ?? [])
            {
                var value = In(update.Value);
                results.Add(value, program.FindState(update.Path)!);
                sources.Add(update.Path, value);
            }
        }

        public List<StateDecl> States { get; } = [];

        /// <summary>The state that holds a value.</summary>
        public StateDecl Of(Value value)
        {
            var made = In(value);
            if (results.TryGetValue(made, out var state)) return state;
            state = new(Prefix + States.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), value.Type.Bare, StateKind.Derived, InitSpec.Zeros);
            States.Add(state);
            return results[made] = state;
        }

        Value In(Value value)
        {
            if (map.TryGetValue(value, out var known)) return known;
            if (value.Producer is not { } node)
            {
                if (!sources.TryGetValue(value.State!, out var source)) Number(sources[value.State!] = source = builder.State(program.FindState(value.State!)!));
                return map[value] = source;
            }
            ImmutableArray<Value> inputs = [.. node.Inputs.Select(In)];
            var key = node.Name + " " + string.Join(",", inputs.Select(i => numbers[i])) + node.Attributes + string.Concat(node.Regions.Select(r => ProgramPrinter.Print(r)));
            if (!this.known.TryGetValue(key, out var copy))
            {
                using (builder.At(node.Origins)) this.known[key] = copy = builder.Node(node.Operation, inputs, node.Attributes, node.Regions);
                foreach (var output in copy.Outputs) Number(output);
            }
            return map[value] = copy.Outputs[value.Index];
        }

        void Number(Value value) => numbers.Add(value, numbers.Count);

        public Function Build() => builder.Build([], [.. results.Select(r => new StateUpdate(r.Value.Path, r.Key))]);
    }
}
