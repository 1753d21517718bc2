using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Space;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Compiler.Lowering;

// Launches over many tensors at once: the optimizer, and the norm of all gradients.
sealed partial class FunctionLowering
{
    /// <summary>A rule on all of its parameters as one segmented launch, or one for each form that its kernels have.</summary>
    void Update(Node node)
    {
        var rule = CallOperation.Callee(program, node.Attributes);
        var each = rule.Results.Length;
        // Value, gradient and states have their elements in the same places, whether the rule combines them or not.
        var alike = rule.Parameters.Concat(rule.Results).Where(v => !UpdateOperation.IsNumber(v)).ToImmutableArray();
        var built = new List<(BuiltKernel Kernel, Dim Extent)>();
        var bound = new Dictionary<Dim, BuiltKernel>();
        var number = UpdateOperation.Number(rule);
        for (var part = 0; part < node.Outputs.Length / each; part++)
        {
            var shape = node.Outputs[part * each].Shape;
            Value Operand(int parameter) => node.Inputs[UpdateOperation.Operand(rule, part, parameter)];
            var sizes = new Dictionary<string, Dim>(StringComparer.Ordinal) { [UpdateOperation.Length(rule)] = shape.Size };
            if (number is not null) sizes.Add(number, part + 1);
            var reads = new (Value, Placement)[rule.Parameters.Length];
            for (var i = 0; i < reads.Length; i++) reads[i] = (rule.Parameters[i], UpdateOperation.IsNumber(rule.Parameters[i]) ? places[Operand(i)] : Row(Operand(i), node));
            ImmutableArray<(Value, Placement)> read = [.. reads];
            KernelSpec Spec(ImmutableArray<(Value Value, Placement Place)> to) => new(rule.Nodes, read, [.. to.Select(o => (o.Value, Row(o.Place, shape)!))]) { Alike = alike };
            var kernel = BuildAlike(rule.Name, Spec([.. rule.Results.Select((r, i) => (r, PlaceOf(node.Outputs[part * each + i])))]));
            // Its elements are handed out in pieces, so none of them may look at the others.
            if (kernel is not { Kernel.Form: KernelForm.Map }) throw new InvalidOperationException($"The function {rule.Name} is not elementwise.");
            // Parameters of one size lie alike, mostly.
            kernel = number is null && bound.TryGetValue(shape.Size, out var same) && ReferenceEquals(same.Kernel, kernel.Kernel) ? same with { Operands = kernel.Operands } : (bound[shape.Size] = Bind(kernel, sizes));
            if (Overwrites(kernel)) Redirect([.. rule.Results.Select((r, i) => (r, node.Outputs[part * each + i]))], to => Bind(TryBuild(Spec(to))!, sizes), node);
            else built.Add((kernel, kernel.Extent));
        }
        foreach (var group in built.GroupBy(b => b.Kernel.Kernel.Text)) Segmented(node, [.. group]);
    }

    static bool IsRow(Placement place, Shape shape)
    {
        var dense = shape.Strides;
        for (var axis = 0; axis < dense.Length; axis++)
            if (place.Strides[axis] != dense[axis]) return false;
        return true;
    }

    // A tensor as one row; what does not lie so is copied.
    Placement Row(Value value, Node node) => Row(places[value], value.Shape) ?? Row(DenseCopy(value, node), value.Shape)!;

    static readonly ImmutableArray<Dim> unit = [Dim.One];

    static Placement? Row(Placement place, Shape shape) => IsRow(place, shape) ? place with { Strides = unit } : Views.Reshape(shape, place.Strides, Shape.Of(shape.Size)) is { IsDefault: false } strides ? place with { Strides = strides } : null;

    /// <summary>Builds a kernel once for operands that lie alike, and takes it over to the memory of the others: a model has many parameters of one shape, and rules are of any.</summary>
    /// <param name="what">What is computed: equal for specifications that differ in their placements alone.</param>
    /// <param name="spec">The specification.</param>
    BuiltKernel? BuildAlike(string what, KernelSpec spec)
    {
        var places = new OperandPlaces(what, spec);
        if (!alike.TryGetValue(places, out var first)) alike.Add(places, first = (TryBuild(spec), places));
        return first.Kernel is null ? null : first.Kernel with { Operands = [.. first.Kernel.Operands.Select(o => o with { Buffer = places.InPlaceOf(o.Buffer, first.Places) })] };
    }

    readonly Dictionary<OperandPlaces, (BuiltKernel? Kernel, OperandPlaces Places)> alike = [];

    static BuiltKernel Bind(BuiltKernel kernel, IReadOnlyDictionary<string, Dim> sizes) => kernel with
    {
        Extent = kernel.Extent.Substitute(sizes), Dims = [.. kernel.Dims.Select(d => d.Substitute(sizes))],
        Flops = kernel.Flops.Substitute(sizes), Traffic = kernel.Traffic.Substitute(sizes),
    };

    void Segmented(Node node, ImmutableArray<(BuiltKernel Kernel, Dim Extent)> built)
    {
        var operands = ImmutableArray.CreateBuilder<Operand>();
        var inPlace = ImmutableArray.CreateBuilder<InPlace>();
        var segments = ImmutableArray.CreateBuilder<Segment>();
        foreach (var (kernel, extent) in built)
        {
            segments.Add(new(operands.Count, kernel.Operands.Length, kernel.Dims, extent));
            inPlace.AddRange(kernel.InPlace.Select(p => new InPlace(p.Written + operands.Count, p.Read + operands.Count)));
            operands.AddRange(kernel.Operands);
        }
        var first = built[0].Kernel;
        Add(node, new SegmentedLaunch(node.Origins, operands.ToImmutable(), inPlace.ToImmutable(), kernels.Add(first.Kernel), segments.ToImmutable(), first.Grain, first.ScratchBytes)
        {
            Flops = built.Aggregate(Dim.Zero, (sum, b) => sum + b.Kernel.Flops),
            Traffic = built.Aggregate(Dim.Zero, (sum, b) => sum + b.Kernel.Traffic),
        });
    }

    /// <summary>The length of many tensors as one vector: one segmented launch makes partial sums of their squares, a second adds those in order and takes the root.</summary>
    void GradientNorm(Node node)
    {
        var parts = node.Inputs.Select(x => Math.Max(1, Math.Min(target.Sums.MostNormParts, x.Shape.Size.Evaluate(typical) / target.Sums.PartWork))).ToList();
        var partial = NewBuffer("partial sums", BufferKind.Arena, node.Output.DType, parts.Sum());
        var built = new List<(BuiltKernel, Dim)>();
        Dim offset = 0;
        for (var i = 0; i < parts.Count; i++)
        {
            built.Add((Squares(node, node.Inputs[i], node.Output.DType, parts[i], partial, offset) with { Grain = 1 }, parts[i]));
            offset += parts[i];
        }
        foreach (var group in built.GroupBy(b => b.Item1.Kernel.Text)) Segmented(node, [.. group]);

        var add = new Builder(program, "norm");
        var sums = add.Argument(new(node.Output.DType, Shape.Of(parts.Sum())), "partial");
        var norm = add.Sqrt(add.Sum(sums, 0, keep: false));
        Launch(node, TryBuild(new([.. add.Nodes], [(sums, new(partial, Dim.Zero, [Dim.One]))], [(norm, PlaceOf(node.Output))]))!);
    }

    // The number of parts is the launch's extent, so that sums over tensors of different sizes are one kernel.
    BuiltKernel Squares(Node node, Value tensor, DType type, long parts, Buffer partial, Dim offset)
    {
        if (!squares.TryGetValue((tensor.Type, type, parts), out var known)) squares.Add((tensor.Type, type, parts), known = SumOfSquares(tensor.Type, type, parts));
        var (what, nodes, argument, sum) = known;
        var spec = new KernelSpec(nodes, [(argument, DenseCopy(tensor, node))], [(sum, new(partial, Dim.Zero, [Dim.One]))]) { Parts = (int)parts, AnySize = true };
        // A single number is its own sum.
        var built = BuildAlike(what, spec) ?? BuildAlike(what + " whole", spec with { Parts = 0, Outputs = [(sum, new(partial, Dim.Zero, []))] })!;
        return built with { Operands = [.. built.Operands.Select(o => o.IsWritten ? o with { Offset = o.Offset + offset } : o)] };
    }

    readonly Dictionary<(TensorType Tensor, DType Sum, long Parts), (string What, ImmutableArray<Node> Nodes, Value Argument, Value Sum)> squares = [];

    (string, ImmutableArray<Node>, Value, Value) SumOfSquares(TensorType tensor, DType type, long parts)
    {
        var b = new Builder(program, "squares");
        var argument = b.Argument(tensor, "x");
        var x = b.Cast(argument, type);
        var sum = b.Sum(b.Mul(x, x), Enumerable.Range(0, x.Shape.Rank), keep: false);
        return (FormattableString.Invariant($"squares {tensor} {type} {parts}"), [.. b.Nodes], argument, sum);
    }
}
