using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;

namespace Graph.Compiler.Ir.Text;

/// <summary>Reads the text form of programs. Types are inferred anew and compared with the written ones, so a text cannot claim a shape it does not have.</summary>
public sealed class ProgramParser
{
    readonly string[] lines;
    readonly IReadOnlyList<string> places;
    int line;
    Program program;

    ProgramParser(string text, OperationSet operations, IReadOnlyList<string> places)
    {
        this.places = places;
        lines = text.Replace("\r\n", "\n").Split('\n');
        program = new("program", [], [], [], operations);
    }

    /// <summary>Reads a program.</summary>
    /// <param name="text">What <see cref="ProgramPrinter"/> wrote.</param>
    /// <param name="operations">The operations that it may use.</param>
    /// <param name="places">The files and lines that origins refer to by number; they stay numbers when left out.</param>
    /// <exception cref="FormatException">The text is not a program of this version; the message names the line.</exception>
    public static Program Parse(string text, OperationSet operations, IReadOnlyList<string>? places = null)
    {
        var parser = new ProgramParser(text, operations, places ?? []);
        try
        {
            return parser.Parse();
        }
        catch (Exception e) when (e is ShapeException or KeyNotFoundException or FormatException or ArgumentException or InvalidOperationException or OverflowException)
        {
            var at = Math.Min(parser.line, parser.lines.Length - 1);
            throw new FormatException($"line {at + 1}: {e.Message.TrimEnd('.')}, in: {parser.lines[at].Trim()}", e);
        }
    }

    Program Parse()
    {
        for (; line < lines.Length; line++)
        {
            var text = StripComment(lines[line]).Trim();
            if (text.Length == 0) continue;
            var t = new Tokens(text);
            switch (t.Word())
            {
                case "program":
                    program = program with { Name = t.Word() };
                    if (t.TryWord("version") && t.Integer() != Program.FormatVersion) throw new FormatException($"this reader knows version {Program.FormatVersion} of the program format");
                    break;
                case "dim":
                    var name = t.Word();
                    t.Expect("≤");
                    var max = t.Integer();
                    t.Expect("~");
                    program = program with { Dims = program.Dims.Add(new(name, max, t.Integer())) };
                    break;
                case "param": State(t, StateKind.Parameter); break;
                case "state": State(t, StateKind.Buffer); break;
                case "optimizer": State(t, StateKind.Optimizer); break;
                case "counter": State(t, StateKind.Counter); break;
                case "session": State(t, StateKind.Session); break;
                case "array": State(t, StateKind.Constant); break;
                case "derived": State(t, StateKind.Derived); break;
                case "precision": var precision = t.Word(); program = program with { Precisions = program.Precisions.Add(new(t.AtEnd ? "" : t.Word(), precision)) }; break;
                case "exact": program = program with { Exact = program.Exact.Add(t.Word()) }; break;
                case "checkpoint": program = program with { Checkpoints = program.Checkpoints.Add(t.AtEnd ? "" : t.Word()) }; break;
                case "train": Train(t); break;
                case "rule": Rule(t); break;
                case "require": Require(t); break;
                case "range": Range(t); break;
                case "func": Function(t); break;
                case var word: throw new FormatException($"'{word}' begins no declaration");
            }
        }
        return program;
    }

    void State(Tokens t, StateKind kind)
    {
        var path = t.Word();
        t.Expect(":");
        var type = t.Type();
        t.Expect("=");
        var initKind = t.Word();
        double scale = initKind == "ones" ? 1 : 0;
        var values = new List<double>();
        if (t.Try("("))
        {
            if (initKind == InitSpec.Listed)
                while (!t.Try(")")) values.Add(t.Real());
            else { scale = t.Real(); t.Expect(")"); }
        }
        program = program with { States = program.States.Add(new(path, type, kind, initKind == InitSpec.Listed ? InitSpec.Of(values) : new(initKind, scale)) { Storage = t.TryWord("stored") ? t.Word() : StateStorages.Full }) };
    }

    void Train(Tokens t)
    {
        var a = t.Attributes();
        program = program with
        {
            Training = program.Training.Add(new(
                a.Text("name") ?? "", a.Text("loss") ?? "loss", a.Has("clip_norm") ? a.Real("clip_norm") : null, a.Text("precision") ?? "Float32", a.Has("learning_rate") ? a.Real("learning_rate") : null,
                a.Text("optimizer") ?? "") { LossScale = a.Real("loss_scale", 1), MicroBatches = (int)a.Int("micro_batches", 1), MemoryBudget = a.Has("memory_budget") ? a.Int("memory_budget") : null, Moments = a.DType("moments"), HasMasters = !a.Has("masters") || a.Bool("masters"), WithoutMasters = [.. a.Text("without_masters")?.Split(' ') ?? []] }),
        };
    }

    // Belongs to the training program above it.
    void Rule(Tokens t)
    {
        if (program.Training.IsEmpty) throw new FormatException("a rule stands under the training program that it belongs to");
        var function = t.Word();
        t.Expect("(");
        var states = ImmutableArray.CreateBuilder<string>();
        while (!t.Try(")")) states.Add(t.Word());
        var copies = ImmutableArray.CreateBuilder<DType>();
        if (t.Try("copies("))
            while (!t.Try(")")) copies.Add(DTypes.TryParse(t.Word(), out var type) ? type : throw new FormatException("a working copy is of an element type"));
        var parameters = ImmutableArray.CreateBuilder<string>();
        while (!t.AtEnd) parameters.Add(t.Word());
        var training = program.Training[program.Training.Length - 1];
        program = program with { Training = program.Training.Replace(training, training with { Rules = training.Rules.Add(new(function, states.ToImmutable(), parameters.ToImmutable()) { Copies = copies.ToImmutable() }) }) };
    }

    void Require(Tokens t)
    {
        var function = t.Word();
        var a = t.Attributes();
        program = program with { Requirements = program.Requirements.Add(new(function, a.Dims("size")[0], a.Int("least", 0), a.Text("what") ?? "", OriginHere())) };
    }

    void Range(Tokens t)
    {
        var function = t.Word();
        var a = t.Attributes();
        program = program with { Ranges = program.Ranges.Add(new(function, a.Text("argument") ?? "", a.Dims("below")[0], a.Has("except") ? a.Int("except", 0) : null, a.Text("what") ?? "", OriginHere())) };
    }

    Origin? OriginHere() => Origins(SplitComment(lines[line]).Comment).FirstOrDefault();

    void Function(Tokens t)
    {
        var builder = new Builder(program, t.Word());
        var values = Parameters(t, builder);
        var names = new List<string>();
        var types = new List<TensorType>();
        t.Expect("->");
        if (t.Try("("))
        {
            while (!t.Try(")"))
            {
                var mark = t.Position;
                var name = t.Word();
                if (t.Try(":")) names.Add(name); else t.Position = mark;
                types.Add(t.Type());
                t.Try(",");
            }
        }
        else types.Add(t.Type());
        line++;
        var function = Body(builder, values, 0, [.. names]);
        if (!function.Results.Select(r => r.Type).SequenceEqual(types))
            throw new FormatException($"{function.Name} returns {string.Join(", ", function.Results.Select(r => r.Type))}, but declares {string.Join(", ", types)}");
        program = program with { Functions = program.Functions.Add(function) };
    }

    static Dictionary<string, Value> Parameters(Tokens t, Builder builder)
    {
        var values = new Dictionary<string, Value>(StringComparer.Ordinal);
        t.Expect("(");
        while (!t.Try(")"))
        {
            var name = t.Word();
            t.Expect(":");
            values.Add(name, builder.Argument(t.Type(), name));
            t.Try(",");
        }
        return values;
    }

    static int Indent(string text) => text.Length - text.TrimStart(' ').Length;

    Function Body(Builder builder, Dictionary<string, Value> values, int outer, ImmutableArray<string> resultNames)
    {
        var updates = ImmutableArray.CreateBuilder<StateUpdate>();
        for (; line < lines.Length; line++)
        {
            var raw = lines[line];
            var (code, comment) = SplitComment(raw);
            if (code.Trim().Length == 0) continue;
            if (Indent(raw) <= outer) break;
            var t = new Tokens(code.Trim());
            if (t.TryWord("return"))
            {
                var results = new List<Value>();
                while (!t.AtEnd) { results.Add(Operand(t, builder, values)); t.Try(","); }
                return builder.Build([.. results], updates.ToImmutable(), resultNames);
            }
            if (t.TryWord("state"))
            {
                var path = t.Word();
                t.Expect("=");
                updates.Add(new(path, Operand(t, builder, values)));
                continue;
            }
            NodeLine(t, builder, values, Indent(raw), comment);
        }
        line = Math.Min(line, lines.Length - 1);
        throw new FormatException($"the function {builder.Name} has no return");
    }

    void NodeLine(Tokens t, Builder builder, Dictionary<string, Value> values, int indent, string comment)
    {
        var names = new List<string>();
        do names.Add(t.ResultName()); while (t.Try(","));
        t.Expect("=");
        var operation = program.Operations[t.Word()];
        var inputs = new List<Value>();
        while (!t.AtEnd && t.Peek is not ('{' or ':')) { inputs.Add(Operand(t, builder, values)); t.Try(","); }
        var attributes = t.Peek == '{' ? t.Attributes() : AttributeMap.Empty;
        var declared = new List<(TensorType Type, ImmutableArray<int> Order)>();
        if (t.Try(":"))
            do declared.Add((t.Type(), t.Try("@") ? [.. t.List().Select(d => (int)d.Constant)] : [])); while (t.Try(","));

        var regions = ImmutableArray.CreateBuilder<Function>();
        var at = line;
        while (line + 1 < lines.Length && lines[line + 1].TrimStart().StartsWith("region(", StringComparison.Ordinal) && Indent(lines[line + 1]) > indent)
        {
            line++;
            var header = new Tokens(lines[line].Trim());
            header.Word();
            var inner = new Builder(program, "region");
            var parameters = Parameters(header, inner);
            var regionIndent = Indent(lines[line]);
            line++;
            regions.Add(Body(inner, parameters, regionIndent, []));
        }
        var end = line;
        line = at; // an error below belongs to the node's own line
        using var _ = builder.At([.. Origins(comment)]);
        var node = builder.Node(operation, [.. inputs], attributes, regions.ToImmutable());
        line = end;
        if (node.Outputs.Length != names.Count) throw new FormatException($"{operation} gives {node.Outputs.Length} results, but {names.Count} are named");
        for (var i = 0; i < names.Count; i++)
        {
            if (declared.Count > 0 && (declared.Count != names.Count || declared[i].Type != node.Outputs[i].Type))
                throw new FormatException($"{operation} gives {string.Join(", ", node.Outputs.Select(o => o.Type))}, but the text says {string.Join(", ", declared.Select(d => d.Type))}");
            if (declared.Count > 0) node.Outputs[i].Order = declared[i].Order;
            if (values.ContainsKey(names[i])) throw new FormatException($"{names[i]} is defined twice");
            values.Add(names[i], node.Outputs[i]);
        }
    }

    Value Operand(Tokens t, Builder builder, Dictionary<string, Value> values)
    {
        var name = t.Operand();
        if (name[0] == '@')
        {
            var path = name.Substring(1);
            return builder.State(program.FindState(path) ?? throw new FormatException($"there is no state {path}"));
        }
        return values.TryGetValue(name, out var value) ? value : throw new FormatException($"{name} is not defined here");
    }

    IEnumerable<Origin> Origins(string comment) => All(comment).Distinct();

    // References become places where there is a table, and two nodes of a line have one.
    IEnumerable<Origin> All(string comment)
    {
        foreach (var part in comment.Split([", "], StringSplitOptions.RemoveEmptyEntries))
        {
            var space = part.IndexOf(' ');
            var place = space < 0 ? part : part.Substring(0, space);
            var path = space < 0 ? "" : part.Substring(space + 1);
            if (Origin.Entry(place) is { } entry) yield return new(entry < places.Count ? places[entry] : place, path);
            else if (place.LastIndexOf(':') is > 0 and var colon && int.TryParse(place.Substring(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _)) yield return new(place, path);
        }
    }

    static string StripComment(string text) => SplitComment(text).Code;

    // A semicolon begins a comment unless it stands in a text.
    static (string Code, string Comment) SplitComment(string text)
    {
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && quoted) i++;
            else if (text[i] == '"') quoted = !quoted;
            else if (text[i] == ';' && !quoted) return (text.Substring(0, i), text.Substring(i + 1).Trim());
        }
        return (text, "");
    }
}
