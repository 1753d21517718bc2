using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>What becomes of repeated calls (<see cref="RepeatOperation"/>) when a function is complete.</summary>
static class Repeats
{
    /// <summary>
    /// Replaces by their nodes the repeated calls that will not be calls of one function: there are too few, or what is read of them differs, or they are made by different methods, which may become functions as a
    /// whole. What is left are calls that one function can stand for.
    /// </summary>
    /// <param name="function">The function as it was built.</param>
    /// <param name="calls">The calls that have nodes in it, by their numbers.</param>
    /// <param name="program">The program.</param>
    /// <param name="now">What the function's values are in the result.</param>
    /// <returns>The function, and the calls that have nodes in it.</returns>
    public static (Function Function, IReadOnlyList<MethodCall> Calls) Unfold(Function function, IReadOnlyList<MethodCall> calls, Program program, out Func<Value, Value?> now)
    {
        now = value => value;
        var groups = Enumerable.Range(0, function.Nodes.Length).Where(i => function.Nodes[i].Operation is RepeatOperation).GroupBy(i => ((RepeatOperation)function.Nodes[i].Operation).Record).ToList();
        if (groups.Count == 0) return (function, calls);
        var readers = new Dictionary<Value, List<int>>();
        void Read(Value value, int by)
        {
            if (!readers.TryGetValue(value, out var list)) readers.Add(value, list = []);
            list.Add(by);
        }
        for (var i = 0; i < function.Nodes.Length; i++)
            foreach (var input in function.Nodes[i].Inputs) Read(input, i);
        foreach (var root in function.Roots) Read(root, int.MaxValue);

        var unfolded = new List<MethodCall>();
        var stay = new HashSet<RecordedCall>();
        foreach (var group in groups.OrderByDescending(g => g.Key.Nodes.Length))
        {
            var (record, call) = (group.Key, group.Key.Call);
            string Used(IEnumerable<Value> results, int first, int end) => string.Concat(results.Select(r => readers.TryGetValue(r, out var list) && list.Exists(at => at < first || at >= end) ? '1' : '0'));
            MethodCall? Around(int first, int end) => calls.Where(c => c.First <= first && end <= c.End && c.Identity != call.Identity).OrderBy(c => c.End - c.First).FirstOrDefault();
            var (used, around) = (Used(record.Results, call.First, call.End), Around(call.First, call.End));
            if (group.Count() + 1 >= Callees.FewestCalls && group.All(i => Around(i, i + 1) == around && Used(function.Nodes[i].Outputs, i, i + 1) == used)
                && !unfolded.Exists(c => c.First <= call.First && call.End <= c.End)) stay.Add(record);
            else unfolded.Add(call);
        }
        if (stay.Count == groups.Count) return (function, calls);

        var rewriter = Rewriter.Over(program, function);
        var moved = new HashSet<Node>(); // streams, to where they are drawn
        foreach (var node in function.Nodes)
            if (node.Operation is RepeatOperation { Record: var record } && !stay.Contains(record)) moved.UnionWith(Streams(node, record).Select(s => s.Producer!));
        var places = new int[function.Nodes.Length + 1];
        var made = new List<MethodCall>();
        for (var i = 0; i < function.Nodes.Length; i++)
        {
            var node = function.Nodes[i];
            places[i] = rewriter.Builder.Nodes.Count;
            if (moved.Contains(node)) continue;
            if (node.Operation is not RepeatOperation repeat || stay.Contains(repeat.Record))
            {
                rewriter.Copy(node);
                continue;
            }
            var streams = new HashSet<Value>(Streams(node, repeat.Record));
            Value Draw(Value stream)
            {
                rewriter.Copy(stream.Producer!);
                return rewriter[stream];
            }
            var outputs = repeat.Emit([.. node.Inputs.Select(v => streams.Contains(v) ? v : rewriter[v])], rewriter.Builder, Draw, made);
            for (var o = 0; o < outputs.Length; o++) rewriter.Map[node.Outputs[o]] = outputs[o];
        }
        places[function.Nodes.Length] = rewriter.Builder.Nodes.Count;
        now = value => rewriter.Map.TryGetValue(value, out var mine) ? mine : null;
        // In the order in which they end.
        return (rewriter.Finish(function), [.. calls.Select(c => c with { First = places[c.First], End = places[c.End] }).Concat(made).OrderBy(c => c.End).ThenByDescending(c => c.First)]);
    }

    // The operands that are streams of its own.
    static IEnumerable<Value> Streams(Node node, RecordedCall record) => node.Inputs.Skip(record.Operands.Length - record.Nodes.Count(n => n.Operation.IsNamed));

    /// <summary>Replaces all repeated calls by their nodes.</summary>
    public static Function Expand(Function function, Program program)
    {
        if (!function.Nodes.Any(n => n.Operation is RepeatOperation)) return function;
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
            if (node.Operation is RepeatOperation repeat)
            {
                var outputs = repeat.Emit(rewriter.New(node.Inputs), rewriter.Builder);
                for (var o = 0; o < outputs.Length; o++) rewriter.Map[node.Outputs[o]] = outputs[o];
            }
            else rewriter.Copy(node);
        return rewriter.Finish(function).Pruned();
    }
}
