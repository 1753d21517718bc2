using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>
/// Calls that are not evaluated, because one that began alike was (<see cref="RecordedCall"/>): the hundredth block of a model costs a look at what it holds. Nothing that can be seen tells: a call is repeated only where
/// the recorded one said nothing, changed no list and drew from streams that have names, and asks nothing of the model's arguments.
/// </summary>
sealed partial class Evaluator
{
    /// <summary>So many different calls of one method are remembered.</summary>
    const int MostRecorded = 16;

    readonly CallShape callShape = new();

    // Arrays, lists and modules that were changed since the function was begun.
    readonly List<object> changed = [];

    // What tells whether a call did something besides adding nodes.
    readonly record struct Traces(int First, int Access, int Streams, int Call, int Changed, int Statics, int Mistakes, int Reached, long Listed, int Steps, long Work);

    // Only whole functions remember: the body of a loop or branch is evaluated as it stands.
    FunctionBuild? Remembering(Instance? self) => self?.Path is { Length: > 0 } && function is { } build && build.GetType() == typeof(FunctionBuild) ? build : null;

    Traces TracesOf(FunctionBuild build) => new(
        build.Builder.Nodes.Count, build.Accesses.Count, build.Streams, build.Calls.Count, changed.Count, statics.Count, mistakes.Count, Reached.Count, listedBytes, steps, work);

    /// <summary>Remembers a call that has just been evaluated, if calls like it need not be.</summary>
    void Record(FunctionBuild build, (string Class, string Method) method, Instance self, object?[] arguments, MethodCall call, Traces before, object? result)
    {
        var now = TracesOf(build);
        if (now with { First = 0, Access = 0, Streams = 0, Call = 0, Steps = 0, Work = 0, Changed = 0 } != before with { First = 0, Access = 0, Streams = 0, Call = 0, Steps = 0, Work = 0, Changed = 0 }) return;
        ImmutableArray<Node> nodes = [.. Enumerable.Range(call.First, call.End - call.First).Select(i => build.Builder.Nodes[i])];
        if (!nodes.Any(n => n.Operation is RepeatOperation) && !Callees.IsLarge(nodes)) return;
        if (nodes.Any(AsksOfArguments) || nodes.Count(n => n.Operation.IsNamed) != now.Streams - before.Streams) return;
        var known = build.Recorded.TryGetValue(method, out var list) ? list : build.Recorded[method] = [];
        if (known.Count == MostRecorded || callShape.Of(self, arguments) is not var (key, objects)) return;
        var lasting = new HashSet<object>(objects);
        if (changed.Skip(before.Changed).Any(lasting.Contains) || (now.Changed > before.Changed && statics.Values.Any(v => v is ArrayValue or ListValue or Instance))) return;

        var own = new HashSet<Value>(nodes.SelectMany(n => n.Outputs));
        ImmutableArray<Access> accesses = [.. build.Accesses.Skip(before.Access).Where(a => a.IsWritten || !own.Contains(a.Value))];
        var around = new HashSet<Value>(objects.OfType<Value>().Concat(accesses.Where(a => !a.IsWritten).Select(a => a.Value)));
        if (build.Seed is { } seed) around.Add(seed);
        var given = new List<Value>();
        if (!Collect(result, given)) return;
        given.AddRange(accesses.Where(a => a.IsWritten).Select(a => a.Value));
        var named = nodes.Where(n => n.Operation.IsNamed).Select(n => n.Output).ToList();
        ImmutableArray<Value> operands = [.. nodes.SelectMany(n => n.Inputs).Where(v => !own.Contains(v)).Distinct(), .. named];
        ImmutableArray<Value> results = [.. given.Where(own.Contains).Distinct()];
        // An index that goes on may be checked where it is used: there it has to be seen where it comes from.
        if (operands.Except(named).Concat(given.Where(v => !own.Contains(v))).Any(v => !around.Contains(v) || v.Producer is { Inputs.IsEmpty: true }) || results.IsEmpty || results.Any(v => !v.DType.IsFloat() || named.Contains(v))) return;
        known.Add(new(call, key, objects, nodes, accesses, result)
        {
            Operands = operands, Results = results, Inner = [.. build.Calls.Skip(before.Call)], Depth = frame.Depth, Steps = now.Steps - before.Steps, Work = now.Work - before.Work,
        });
    }

    // What a call of the model is checked for, by the lines that need it.
    bool AsksOfArguments(Node node) =>
        node.Operation is not RepeatOperation && (node.Operation.IsCheck || node.Operation.IndexRules(node).Any() || node.Operation.SizeRules(node).Any(r => r.Size.Range(function!.Builder.Program.Dims).Min < r.Least))
        || node.Regions.Any(r => r.Nodes.Any(AsksOfArguments));

    // The tensors in what a call returned; false where that is more than tensors, numbers and sequences of them.
    static bool Collect(object? value, List<Value> into)
    {
        switch (value)
        {
            case Value tensor:
                into.Add(tensor);
                return true;
            case TupleValue tuple:
                return tuple.Items.All(i => Collect(i, into));
            case null or bool or string or DimValue or ScalarValue or EnumValue:
                return true;
            default:
                return Numbers.IsInteger(value) || Numbers.IsReal(value);
        }
    }

    /// <summary>Does what a call that began like this one did; false when there was none, or when it might go otherwise.</summary>
    bool TryRepeat(FunctionBuild build, (string Class, string Method) method, string name, Instance self, bool isOwn, object?[] arguments, Location location, out object? result)
    {
        result = null;
        if (!build.Recorded.TryGetValue(method, out var records) || records.Count == 0) return false;
        if (callShape.Of(self, arguments) is not var (key, objects) || records.Find(r => r.Key == key && (isOwn || r.Call.Location == Own(location))) is not { } record) return false;
        if (frame.Depth > record.Depth || steps + record.Steps > Fuel || work + record.Work > MaximumWork || build.Builder.Nodes.Count + build.Spared + record.Nodes.Length > MaximumNodes) return false;

        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        var map = new Dictionary<Value, Value>();
        var handles = new Dictionary<Handle, Handle>();
        for (var i = 0; i < objects.Length; i++)
            switch (record.Objects[i], objects[i])
            {
                case (Instance { Path: { } from }, Instance { Path: { } to }):
                    if (paths.TryGetValue(from, out var other) && other != to) return false;
                    paths[from] = to;
                    break;
                case (Handle from, Handle to):
                    handles[from] = to;
                    break;
                case (Value from, Value to):
                    if (!build.Has(to) || iterations.ContainsKey(to)) return false;
                    map[from] = to;
                    break;
            }
        Handle Of(Handle handle) => handles.TryGetValue(handle, out var mine) ? mine : handle;
        string PathOf(string path) => paths.TryGetValue(path, out var mine) ? mine : path;
        // Reads change nothing but what is known of states; one that gives something else than expected is no harm.
        foreach (var access in record.Accesses)
        {
            if (access.IsWritten) continue;
            var value = Read(build, Of(access.Handle), location);
            if (value.Type != access.Value.Type || (map.TryGetValue(access.Value, out var expected) && expected != value) || (value.Producer is { Inputs.IsEmpty: true })) return false;
            map[access.Value] = value;
        }
        if (build.Seed is { } seed) map[seed] = seed;

        steps += record.Steps;
        work += record.Work;
        build.Spared += record.Nodes.Length;
        var builder = build.Builder;
        foreach (var node in record.Nodes)
            if (node.Operation.IsNamed)
                using (builder.At([.. node.Origins.Select(o => o with { Path = PathOf(o.Path) })]))
                    map[node.Output] = builder.Node(node.Operation, [], node.Attributes.With("name", build.Stream(PathOf(StreamOwner(node))))).Output;
        var call = new MethodCall(name, self.Path!, Own(location), builder.Nodes.Count, builder.Nodes.Count + 1);
        using (builder.At(OriginAt(call.Location, call.Path)))
        {
            var outputs = builder.Node(new RepeatOperation(record, call, PathOf), [.. record.Operands.Select(v => map[v])]).Outputs;
            for (var i = 0; i < outputs.Length; i++) map[record.Results[i]] = outputs[i];
        }
        build.MadeAs(record.Results.Select(r => (r, map[r])));
        foreach (var access in record.Accesses)
            if (access.IsWritten) build.Write(Of(access.Handle), map[access.Value]);
        result = Rebuilt(record.Result, map);
        return true;
    }

    static string StreamOwner(Node stream) => stream.Attributes.Text("name") is { } name ? name.Substring(0, name.LastIndexOf('#')) : throw new InvalidOperationException($"The stream {stream.Name} has no name.");

    static object? Rebuilt(object? value, Dictionary<Value, Value> map) => value switch
    {
        Value tensor => map[tensor],
        TupleValue tuple => new TupleValue([.. tuple.Items.Select(i => Rebuilt(i, map))]),
        _ => value,
    };
}
