using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Recompute;

/// <summary>Two loops of as many iterations, of which the second reads in each what the first has stacked of the same one.</summary>
sealed class LoopPair
{
    readonly Function function;
    readonly Program program;
    readonly Node first, second;
    readonly int carries; // of the first
    readonly Dim count;
    readonly HashSet<int> read; // operands of the second that are stacks of the first
    readonly HashSet<Value> elsewhere; // what is read by anybody but the second loop, slice by slice

    LoopPair(Function function, Node first, Node second, Program program)
    {
        (this.function, this.first, this.second, this.program) = (function, first, second, program);
        (carries, _, count) = LoopOperation.Shape(first.Attributes);
        var (own, scanned, _) = LoopOperation.Shape(second.Attributes);
        read = [.. Enumerable.Range(own, scanned).Where(i => IsStack(second.Inputs[i]))];
        elsewhere = [.. function.Roots, .. function.Nodes.Where(n => n != second).SelectMany(n => n.Inputs), .. second.Inputs.Where((_, i) => !read.Contains(i))];
    }

    bool IsStack(Value value) => value.Producer == first && value.Index >= carries;

    /// <summary>The pair that two nodes are; null when they are none, or have effects. What a loop that ended early has not reached is stacked as 0 and cannot be made again.</summary>
    public static LoopPair? Of(Function function, Node first, Node second, Program program)
    {
        static bool IsPlain(Node node) => node.Operation == StructureOperations.Loop && node.Regions[0].Nodes.All(n => n.Operation.IsPure);
        if (!IsPlain(first) || !IsPlain(second) || LoopOperation.IsConditional(first.Attributes) || LoopOperation.IsConditional(second.Attributes)) return null;
        if (LoopOperation.Shape(first.Attributes).Count != LoopOperation.Shape(second.Attributes).Count) return null;
        var pair = new LoopPair(function, first, second, program);
        return pair.read.Count > 0 ? pair : null;
    }

    /// <summary>The function with both loops rewritten, node by node.</summary>
    /// <param name="inside">What is done to an iteration of both, in which loops of the bodies are pairs again.</param>
    public Function Rewrite(Func<Function, Function> inside)
    {
        var results = first.Regions[0].Results.Length;
        var whole = inside(Whole()).Pruned();
        var stacks = Enumerable.Range(carries, results - carries).Where(i => elsewhere.Contains(first.Outputs[i])).ToList(); // results that stay
        var there = new HashSet<Value>(stacks.Select(i => whole.Results[i])); // what is stacked whatever the second loop reads
        var parameters = whole.Parameters.Skip(1).Take(first.Inputs.Length).ToImmutableArray();
        var binding = DimBinding.Typical(program.Dims);
        long Cost(Value value) => there.Contains(value) || whole.Parameters.IndexOf(value) is > 0 and var i && IsThere(i - 1) ? 0
            : value.Type.BytesAt(binding) / (whole.Parameters.IndexOf(value) is var p && IsInvariant(p - 1) ? count.Evaluate(binding) : 1);

        var boundary = new Boundary(whole, whole.Results.Take(results), parameters, (value, source) => Math.Min(Cost(value), Cost(source)));
        var recomputed = boundary.Recomputed(whole.Results.Skip(results));
        // What costs nothing to make, and a view of what is no larger than itself.
        bool IsRemade(Value value) => recomputed.Contains(value) || value.Producer is { Operation.Kind: OpKind.Elementwise, Inputs.IsEmpty: true }
            || value.Producer is { Operation.Kind: OpKind.View } && boundary.Source(value) is var source && source != value && !recomputed.Contains(source) && Cost(source) <= Cost(value);

        var backward = whole.Nodes.Where(n => !boundary.IsForward(n)).ToList();
        var made = new HashSet<Value>(backward.SelectMany(n => n.Outputs).Concat(whole.Parameters.Skip(1 + first.Inputs.Length)).Append(whole.Parameters[0]));
        var kept = new HashSet<Value>();
        var remade = new HashSet<Value>();
        void Need(Value value)
        {
            if (made.Contains(value)) return;
            if (!IsRemade(value)) kept.Add(value);
            else if (remade.Add(value)) foreach (var input in value.Producer!.Inputs) Need(input);
        }
        foreach (var value in backward.SelectMany(n => n.Inputs).Concat(whole.Results.Skip(results))) Need(value);

        var order = parameters.Concat(whole.Nodes.SelectMany(n => n.Outputs)).Where(kept.Contains).ToList();
        var slices = order.Where(v => whole.Parameters.IndexOf(v) is > 0 and var i && IsSlice(i - 1)).ToList();
        var invariants = order.Where(v => whole.Parameters.IndexOf(v) is > 0 and var i && IsInvariant(i - 1)).ToList();
        var stacked = order.Except(slices).Except(invariants).ToList();
        var more = stacked.Where(v => !there.Contains(v)).ToList();

        var rewriter = Rewriter.Over(program, function);
        var outer = new Dictionary<Value, Value>(); // what values of an iteration are, of all iterations
        foreach (var node in function.Nodes)
        {
            using var _ = rewriter.Builder.At(node.Origins);
            if (node == first)
            {
                var loop = EmitFirst(rewriter, whole, boundary, stacks, more);
                for (var i = 0; i < first.Inputs.Length; i++) outer[whole.Parameters[i + 1]] = rewriter[first.Inputs[i]];
                foreach (var value in stacked)
                    outer[value] = loop.Outputs[carries + (more.IndexOf(value) is >= 0 and var m ? stacks.Count + m : stacks.FindIndex(s => whole.Results[s] == value))];
            }
            else if (node == second) EmitSecond(rewriter, whole, backward, remade, [.. slices, .. stacked], invariants, outer);
            else rewriter.Copy(node);
        }
        return rewriter.Finish(function);
    }

    bool IsSlice(int operand) => operand >= carries && operand < carries + LoopOperation.Shape(first.Attributes).Scanned;

    bool IsInvariant(int operand) => operand >= carries + LoopOperation.Shape(first.Attributes).Scanned && operand < first.Inputs.Length;

    // Whether an operand of the first loop is in memory until the second one runs, whatever that reads.
    bool IsThere(int operand) => operand >= carries && operand < first.Inputs.Length && (Base(first.Inputs[operand]).Producer is null || second.Inputs.Contains(first.Inputs[operand]));

    static Value Base(Value value)
    {
        while (value.Producer is { Operation.Kind: OpKind.View } view) value = view.Inputs[0];
        return value;
    }

    // Both bodies: (iteration, operands of the first, further operands of the second) → (results of the first, results of the second).
    Function Whole()
    {
        var (before, after) = (first.Regions[0], second.Regions[0]);
        var whole = Rewriter.Over(program, before);
        foreach (var node in before.Nodes) whole.Copy(node);
        var then = new Rewriter(whole.Builder);
        then.Map[after.Parameters[0]] = whole[before.Parameters[0]];
        for (var i = 0; i < second.Inputs.Length; i++)
        {
            var parameter = after.Parameters[i + 1];
            then.Map[parameter] = read.Contains(i) ? whole[before.Results[second.Inputs[i].Index]] : whole.Builder.Argument(parameter.Type, parameter.Name!);
        }
        foreach (var node in after.Nodes) then.Copy(node);
        return whole.Builder.Build([.. whole.New(before.Results), .. then.New(after.Results)]);
    }

    Node EmitFirst(Rewriter into, Function whole, Boundary boundary, List<int> stacks, List<Value> more)
    {
        var body = new Rewriter(program, first.Regions[0].Name);
        foreach (var parameter in whole.Parameters.Take(1 + first.Inputs.Length)) body.Map[parameter] = body.Builder.Argument(parameter.Type, parameter.Name!);
        foreach (var node in whole.Nodes)
            if (boundary.IsForward(node)) body.Copy(node);
        var region = body.Builder.Build([.. body.New(whole.Results.Take(carries)), .. body.New(stacks.Select(i => whole.Results[i])), .. body.New(more)]).Pruned();
        var loop = into.Builder.Node(first.Operation, into.New(first.Inputs), first.Attributes, [region]);
        for (var c = 0; c < carries; c++) into.Map[first.Outputs[c]] = loop.Outputs[c];
        for (var s = 0; s < stacks.Count; s++) into.Map[first.Outputs[stacks[s]]] = loop.Outputs[carries + s];
        return loop;
    }

    void EmitSecond(Rewriter into, Function whole, List<Node> backward, HashSet<Value> remade, List<Value> slices, List<Value> invariants, IReadOnlyDictionary<Value, Value> outer)
    {
        var (own, scanned, _) = LoopOperation.Shape(second.Attributes);
        var rest = Enumerable.Range(0, second.Inputs.Length).Where(i => !read.Contains(i)).ToList(); // in the order of the further parameters
        var further = rest.ToDictionary(i => i, i => whole.Parameters[1 + first.Inputs.Length + rest.IndexOf(i)]);
        var operands = new List<Value>();
        var body = new Rewriter(program, second.Regions[0].Name);
        var names = new HashSet<string>();
        void Argument(Value parameter, string name)
        {
            var unique = name;
            for (var i = 1; !names.Add(unique); i++) unique = name + "_" + i.ToString(System.Globalization.CultureInfo.InvariantCulture);
            body.Map[parameter] = body.Builder.Argument(parameter.Type, unique);
        }
        void Own(int operand)
        {
            Argument(further[operand], further[operand].Name!);
            operands.Add(into[second.Inputs[operand]]);
        }
        void Taken(Value value)
        {
            Argument(value, value.Name ?? "saved");
            operands.Add(outer[value]);
        }
        Argument(whole.Parameters[0], whole.Parameters[0].Name!);
        foreach (var i in rest.Where(i => i < own + scanned)) Own(i);
        foreach (var value in slices) Taken(value);
        foreach (var i in rest.Where(i => i >= own + scanned)) Own(i);
        foreach (var value in invariants) Taken(value);

        void Restore(Value value)
        {
            if (body.Map.ContainsKey(value)) return;
            foreach (var input in value.Producer!.Inputs) Restore(input);
            body.Copy(value.Producer);
        }
        foreach (var node in backward)
        {
            foreach (var input in node.Inputs.Where(remade.Contains)) Restore(input);
            body.Copy(node);
        }
        var results = whole.Results.Skip(first.Regions[0].Results.Length).ToList();
        foreach (var result in results.Where(remade.Contains)) Restore(result);
        var region = body.Builder.Build(body.New(results));
        var loop = into.Builder.Node(second.Operation, [.. operands], second.Attributes.With("scanned", rest.Count(i => i >= own && i < own + scanned) + slices.Count), [region]);
        for (var i = 0; i < second.Outputs.Length; i++) into.Map[second.Outputs[i]] = loop.Outputs[i];
    }
}
