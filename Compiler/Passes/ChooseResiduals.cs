using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Threading;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Fusion;
using Graph.Compiler.Passes.Recompute;
using Graph.Compiler.Space;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Passes;

/// <summary>
/// Decides what a called function keeps for its gradient, as <see cref="SaveOrRecompute"/> and <see cref="Prologues"/> do for a training step, once for all calls: a forward function and its backward function are
/// put together, what both compute becomes one, and they are parted again where the fewest bytes go across. The calls then pass these.
/// </summary>
/// <param name="Target">Whose costs decide what products make themselves.</param>
public sealed record ChooseResiduals(TargetModel Target) : Pass("ChooseResiduals")
{
    public override Program Run(Program program, CancellationToken cancel = default)
    {
        var before = program;
        var chosen = new Dictionary<string, Parted>(); // by either name
        foreach (var function in before.Functions)
        {
            cancel.ThrowIfCancellationRequested();
            if (before.Functions.Any(f => CallGradient.ForwardOf(before, f) == function)) continue; // comes with its backward function
            if (CallGradient.ForwardOf(before, function) is not { } forward)
            {
                program = program with { Functions = program.Functions.Replace(function, Rewritten(function, chosen, program)) };
                continue;
            }
            var joint = Rewritten(Joined(forward, function, before), chosen, program);
            foreach (var pass in Together) joint = pass.Run(joint, program, cancel);
            var ends = joint.Results.Take(Own(forward).Count()).ToList();
            joint = SaveOrRecompute.Run(joint, program, Parts(joint, ends, program));
            var parted = new Parted(joint, MadeByProducts(joint, program, cancel), forward, function, program);
            chosen[forward.Name] = chosen[function.Name] = parted;
            // Those who still call the old functions come later, and are rewritten as they come.
            program = program with { Functions = program.Functions.Replace(forward, parted.Forward).Replace(function, parted.Backward) };
        }
        return program;
    }

    // What the passes before have done to either part alone, and loops that only now are behind one another.
    static ImmutableArray<FunctionPass> Together => [new Simplify(), new Cse(), new DeadCode(), new RecomputeInLoops(), new TrimLoops(), new ShiftStacks()];

    // The callee's operands are there for both parts.
    static Boundary Parts(Function joint, IEnumerable<Value> ends, Program program)
    {
        var binding = DimBinding.Typical(program.Dims);
        return new(joint, ends, [], (_, source) => source.Type.Bytes.Evaluate(binding));
    }

    // What fusion of both together would not write, for every reader makes it itself.
    HashSet<Value> MadeByProducts(Function joint, Program program, CancellationToken cancel)
    {
        var graph = new FusionGraph(joint);
        var typical = DimBinding.Typical(program.Dims);
        var legality = new Legality(graph, typical, Target);
        var merger = new Merger(graph, legality, cancel);
        merger.Chains();
        new Prologues(graph, merger, legality, Target, typical, cancel).Run();
        return [.. Enumerable.Range(0, joint.Nodes.Length).Where(graph.IsFree).SelectMany(i => joint.Nodes[i].Outputs)];
    }

    // Results: those of the callee, then the gradients of its operands.
    static Function Joined(Function forward, Function backward, Program program)
    {
        var rewriter = Rewriter.Over(program, forward);
        foreach (var node in forward.Nodes) rewriter.Copy(node);
        foreach (var parameter in backward.Parameters)
            rewriter.Map[parameter] = Named(forward, parameter.Name!) is { } known ? rewriter[known] : rewriter.Builder.Argument(parameter.Type, parameter.Name!);
        foreach (var node in backward.Nodes) rewriter.Copy(node);
        return rewriter.Builder.Build([.. rewriter.New(Own(forward)), .. rewriter.New(backward.Results)]);
    }

    static Value? Named(Function forward, string name) =>
        forward.Parameters.FirstOrDefault(p => p.Name == name) ?? (forward.ResultNames.IndexOf(name) is >= 0 and var at ? forward.Results[at] : null);

    // The callee's results, without what is kept.
    static IEnumerable<Value> Own(Function forward) => forward.Results.Where((_, i) => forward.ResultNames[i].StartsWith(CallGradient.Result, System.StringComparison.Ordinal));

    static Function Rewritten(Function function, Dictionary<string, Parted> chosen, Program program)
    {
        if (!function.Nodes.Any(n => CallOperation.CalleeName(n) is { } name && chosen.ContainsKey(name))) return function;
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (CallOperation.CalleeName(node) is not { } name || !chosen.TryGetValue(name, out var parted)) rewriter.Copy(node);
            else parted.Emit(node, rewriter);
        }
        return rewriter.Finish(function);
    }

    /// <summary>A forward function and its backward function as they are from now on.</summary>
    sealed class Parted
    {
        readonly Function oldForward, oldBackward;
        readonly Dictionary<Node, Node> forwardCalls = []; // the new ones by the old ones

        public Parted(Function joint, HashSet<Value> free, Function forward, Function backward, Program program)
        {
            (oldForward, oldBackward) = (forward, backward);
            var own = joint.Results.Take(Own(forward).Count()).ToImmutableArray();
            var boundary = Parts(joint, own, program);
            var isForward = new HashSet<Value>(joint.Nodes.Where(boundary.IsForward).SelectMany(n => n.Outputs));
            var views = Views(joint, isForward);
            var kept = new List<Value>();
            var back = new Rewriter(program, backward.Name);

            string Saved(Value value)
            {
                if (own.IndexOf(value) is >= 0 and var result) return forward.ResultNames[result];
                if (!kept.Contains(value)) kept.Add(value);
                return CallGradient.Saved + kept.IndexOf(value).ToString(CultureInfo.InvariantCulture);
            }
            // Through views a kept value is read as what it looks at, while that takes no copy; one that takes a copy is kept itself.
            void Restore(Value value)
            {
                if (back.Map.ContainsKey(value)) return;
                if (views.TryGetValue(value, out var same))
                {
                    Restore(same);
                    back.Map[value] = back.Map[same];
                }
                else if (value.Producer is not { } producer) back.Map[value] = back.Builder.Argument(value.Type, value.Name!);
                else if (!isForward.Contains(value) || free.Contains(value) || (producer.Operation.Kind == OpKind.View && (Stored(value) != value || free.Contains(FusionGraph.Base(value)))))
                {
                    foreach (var input in producer.Inputs) Restore(input);
                    if (!back.Map.ContainsKey(value)) back.Copy(producer);
                }
                else back.Map[value] = back.Builder.Argument(value.Type, Saved(value));
            }

            foreach (var parameter in joint.Parameters)
                if (!forward.Parameters.Any(p => p.Name == parameter.Name)) Restore(parameter);
            foreach (var node in joint.Nodes)
            {
                if (boundary.IsForward(node) || views.ContainsKey(node.Outputs[0])) continue;
                foreach (var input in node.Inputs) Restore(input);
                if (!back.Map.ContainsKey(node.Outputs[0])) back.Copy(node);
            }
            var gradients = joint.Results.Skip(own.Length).ToList();
            foreach (var gradient in gradients) Restore(gradient);
            Backward = back.Builder.Build(back.New(gradients), default, backward.ResultNames).Pruned();
            Forward = new Function(
                forward.Name, [.. joint.Parameters.Take(forward.Parameters.Length)], [], [.. joint.Nodes.Where(boundary.IsForward)], [.. own, .. kept], [],
                [.. forward.ResultNames.Take(own.Length), .. kept.Select((_, i) => CallGradient.Saved + i.ToString(CultureInfo.InvariantCulture))]).Pruned();
        }

        public Function Forward { get; }

        public Function Backward { get; }

        /// <summary>Emits a call of either old function as one of the new functions.</summary>
        public void Emit(Node call, Rewriter into)
        {
            using var _ = into.Builder.At(call.Origins);
            if (CallOperation.CalleeName(call) == oldForward.Name)
            {
                var forward = forwardCalls[call] = into.Builder.Call(Forward.Name, into.New(call.Inputs));
                for (var i = 0; i < Own(oldForward).Count(); i++) into.Map[call.Outputs[i]] = forward.Outputs[i];
                return;
            }
            // What ties it to its forward call: something that that gave.
            var tie = Enumerable.Range(0, call.Inputs.Length).First(i => oldForward.ResultNames.Contains(oldBackward.Parameters[i].Name!));
            var made = call.Inputs[tie].Producer!;
            var operands = Backward.Parameters.Select(p =>
                Forward.ResultNames.IndexOf(p.Name!) is >= 0 and var result ? forwardCalls[made].Outputs[result]
                : oldForward.Parameters.Select(o => o.Name).ToList().IndexOf(p.Name!) is >= 0 and var operand ? into[made.Inputs[operand]]
                : into[call.Inputs[oldBackward.Parameters.Select(o => o.Name).ToList().IndexOf(p.Name!)]]);
            var backward = into.Builder.Call(Backward.Name, [.. operands]);
            for (var i = 0; i < call.Outputs.Length; i++) into.Map[call.Outputs[i]] = backward.Outputs[i];
        }
    }

    // The views of the backward part that the forward part has too, and those: views are cheap, so both parts were given their own.
    static Dictionary<Value, Value> Views(Function joint, HashSet<Value> isForward)
    {
        var known = new Dictionary<(Operation, AttributeMap, Value), Value>();
        var same = new Dictionary<Value, Value>();
        foreach (var node in joint.Nodes)
        {
            if (node.Operation.Kind != OpKind.View) continue;
            var key = (node.Operation, node.Attributes, same.TryGetValue(node.Inputs[0], out var source) ? source : node.Inputs[0]);
            if (isForward.Contains(node.Output)) known[key] = node.Output;
            else if (known.TryGetValue(key, out var forward)) same[node.Output] = forward;
        }
        return same;
    }

    // What a value looks at, as far down as strides of it describe the value; the function's own operand where it looks at one.
    static Value Stored(Value value)
    {
        var chain = new Stack<Node>();
        var source = value;
        for (; source.Producer is { Operation.Kind: OpKind.View } view; source = view.Inputs[0]) chain.Push(view);
        var strides = source.Strides;
        foreach (var view in chain)
        {
            strides = Space.Views.Strides(view, strides);
            if (strides.IsDefault) (source, strides) = (view.Output, view.Output.Strides);
        }
        return source;
    }
}
