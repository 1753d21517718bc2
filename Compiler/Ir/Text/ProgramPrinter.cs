using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.Compiler.Ir.Text;

/// <summary>Writes programs as text: one line a node, with its type and where it came from.</summary>
public static class ProgramPrinter
{
    /// <summary>The whole program; <paramref name="origins"/> adds the source lines as trailing comments.</summary>
    public static string Print(Program program, bool origins = true)
    {
        var text = new StringBuilder();
        text.Append("program ").Append(program.Name).Append(" version ").Append(Program.FormatVersion).Append('\n');
        foreach (var dim in program.Dims)
            text.Append("dim ").Append(dim.Name).Append(" ≤ ").Append(Number(dim.Max)).Append(" ~ ").Append(Number(dim.Typical)).Append('\n');
        foreach (var state in program.States)
            text.Append(Keyword(state.Kind)).Append(' ').Append(state.Path).Append(" : ").Append(state.Type).Append(" = ").Append(state.Init).Append(state.Storage.Length > 0 ? " stored " + state.Storage : "").Append('\n');
        foreach (var module in program.Precisions) text.Append("precision ").Append(module.Precision).Append(module.Path.Length > 0 ? " " + module.Path : "").Append('\n');
        foreach (var entry in program.Exact) text.Append("exact ").Append(entry).Append('\n');
        foreach (var path in program.Checkpoints) text.Append("checkpoint").Append(path.Length > 0 ? " " + path : "").Append('\n');
        foreach (var training in program.Training) Print(training, text);
        foreach (var need in program.Requirements)
            Note("require", need.Function, AttributeMap.Of(("size", new Attr.List([need.Size])), ("least", need.Least), ("what", need.What)), need.Origin);
        foreach (var range in program.Ranges)
        {
            var attributes = AttributeMap.Of(("argument", range.Argument), ("below", new Attr.List([range.Below])), ("what", range.What));
            Note("range", range.Function, range.Except is { } except ? attributes.With("except", except) : attributes, range.Origin);
        }

        void Note(string keyword, string function, AttributeMap attributes, Origin? origin) =>
            text.Append(keyword).Append(' ').Append(function).Append(' ').Append(attributes).Append(origins && origin is not null ? "  ; " + origin : "").Append('\n');

        foreach (var function in program.Functions)
        {
            text.Append('\n');
            Print(function, text, origins);
        }
        return text.ToString();
    }

    static void Print(TrainingProgram training, StringBuilder text)
    {
        var attributes = AttributeMap.Of(("loss", training.Loss), ("precision", training.Precision), ("optimizer", training.Optimizer));
        if (training.Name.Length > 0) attributes = attributes.With("name", training.Name);
        if (training.ClipNorm is { } clip) attributes = attributes.With("clip_norm", clip);
        if (training.LossScale != 1) attributes = attributes.With("loss_scale", training.LossScale);
        if (training.MicroBatches != 1) attributes = attributes.With("micro_batches", training.MicroBatches);
        if (training.MemoryBudget is { } budget) attributes = attributes.With("memory_budget", budget);
        if (training.Moments is { } moments) attributes = attributes.With("moments", moments);
        if (!training.HasMasters) attributes = attributes.With("masters", false);
        if (!training.WithoutMasters.IsEmpty) attributes = attributes.With("without_masters", string.Join(" ", training.WithoutMasters));
        if (training.LearningRate is { } rate) attributes = attributes.With("learning_rate", rate);
        text.Append("train ").Append(attributes).Append('\n');
        foreach (var rule in training.Rules)
        {
            text.Append("  rule ").Append(rule.Function).Append(" (").Append(string.Join(" ", rule.States)).Append(')');
            if (!rule.Copies.IsEmpty) text.Append(" copies(").Append(string.Join(" ", rule.Copies.Select(c => c.Name()))).Append(')');
            foreach (var parameter in rule.Parameters) text.Append(' ').Append(parameter);
            text.Append('\n');
        }
    }

    /// <summary>The text of one function.</summary>
    public static string Print(Function function, bool origins = false)
    {
        var text = new StringBuilder();
        Print(function, text, origins);
        return text.ToString();
    }

    internal static string Keyword(StateKind kind) => kind switch
    {
        StateKind.Parameter => "param",
        StateKind.Buffer => "state",
        StateKind.Optimizer => "optimizer",
        StateKind.Counter => "counter",
        StateKind.Session => "session",
        StateKind.Constant => "array",
        StateKind.Derived => "derived",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such kind of state."),
    };

    static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    static void Print(Function function, StringBuilder text, bool origins)
    {
        text.Append("func ").Append(function.Name).Append('(').Append(string.Join(", ", function.Parameters.Select(p => p.Name + ": " + p.Type))).Append(") -> ");
        text.Append('(').Append(string.Join(", ", function.Results.Select((r, i) => (i < function.ResultNames.Length ? function.ResultNames[i] + ": " : "") + r.Type))).Append(")\n");
        Body(function, text, origins, "  ");
    }

    static void Body(Function function, StringBuilder text, bool origins, string indent)
    {
        var names = new Dictionary<Value, string>();
        foreach (var p in function.Parameters) names[p] = p.Name!;
        foreach (var s in function.States) names[s] = "@" + s.State;
        foreach (var node in function.Nodes)
        {
            foreach (var output in node.Outputs) names[output] = "%" + Number(names.Count - function.Parameters.Length - function.States.Length);
            text.Append(indent).Append(string.Join(", ", node.Outputs.Select(o => names[o]))).Append(" = ").Append(node.Name);
            if (node.Inputs.Length > 0) text.Append(' ').Append(string.Join(", ", node.Inputs.Select(i => names[i])));
            if (node.Attributes.Count > 0) text.Append(' ').Append(node.Attributes);
            text.Append(" : ").Append(string.Join(", ", node.Outputs.Select(Type)));
            if (origins && node.Origins.Length > 0) text.Append("  ; ").Append(string.Join(", ", node.Origins));
            text.Append('\n');
            foreach (var region in node.Regions)
            {
                text.Append(indent).Append("  region(").Append(string.Join(", ", region.Parameters.Select(p => p.Name + ": " + p.Type))).Append(")\n");
                Body(region, text, false, indent + "    ");
            }
        }
        foreach (var update in function.Updates)
            text.Append(indent).Append("state ").Append(update.Path).Append(" = ").Append(names[update.Value]).Append('\n');
        text.Append(indent).Append("return");
        if (function.Results.Length > 0) text.Append(' ').Append(string.Join(", ", function.Results.Select(r => names[r])));
        text.Append('\n');
    }

    static string Type(Value value) => value.Order.IsEmpty ? value.Type.ToString() : value.Type + "@[" + string.Join(",", value.Order) + "]";
}
