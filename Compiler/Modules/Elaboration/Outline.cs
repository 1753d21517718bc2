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
/// Makes functions of methods that one function calls often (<see cref="Callees"/>). Every call was evaluated; those that came to the same operations on operands of the same types become calls of one function,
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
    public Function Run(Function function, IReadOnlyDictionary<Node, int> number, IReadOnlyList<MethodCall> calls)
    {
        var numbers = function.Nodes.Select(n => number[n]).ToArray();
        var sites = Sites(function, numbers, calls);
        return sites.Count == 0 ? function : Rewrite(function, number, calls, sites);
    }

    // The calls that become calls of functions: outermost first, which leave what lies in them to their own function.
    List<Site> Sites(Function function, int[] numbers, IReadOnlyList<MethodCall> calls)
    {
        int At(int node) => Array.BinarySearch(numbers, node) is var at && at >= 0 ? at : ~at;
        var chosen = new List<Site>();
        var groups = calls.Select(c => new Site(c, function, At(c.First), At(c.End)))
            .Where(s => s.Last - s.First < function.Nodes.Length && Callees.IsLarge([.. s.Nodes]) && !s.ChangesInPlace).GroupBy(s => s.Call.Method).Where(g => g.Count() >= Callees.FewestCalls).SelectMany(g => g.GroupBy(s => s.Key))
            .Where(g => g.Count() >= Callees.FewestCalls).OrderByDescending(g => g.First().Last - g.First().First);
        foreach (var group in groups)
        {
            var apart = group.Where(s => !chosen.Exists(c => c.First < s.Last && s.First < c.Last)).ToList();
            if (apart.Count >= Callees.FewestCalls) chosen.AddRange(apart);
        }
        return [.. chosen.OrderBy(s => s.First)];
    }

    Function Rewrite(Function function, IReadOnlyDictionary<Node, int> number, IReadOnlyList<MethodCall> calls, List<Site> sites)
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
            if (!byKey.TryGetValue(key, out var name)) byKey.Add(key, name = Add(group.First(), results[group.Key], number, calls));
            foreach (var site in group) site.Callee = name;
        }

        var rewriter = Rewriter.Over(program, function);
        var next = 0;
        for (var i = 0; i < function.Nodes.Length; i++)
        {
            if (next == sites.Count || i < sites[next].First)
            {
                rewriter.Copy(function.Nodes[i]);
                continue;
            }
            var site = sites[next++];
            foreach (var node in site.Nodes)
                if (node.Operation.IsNamed) rewriter.Copy(node);
            using var _ = rewriter.Builder.At(origin(site.Call.Location, site.Call.Path));
            var call = rewriter.Builder.Call(site.Callee!, rewriter.New(site.Operands));
            var given = results[(site.Call.Method, site.Key)];
            for (var r = 0; r < given.Length; r++) rewriter.Map[site.Result(given[r])] = call.Outputs[r];
            i = site.Last - 1;
        }
        return rewriter.Finish(function);
    }

    // The function of a site, with its own calls outlined in turn.
    string Add(Site site, ImmutableArray<(int, int)> results, IReadOnlyDictionary<Node, int> number, IReadOnlyList<MethodCall> calls)
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
            var copy = inner.Builder.Node(node.Operation, inner.New(node.Inputs), node.Attributes, node.Regions);
            for (var i = 0; i < node.Outputs.Length; i++) inner.Map[node.Outputs[i]] = copy.Outputs[i];
            numbers.Add(copy, number[node]);
        }
        var function = inner.Builder.Build([.. results.Select(r => inner[site.Result(r)])]);
        function = Run(function, numbers, [.. calls.Where(c => c.First >= site.Call.First && c.End <= site.Call.End && c != site.Call).Select(c => c with { Path = Within(c.Path, site.Call.Path) })]);
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
    sealed class Site(MethodCall call, Function function, int first, int last)
    {
        readonly Dictionary<Value, int> operands = [];
        string? key;

        public MethodCall Call { get; } = call;
        public int First { get; } = first;
        public int Last { get; } = last;
        public string? Callee { get; set; }
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

        public Value Result((int Node, int Output) result) => function.Nodes[First + result.Node].Outputs[result.Output];

        /// <summary>What is read of it outside of it.</summary>
        public IEnumerable<(int Node, int Output)> Results(IReadOnlyDictionary<Value, int> readers)
        {
            for (var i = First; i < Last; i++)
                for (var o = 0; o < function.Nodes[i].Outputs.Length; o++)
                    if (!function.Nodes[i].Operation.IsNamed && readers.TryGetValue(function.Nodes[i].Outputs[o], out var reader) && reader >= Last) yield return (i - First, o);
        }

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
