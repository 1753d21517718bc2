using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;

namespace Graph.Compiler.Passes;

/// <summary>
/// Looks at what the iterations of a loop pick before the loop begins. A check whose numbers follow from little (the iteration, counters that the loop carries, slices) goes to a loop in front, which computes these
/// numbers, stacks what it has seen, and does nothing else. The loop itself then ends by no exception, so it may write where its results outlive the call: a state of which it replaces parts stays where it lies.
/// </summary>
/// <remarks>Loops that may end early keep their checks: what they do not reach is nobody's mistake.</remarks>
public sealed record HoistChecks() : FunctionPass("HoistChecks")
{
    // Elements of a value that counts as little.
    const int Most = 64;

    public override Function Run(Function function, Program program, CancellationToken cancel)
    {
        if (!function.Nodes.Any(HasCheck)) return function;
        function = Bodies.Rewrite(function, program, (_, body) => Run(body, program, cancel));
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (node.Operation == StructureOperations.Loop && !LoopOperation.IsConditional(node.Attributes) && new Checks(node) is { Any: true } checks) checks.Emit(rewriter, program);
            else rewriter.Copy(node);
        }
        return rewriter.Finish(function);
    }

    static bool HasCheck(Node node) => node.Regions.Any(r => r.Nodes.Any(n => n.Operation.IsCheck || HasCheck(n)));

    /// <summary>The checks of a loop that can come before it, and what their numbers follow from.</summary>
    sealed class Checks
    {
        readonly Node loop;
        readonly Function body;
        readonly int carries, scanned;
        readonly List<Node> checks = [];
        readonly HashSet<Node> nodes = [];
        readonly SortedSet<int> parameters = []; // of the body, but for the iteration

        public Checks(Node loop)
        {
            this.loop = loop;
            body = loop.Regions[0];
            (carries, scanned, _) = LoopOperation.Shape(loop.Attributes);
            foreach (var check in body.Nodes.Where(n => n.Operation.IsCheck))
            {
                var (from, read) = (new HashSet<Node>(), new HashSet<int>());
                if (!IsLittle(check.Output) || !Follows(check.Output, from, read)) continue;
                checks.Add(check);
                nodes.UnionWith(from);
                parameters.UnionWith(read);
            }
        }

        public bool Any => checks.Count > 0;

        static bool IsLittle(Value value) => value.Shape.Size.TryConstant(out var size) && size <= Most;

        // Whether a value follows from little; what from. A carry follows from what it becomes in an iteration, too.
        bool Follows(Value value, HashSet<Node> from, HashSet<int> read)
        {
            if (value.Producer is not { } node)
            {
                var number = body.Parameters.IndexOf(value);
                return number == 0 || !read.Add(number) || number > carries || (IsLittle(value) && Follows(body.Results[number - 1], from, read));
            }
            return !from.Add(node)
                || (node.Operation.Kind is OpKind.Elementwise or OpKind.View or OpKind.Reduce || node.Operation.IsCheck) && node.Outputs.All(IsLittle) && node.Inputs.All(i => Follows(i, from, read));
        }

        /// <summary>Emits the loop in front, and the loop, which reads what that has seen slice by slice.</summary>
        public void Emit(Rewriter into, Program program)
        {
            var b = into.Builder;
            using var _ = b.At(loop.Origins);
            int[] kept = [.. parameters.Where(p => p <= carries)];
            var first = new Rewriter(program, body.Name);
            foreach (var p in parameters.Prepend(0)) Argument(first, p);
            foreach (var node in body.Nodes.Where(nodes.Contains)) first.Copy(node);
            var seen = b.Node(
                loop.Operation, into.New(parameters.Select(p => loop.Inputs[p - 1])), loop.Attributes.With("carries", kept.Length).With("scanned", parameters.Count(p => p > carries && p <= carries + scanned)),
                [first.Builder.Build([.. kept.Select(p => first[body.Results[p - 1]]), .. checks.Select(c => first[c.Output])])]);

            var rest = new Rewriter(program, body.Name);
            for (var p = 0; p <= carries + scanned; p++) Argument(rest, p);
            for (var c = 0; c < checks.Count; c++) rest.Map[checks[c].Output] = rest.Builder.Argument(checks[c].Output.Type, "seen" + c);
            for (var p = carries + scanned + 1; p < body.Parameters.Length; p++) Argument(rest, p);
            foreach (var node in body.Nodes)
                if (!checks.Contains(node)) rest.Copy(node);
            var inputs = into.New(loop.Inputs).InsertRange(carries + scanned, seen.Outputs.Skip(kept.Length));
            var copy = b.Node(loop.Operation, inputs, loop.Attributes.With("scanned", scanned + checks.Count), [rest.Builder.Build(rest.New(body.Results))]);
            for (var i = 0; i < loop.Outputs.Length; i++) into.Map[loop.Outputs[i]] = copy.Outputs[i];
        }

        void Argument(Rewriter to, int parameter) => to.Map[body.Parameters[parameter]] = to.Builder.Argument(body.Parameters[parameter].Type, body.Parameters[parameter].Name!);
    }
}
