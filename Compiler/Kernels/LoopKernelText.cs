using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels;

/// <summary>
/// Writes a loop kernel so that it reads back equal, and kernels of equal text are equal. A line is an axis, an operand, or one step of the scalar body; types are written where they do not follow from
/// what a step reads.
/// </summary>
static class LoopKernelText
{
    public static string Write(LoopKernel kernel)
    {
        var text = new StringBuilder();
        text.Append(kernel.Form.ToString().ToLowerInvariant()).Append(kernel.IsFlat ? " flat" : "");
        if (kernel.Lanes > 0) text.Append(' ').Append(ReductionOrder.Text(kernel.Lanes));
        if (kernel.Split is { } split) text.Append(" part ").Append(split.PartAxis).Append(" of axis ").Append(split.SplitAxis);
        text.Append('\n');
        for (var i = 0; i < kernel.Axes.Length; i++)
        {
            var axis = kernel.Axes[i];
            var isExtent = kernel.IsFlat && i == kernel.Lane && axis.Size == Extent.Zero;
            text.Append("  axis ").Append(i).Append(": ").Append(axis.Role.ToString().ToLowerInvariant()).Append(' ').Append(isExtent ? "all" : axis.Size.ToString()).Append(axis.Reduced ? " reduced" : "").Append('\n');
        }
        for (var i = 0; i < kernel.Accesses.Length; i++) text.Append("  access ").Append(i).Append(": ").Append(kernel.Accesses[i]).Append('\n');
        var body = new BodyWriter(kernel, text);
        foreach (var stage in kernel.Stages)
        {
            text.Append("  stage\n");
            foreach (var reduction in stage.Reductions) body.Assign("r" + reduction.Index + " = " + Word(reduction) + " ", reduction.Value);
            foreach (var cache in stage.Caches) body.Assign("c" + cache.Slot + " = ", cache.Value);
            foreach (var store in stage.Stores) body.Assign((store.Access < 0 ? "tile" : "[" + store.Access + "]") + " = ", store.Value);
        }
        if (kernel.Finals.Length > 0) text.Append("  finally\n");
        foreach (var store in kernel.Finals) body.Assign("[" + store.Access + "] = ", store.Value);
        return text.ToString();
    }

    /// <summary>What stands for an input in the body.</summary>
    public static string Name(Source source) => source switch
    {
        Source.Load load => "[" + load.Access + "]",
        Source.Reduced r => "r" + r.Reduction,
        Source.Cached c => "c" + c.Slot,
        Source.Size size => "size(" + size.Value + ")",
        Source.Tile => "tile",
        var other => throw new InvalidOperationException($"A kernel has the unknown source {other}."),
    };

    // Sums, products and extremes have names; anything else says with what it begins and how two become one.
    static string Word(Reduction reduction)
    {
        foreach (var (word, op, neutral) in Words)
            if (reduction.Operation == op && reduction.First == reduction.Index && reduction.Neutral.Constant.Equals(neutral)
                && reduction.Neutral.Type == reduction.Value.Type && reduction.Combine.Type == reduction.Value.Type && reduction.Combine.Arguments.All(a => a.Type == reduction.Value.Type)) return word;
        return FormattableString.Invariant($"fold {reduction.First} from {Constant(reduction.Neutral)} by {Nested(reduction.Combine)} of");
    }

    /// <summary>The reductions by one scalar operation that have names, with what each begins with.</summary>
    public static readonly ImmutableArray<(string Word, ScalarOp Op, double Neutral)> Words =
        [("sum", ScalarOp.Add, 0), ("product", ScalarOp.Mul, 1), ("max", ScalarOp.Max, double.NegativeInfinity), ("min", ScalarOp.Min, double.PositiveInfinity)];

    static string Constant(Scalar s) => new Attr.Real(s.Constant) + (s.Type == DType.F32 ? "" : ":" + s.Type.Name());

    // An expression in one line: x0 is an input, and every operation has its operands in parentheses.
    static string Nested(Scalar s)
    {
        switch (s.Op)
        {
            case ScalarOp.Input: return FormattableString.Invariant($"x{s.Index}") + (s.Type == DType.F32 ? "" : ":" + s.Type.Name());
            case ScalarOp.Constant: return Constant(s);
            case ScalarOp.Cast: return s.Type.Name() + "(" + Nested(s.Arguments[0]) + ")";
            case ScalarOp.AxisIndex or ScalarOp.LinearIndex or ScalarOp.Dimension or ScalarOp.Uniform: throw new InvalidOperationException($"An accumulator is combined by {s.Op}, which belongs to elements.");
            default:
                var text = s.Op.ToString().ToLowerInvariant() + "(" + string.Join(",", s.Arguments.Select(Nested)) + ")";
                return s.Type == Inferred(s.Op, s.Arguments) ? text : text + ":" + s.Type.Name();
        }
    }

    sealed class BodyWriter(LoopKernel kernel, StringBuilder text)
    {
        readonly Dictionary<Scalar, string> names = [];
        int values;

        public void Assign(string target, Scalar value)
        {
            foreach (var s in Scalar.Order([value]))
                if (!names.ContainsKey(s)) names[s] = Define(s);
            text.Append("    ").Append(target).Append(names[value]).Append('\n');
        }

        string Define(Scalar s)
        {
            switch (s.Op)
            {
                case ScalarOp.Input:
                    return Name(kernel.Sources[s.Index]) + (kernel.Sources[s.Index] is Source.Tile && s.Type != DType.F32 ? ":" + s.Type.Name() : "");
                case ScalarOp.Constant:
                    return Constant(s);
                case ScalarOp.AxisIndex:
                    return "index" + s.Index;
                default:
                    var arguments = string.Join(", ", s.Arguments.Select(a => names[a]));
                    var name = "v" + (values++).ToString(CultureInfo.InvariantCulture);
                    text.Append("    ").Append(name).Append(" = ").Append(s.Op == ScalarOp.Cast ? s.Type.Name() : s.Op.ToString().ToLowerInvariant()).Append(' ').Append(arguments);
                    if (s.Op != ScalarOp.Cast && s.Type != Inferred(s.Op, s.Arguments)) text.Append(" : ").Append(s.Type.Name());
                    text.Append('\n');
                    return name;
            }
        }
    }

    /// <summary>The type of a step that says none.</summary>
    public static DType Inferred(ScalarOp op, ImmutableArray<Scalar> arguments) => op switch
    {
        ScalarOp.Equal or ScalarOp.Less or ScalarOp.LessEqual or ScalarOp.And or ScalarOp.Or or ScalarOp.Not => DType.Bool,
        ScalarOp.Uniform => DType.F32,
        ScalarOp.Select => DTypes.Promote(arguments[1].Type, arguments[2].Type),
        _ => Promoted(arguments),
    };

    static DType Promoted(ImmutableArray<Scalar> arguments)
    {
        var type = arguments[0].Type;
        for (var i = 1; i < arguments.Length; i++) type = DTypes.Promote(type, arguments[i].Type);
        return type;
    }
}
