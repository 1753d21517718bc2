using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Typing;

namespace Graph.Compiler.Passes;

/// <summary>
/// Makes states what they are to be stored in (<see cref="StateDecl.Storage"/>): 16 bits, which are widened where something computes with them and rounded where they are assigned. An assignment of a part
/// (<see cref="Operation.Replaces"/>) rounds the part and writes nothing else; loops, branches and called functions hand such states on in 16 bits.
/// </summary>
/// <remarks>
/// Flows in: a program whose states have the types that it computes in. Flows out: one whose states have those that they are stored in, with casts, of which a cast there and back is none after <see cref="Simplify"/>. It comes before types are
/// assigned (<see cref="AssignTypes"/>), which takes a state of 16 bits as it takes any other value of 16 bits.
/// </remarks>
public sealed record NarrowStates() : Pass("NarrowStates")
{
    public override Program Run(Program program, CancellationToken cancel = default)
    {
        if (program.States.All(s => s.Storage == StateStorages.Full)) return program;
        var called = Callees.Of(program);
        var narrowing = new Narrowing(program);
        foreach (var function in program.Functions)
        {
            cancel.ThrowIfCancellationRequested();
            narrowing.Add(function);
        }
        return Callees.Pruned(narrowing.Program, called);
    }

    /// <summary>Rewrites functions, callees first.</summary>
    sealed class Narrowing
    {
        readonly Program source;
        readonly TypeScope? computed;
        readonly Dictionary<string, Function> callees = [];

        public Narrowing(Program source)
        {
            this.source = source;
            computed = AssignTypes.Narrow(source) is { } narrow ? new(source, narrow) : null;
            Program = source with { States = [.. source.States.Select(s => s with { Type = s.Type with { DType = Stored(s.Storage, s.Path, s.Type.DType) }, Storage = StateStorages.Full })], Functions = [] };
        }

        /// <summary>With what is rewritten by now.</summary>
        public Program Program { get; private set; }

        DType Stored(string storage, string path, DType type) => storage switch
        {
            StateStorages.Full => type,
            StateStorages.Computed => computed?.Narrow(path) ?? type,
            _ => Precisions.Narrow(storage) ?? throw new VerificationException($"the state {path} is to be stored as {storage}"),
        };

        /// <summary>A function that takes and gives what it did.</summary>
        public void Add(Function function) => Keep(Run(function, function.Name, "", [.. function.Parameters.Select(p => p.DType)], [.. function.Results.Select(r => (DType?)r.DType)]));

        // Whether a state of 16 bits may be assigned in it.
        static bool Assigns(Function function) => function.Nodes.Any(n => n.Attributes.Has(StateStorages.Attribute) || n.Regions.Any(Assigns));

        Function Keep(Function function)
        {
            Program = Program with { Functions = Program.Functions.Add(function) };
            return function;
        }

        /// <summary>A function that takes some of what it takes, and gives some of what it gives, in 16 bits.</summary>
        /// <param name="function">The function.</param>
        /// <param name="name">What it is called then.</param>
        /// <param name="path">The module that the paths in it begin at.</param>
        /// <param name="given">The element types of its parameters.</param>
        /// <param name="wanted">Those of its results; null for one that is given as it comes.</param>
        Function Run(Function function, string name, string path, ImmutableArray<DType> given, ImmutableArray<DType?> wanted)
        {
            var rewriter = new Rewriter(Program, name);
            var b = rewriter.Builder;
            var stored = new Dictionary<Value, Value>(); // values of the function by what holds them in 16 bits
            for (var i = 0; i < given.Length; i++) Define(function.Parameters[i], b.Argument(function.Parameters[i].Type with { DType = given[i] }, function.Parameters[i].Name!));
            foreach (var state in function.States) Define(state, b.State(Program.FindState(state.State!)!));
            foreach (var node in function.Nodes)
            {
                using var _ = b.At(node.Origins);
                var narrow = node.Inputs.Any(stored.ContainsKey);
                if (node.Attributes.Text(StateStorages.Attribute) is { } storage) Define(node.Output, As(node.Inputs[0], Stored(storage, PathOf(node), node.Output.DType)));
                else if (narrow && node.Operation.Replaces(node) is { } whole && stored.TryGetValue(node.Inputs[whole], out var old))
                    Made(node, b.Node(node.Operation, [.. node.Inputs.Select(v => v.DType == node.Inputs[whole].DType ? As(v, old.DType) : Wide(v))], node.Attributes));
                else if (narrow && node.Operation.Kind == OpKind.View && node.Inputs.Length == 1) Made(node, b.Node(node.Operation, [stored[node.Inputs[0]]], node.Attributes));
                else if (narrow && Attends(node)) Made(node, b.Node(node.Operation, [.. node.Inputs.Select((v, i) => i is AttentionForm.Key or AttentionForm.Value ? stored[v] : Wide(v))], node.Attributes));
                else if ((narrow || node.Regions.Any(Assigns)) && node.Operation == StructureOperations.Loop) Loop(node);
                else if ((narrow || node.Regions.Any(Assigns)) && node.Operation == StructureOperations.If) If(node);
                else if (node.Operation == StructureOperations.Call && (narrow || Assigns(source.Find(CallOperation.CalleeName(node)!)!))) Call(node);
                else
                {
                    foreach (var input in node.Inputs) Wide(input);
                    rewriter.Copy(node);
                }
            }
            return b.Build(
                [.. function.Results.Select((r, i) => wanted[i] is { } type ? As(r, type) : stored.TryGetValue(r, out var value) ? value : Wide(r))],
                [.. function.Updates.Select(u => new StateUpdate(u.Path, As(u.Value, Program.FindState(u.Path)!.Type.DType)))], function.ResultNames);

            string PathOf(Node node) => (node.Origins.IsEmpty ? new("", "") : node.Origins[0]).Under(path).Path;

            void Define(Value value, Value made)
            {
                if (made.DType == value.DType) rewriter.Map[value] = made;
                else stored[value] = made;
            }

            void Made(Node node, Node made)
            {
                for (var i = 0; i < node.Outputs.Length; i++) Define(node.Outputs[i], made.Outputs[i]);
            }

            // Keys and values in one type of 16 bits are widened by the kernel.
            bool Attends(Node node) => node.Operation.Attention(node) is { IsGradient: false } && node.Inputs[AttentionForm.Query].DType == DType.F32
                && stored.TryGetValue(node.Inputs[AttentionForm.Key], out var key) && stored.TryGetValue(node.Inputs[AttentionForm.Value], out var value) && key.DType == value.DType;

            // As what computes with it sees it.
            Value Wide(Value value) => rewriter.Map.TryGetValue(value, out var known) ? known : rewriter.Map[value] = b.Cast(stored[value], value.DType);

            Value As(Value value, DType type) => stored.TryGetValue(value, out var narrow) && narrow.DType == type ? narrow : b.Cast(Wide(value), type);

            Value Natural(Value value) => stored.TryGetValue(value, out var narrow) ? narrow : Wide(value);

            void Loop(Node node)
            {
                var (carries, _, _) = LoopOperation.Shape(node.Attributes);
                var inputs = node.Inputs.Select(Natural).ToImmutableArray();
                var body = node.Regions[0];
                var made = Run(body, body.Name, path, [body.Parameters[0].DType, .. inputs.Select(i => i.DType)], [.. body.Results.Select((r, i) => i < carries ? inputs[i].DType : (DType?)null)]);
                Made(node, b.Node(node.Operation, inputs, node.Attributes, [made]));
            }

            // Both sides give the same types.
            void If(Node node)
            {
                ImmutableArray<Value> inputs = [Wide(node.Inputs[0]), .. node.Inputs.Skip(1).Select(Natural)];
                ImmutableArray<DType> types = [.. inputs.Skip(1).Select(i => i.DType)];
                var sides = node.Regions.Select(r => Run(r, r.Name, path, types, [.. r.Results.Select(_ => (DType?)null)])).ToList();
                ImmutableArray<DType?> gives = [.. node.Outputs.Select((o, i) => sides.Select(s => (DType?)s.Results[i].DType).FirstOrDefault(t => t != o.DType) ?? o.DType)];
                Made(node, b.Node(node.Operation, inputs, node.Attributes, [.. node.Regions.Select(r => Run(r, r.Name, path, types, gives))]));
            }

            void Call(Node node)
            {
                var callee = CallOperation.CalleeName(node)!;
                var inputs = node.Inputs.Select(Natural).ToImmutableArray();
                var at = PathOf(node);
                var key = callee + "(" + string.Join(",", inputs.Select(i => i.DType.Name())) + ")" + computed?.Narrow(at);
                if (!callees.TryGetValue(key, out var made))
                {
                    var before = source.Find(callee)!;
                    callees.Add(key, made = Keep(Run(before, callee + ".stored" + (callees.Count + 1).ToString(CultureInfo.InvariantCulture), at, [.. inputs.Select(i => i.DType)], [.. before.Results.Select(_ => (DType?)null)])));
                }
                b.Program = Program; // which has the callee by now
                Made(node, b.Node(node.Operation, inputs, node.Attributes.With("callee", made.Name)));
            }
        }
    }
}
