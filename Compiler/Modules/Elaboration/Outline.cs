using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>
/// Makes functions of methods that one function calls often (<see cref="Callees"/>). Calls were evaluated, or repeat one that was (<see cref="RepeatOperation"/>); those that came to the same operations on operands of the same types become calls of one function,
/// so equal classes and hyper-parameters, and nothing else, are equal. Whatever a call read from around it is an operand: states, tensors, the streams of what it draws. Whatever is read of it behind it is a result,
/// new values of states among that.
/// </summary>
/// <param name="program">The model's program, with the functions made so far: equal methods of several functions of the model are one.</param>
/// <param name="origin">The origin of a call on the module at a path.</param>
sealed class Outline(Program program, Func<Location, string, Origin> origin)
{
    readonly Dictionary<string, string> byKey = new(StringComparer.Ordinal);
    Program program = program;

    /// <summary>The functions that were made, callees first.</summary>
    public ImmutableArray<Function> Functions => program.Functions;

    /// <summary>The function with calls in the place of what was outlined.</summary>
    /// <param name="function">The function.</param>
    /// <param name="number">The number of each node when it was built.</param>
    /// <param name="calls">The calls of methods, by these numbers.</param>
    /// <param name="now">What the values that were recorded for repeated calls are in the function; null for one that is not there.</param>
    public Function Run(Function function, IReadOnlyDictionary<Node, int> number, IReadOnlyList<MethodCall> calls, Func<Value, Value?> now)
    {
        var numbers = function.Nodes.Select(n => number[n]).ToArray();
        var sites = Sites(function, numbers, calls, now);
        if (sites.Count > 0) function = Rewrite(function, number, calls, sites, now);
        // What was an operand of a repeated call may be none of the function's.
        return sites.Exists(s => s.Repeats.Count > 0) ? Repeats.Expand(function, program).Pruned() : Repeats.Expand(function, program);
    }

    // The calls that become calls of functions: outermost first, which leave what lies in them to their own function.
    static List<Site> Sites(Function function, int[] numbers, IReadOnlyList<MethodCall> calls, Func<Value, Value?> now)
    {
        int At(int node) => Array.BinarySearch(numbers, node) is var at && at >= 0 ? at : ~at;
        var chosen = new List<Site>();
        var repeats = Enumerable.Range(0, function.Nodes.Length).Where(i => function.Nodes[i].Operation is RepeatOperation).ToLookup(i => ((RepeatOperation)function.Nodes[i].Operation).Record.Call.Identity);
        var read = new HashSet<Value>(function.Nodes.SelectMany(n => n.Inputs).Concat(function.Roots));
        int Calls(IEnumerable<Site> sites) => sites.Sum(s => 1 + repeats[s.Call.Identity].Count());
        var groups = calls.Select(c => new Site(c, function, At(c.First), At(c.End), now))
            .Where(s => s.Last - s.First < function.Nodes.Length && s.IsLarge && !s.ChangesInPlace).GroupBy(s => s.Call.Method).Where(g => Calls(g) >= Callees.FewestCalls).SelectMany(g => g.GroupBy(s => s.Key))
            .Where(g => Calls(g) >= Callees.FewestCalls).OrderByDescending(g => g.First().Last - g.First().First);
        foreach (var group in groups)
        {
            bool IsApart(int first, int last) => !chosen.Exists(c => c.First < last && first < c.Last);
            var apart = group.Where(s => IsApart(s.First, s.Last)).ToList();
            foreach (var site in apart) site.Repeats = [.. repeats[site.Call.Identity].Where(i => IsApart(i, i + 1) && site.Stands(function.Nodes[i], read)).Select(i => function.Nodes[i])];
            if (apart.Sum(s => 1 + s.Repeats.Count) >= Callees.FewestCalls) chosen.AddRange(apart);
        }
        return [.. chosen.OrderBy(s => s.First)];
    }

    Function Rewrite(Function function, IReadOnlyDictionary<Node, int> number, IReadOnlyList<MethodCall> calls, List<Site> sites, Func<Value, Value?> now)
    {
        var readers = new Dictionary<Value, int>(); // the last node that reads it
        for (var i = 0; i < function.Nodes.Length; i++)
            foreach (var input in function.Nodes[i].Inputs) readers[input] = i;
        foreach (var root in function.Roots) readers[root] = int.MaxValue;
        // What any call gives, all do.
        var results = sites.GroupBy(s => (s.Call.Method, s.Key)).ToDictionary(g => g.Key, g => g.SelectMany(s => s.Results(readers)).Distinct().OrderBy(r => r).ToImmutableArray());
        foreach (var group in sites.GroupBy(s => (s.Call.Method, s.Key)))
        {
            var key = group.Key.Method + "\n" + group.Key.Key + string.Join(",", results[group.Key]);
            if (!byKey.TryGetValue(key, out var name)) byKey.Add(key, name = Add(group.First(), results[group.Key], number, calls, now));
            foreach (var site in group) site.Callee = name;
        }

        var rewriter = Rewriter.Over(program, function);
        var repeated = sites.SelectMany(s => s.Repeats.Select(r => (r, s))).ToDictionary(p => p.r, p => p.s);
        var next = 0;
        for (var i = 0; i < function.Nodes.Length; i++)
        {
            var node = function.Nodes[i];
            if (repeated.TryGetValue(node, out var like)) Call(like, ((RepeatOperation)node.Operation).Call, like.Operands.Select(v => node.Inputs[like.OperandOf(v)]), result => like.ResultOf(result) is { } at ? node.Outputs[at] : null);
            else if (next == sites.Count || i < sites[next].First) rewriter.Copy(node);
            else
            {
                var site = sites[next++];
                foreach (var own in site.Nodes)
                    if (own.Operation.IsNamed) rewriter.Copy(own);
                Call(site, site.Call, site.Operands, result => result);
                i = site.Last - 1;
            }
        }
        return rewriter.Finish(function);

        void Call(Site site, MethodCall call, IEnumerable<Value> operands, Func<Value, Value?> own)
        {
            using var _ = rewriter.Builder.At(origin(call.Location, call.Path));
            var made = rewriter.Builder.Call(site.Callee!, rewriter.New(operands));
            var given = results[(site.Call.Method, site.Key)];
            for (var r = 0; r < given.Length; r++)
                if (own(site.Result(given[r])) is { } result) rewriter.Map[result] = made.Outputs[r];
        }
    }

    // The function of a site, with its own calls outlined in turn.
    string Add(Site site, ImmutableArray<(int, int)> results, IReadOnlyDictionary<Node, int> number, IReadOnlyList<MethodCall> calls, Func<Value, Value?> now)
    {
        var name = Unique(new string([.. site.Call.Method.Select(c => char.IsLetterOrDigit(c) || c is '_' or '.' ? c : '_')]), n => program.Find(n) is not null, ".");
        var inner = new Rewriter(program, name);
        var names = new HashSet<string>();
        foreach (var operand in site.Operands)
        {
            var wanted = operand.State is { } path ? Within(path, site.Call.Path) : operand.Name ?? (operand.Producer!.Attributes.Text("name") is { } stream ? Within(stream, site.Call.Path) : "x");
            var unique = Unique(wanted, n => names.Contains(n), "_");
            names.Add(unique);
            inner.Map[operand] = inner.Builder.Argument(operand.Type, unique);
        }
        var numbers = new Dictionary<Node, int>();
        foreach (var node in site.Nodes)
        {
            if (node.Operation.IsNamed) continue;
            using var _ = inner.Builder.At([.. node.Origins.Select(o => o with { Path = Within(o.Path, site.Call.Path) })]);
            var copy = inner.Builder.Node(node.Operation is RepeatOperation repeat ? repeat.Under(path => Within(path, site.Call.Path)) : node.Operation, inner.New(node.Inputs), node.Attributes, node.Regions);
            for (var i = 0; i < node.Outputs.Length; i++) inner.Map[node.Outputs[i]] = copy.Outputs[i];
            numbers.Add(copy, number[node]);
        }
        var function = inner.Builder.Build([.. results.Select(r => inner[site.Result(r)])]);
        function = Run(function, numbers, [.. calls.Where(c => c.First >= site.Call.First && c.End <= site.Call.End && c != site.Call).Select(c => c with { Path = Within(c.Path, site.Call.Path) })], value => now(value) is { } mine && inner.Map.TryGetValue(mine, out var copy) ? copy : null);
        program = program with { Functions = program.Functions.Add(function) };
        return name;
    }

    static string Unique(string name, Func<string, bool> isTaken, string before)
    {
        var unique = name;
        for (var i = 2; isTaken(unique); i++) unique = name + before + i.ToString(CultureInfo.InvariantCulture);
        return unique;
    }

    // A path as seen from a module; one that does not lie in it begins at the model, with a slash.
    static string Within(string path, string module) =>
        module.Length == 0 ? path : path == module ? "" : path.StartsWith(module + ".", StringComparison.Ordinal) ? path.Substring(module.Length + 1) : path.Length == 0 || path[0] == '/' ? path : "/" + path;

    /// <summary>A call, as nodes of the finished function.</summary>
    /// <param name="now">What recorded values are in the function.</param>
    sealed class Site(MethodCall call, Function function, int first, int last, Func<Value, Value?> now)
    {
        readonly Dictionary<Value, int> operands = [];
        string? key;

        public MethodCall Call { get; } = call;
        public int First { get; } = first;
        public int Last { get; } = last;
        public string? Callee { get; set; }

        /// <summary>The calls that repeat this one, and become calls of its function with it.</summary>
        public IReadOnlyList<Node> Repeats { get; set; } = [];

        /// <summary>Whether it is large enough; what repeats a call does.</summary>
        public bool IsLarge => Nodes.Any(n => n.Operation is RepeatOperation) || Callees.IsLarge([.. Nodes]);

        public IEnumerable<Node> Nodes => Enumerable.Range(First, Last - First).Select(i => function.Nodes[i]);

        /// <summary>What is computed: equal for calls that compute the same.</summary>
        public string Key => key ??= MakeKey();

        /// <summary>Whether it changes a part of something from around it, such as one row of a cache: in the function around it that is done in place, and a function of its own would copy the whole.</summary>
        public bool ChangesInPlace
        {
            get
            {
                var own = new HashSet<Value>(Nodes.SelectMany(n => n.Outputs));
                return Nodes.Any(n => !n.Operation.IsCheck && n.Operation.Library(n) is { } traits && traits.InPlace.Any(p => !own.Contains(n.Inputs[p.Operand])));
            }
        }

        /// <summary>What it reads from around it, in the order in which it does.</summary>
        public IEnumerable<Value> Operands => operands.OrderBy(o => o.Value).Select(o => o.Key);

        // Where a repeat has what this call reads and gives.
        readonly Dictionary<Value, int> operandOf = [], resultOf = [];

        public int OperandOf(Value operand) => operandOf[operand];

        public int? ResultOf(Value result) => resultOf.TryGetValue(result, out var at) ? at : null;

        /// <summary>Whether this call's function can stand for one that repeats it.</summary>
        /// <param name="repeat">That call.</param>
        /// <param name="read">What anything reads.</param>
        public bool Stands(Node repeat, HashSet<Value> read)
        {
            var record = ((RepeatOperation)repeat.Operation).Record;
            if (operandOf.Count == 0)
            {
                for (var i = 0; i < record.Operands.Length; i++)
                    if (now(record.Operands[i]) is { } operand) operandOf[operand] = i;
                for (var i = 0; i < record.Results.Length; i++)
                    if (now(record.Results[i]) is { } result) resultOf[result] = i;
            }
            _ = Key;
            return operands.Keys.All(operandOf.ContainsKey) && repeat.Outputs.All(o => !read.Contains(o) || resultOf.ContainsValue(o.Index));
        }

        public Value Result((int Node, int Output) result) => function.Nodes[First + result.Node].Outputs[result.Output];

        /// <summary>What is read of it outside of it.</summary>
        public IEnumerable<(int Node, int Output)> Results(IReadOnlyDictionary<Value, int> readers)
        {
            for (var i = First; i < Last; i++)
                for (var o = 0; o < function.Nodes[i].Outputs.Length; o++)
                    if (!function.Nodes[i].Operation.IsNamed && IsRead(function.Nodes[i].Outputs[o], readers)) yield return (i - First, o);
        }

        bool IsRead(Value value, IReadOnlyDictionary<Value, int> readers) =>
            (readers.TryGetValue(value, out var reader) && reader >= Last) || (ResultOf(value) is { } at && Repeats.Any(r => readers.ContainsKey(r.Outputs[at])));

        string MakeKey()
        {
            var text = new StringBuilder();
            var own = new Dictionary<Value, int>();
            foreach (var node in Nodes)
            {
                if (node.Operation.IsNamed)
                {
                    text.Append(node.Name).Append('\n');
                    continue;
                }
                text.Append(node.Name).Append(node.Attributes);
                if (node.Operation is RepeatOperation repeat) text.Append(" of %").Append(repeat.Record.Results.Select(r => now(r) is { } mine && own.TryGetValue(mine, out var at) ? at : -1).First());
                foreach (var input in node.Inputs)
                {
                    if (own.TryGetValue(input, out var known)) text.Append(" %").Append(known);
                    else if (operands.TryGetValue(input, out known)) text.Append(" x").Append(known);
                    else
                    {
                        text.Append(" x").Append(operands.Count).Append(':').Append(input.Type);
                        operands.Add(input, operands.Count);
                    }
                }
                foreach (var region in node.Regions) text.Append('\n').Append(ProgramPrinter.Print(region));
                foreach (var output in node.Outputs) own.Add(output, own.Count);
                text.Append('\n');
            }
            return text.ToString();
        }
    }
}
