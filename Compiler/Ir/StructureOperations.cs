using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>The operations that hold or name functions; they belong to the IR itself.</summary>
public static class StructureOperations
{
    public static readonly Operation Call = new CallOperation();
    public static readonly Operation Loop = new LoopOperation();
    public static readonly Operation If = new IfOperation();
    public static readonly Operation Fused = new FusedOperation();
    public static readonly Operation GradientNorm = new GradientNormOperation();
    public static readonly Operation Update = new UpdateOperation();

    public static IEnumerable<Operation> All => [Call, Loop, If, Fused, GradientNorm, Update];

    /// <summary>The sizes that make a callee's parameter shapes equal to the operands' shapes.</summary>
    /// <exception cref="ShapeException">They do not fit.</exception>
    public static Dictionary<string, Dim> Unify(Function callee, ImmutableArray<TensorType> operands)
    {
        if (operands.Length != callee.Parameters.Length)
            throw new ShapeException($"{callee.Name} takes {callee.Parameters.Length} operands, but got {operands.Length}");
        var sizes = new Dictionary<string, Dim>(StringComparer.Ordinal);
        for (var i = 0; i < operands.Length; i++)
        {
            var expected = callee.Parameters[i].Type;
            var fits = expected.DType == operands[i].DType && expected.Shape.Rank == operands[i].Shape.Rank;
            for (var axis = 0; fits && axis < expected.Shape.Rank; axis++)
            {
                var size = operands[i].Shape[axis];
                if (expected.Shape[axis].IsSymbol(out var symbol) && !sizes.ContainsKey(symbol)) sizes[symbol] = size;
                fits = expected.Shape[axis].Substitute(sizes) == size;
            }
            if (!fits) throw new ShapeException($"operand {i} of {callee.Name} is {operands[i]}, expected {expected}");
        }
        return sizes;
    }
}

/// <summary>
/// Calls the function named by <c>callee</c>; its named dimensions take the operands' sizes. States that the callee reads or writes pass through operands and results only, as do the streams of what it draws.
/// The paths in a callee's origins begin at the module that it is called on, which the call's own origin names.
/// </summary>
public sealed class CallOperation : Operation
{
    public override string Name => "call";
    public override OpKind Kind => OpKind.Structure;

    /// <summary>The name of the function that a node calls; null for a node that is no call.</summary>
    public static string? CalleeName(Node node) => node.Operation == StructureOperations.Call ? node.Attributes.Text("callee") : null;

    public static Function Callee(Program? program, AttributeMap attributes)
    {
        var name = attributes.Text("callee") ?? throw new ShapeException("the attribute callee is missing");
        return program?.Find(name) ?? throw new ShapeException($"there is no function named {name} before the call");
    }

    public override bool MayThrow(Node node, Program program) => Callee(program, node.Attributes).Nodes.Any(n => n.Operation.MayThrow(n, program));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        var callee = Callee(context.Program, context.Attributes);
        if (context.Inputs.SequenceEqual(callee.Parameters.Select(p => p.Type))) return [.. callee.Results.Select(r => r.Type)];
        var sizes = StructureOperations.Unify(callee, context.Inputs);
        return [.. callee.Results.Select(r => r.Type.With(r.Shape.Substitute(sizes)))];
    }

    public override void Evaluate(Evaluation e)
    {
        var callee = Callee(e.Program, e.Attributes);
        var binding = e.Binding;
        foreach (var pair in StructureOperations.Unify(callee, [.. e.Inputs.Select(i => new TensorType(i.DType, new(i.Shape.Select(d => (Dim)d))))]))
            binding = binding.With(pair.Key, pair.Value.Constant);
        var result = e.Run(callee, e.Inputs, binding);
        for (var i = 0; i < e.Outputs.Length; i++) e.Outputs[i] = result[i];
    }
}

/// <summary>
/// Runs its region <c>count</c> times. Operands: <c>carries</c> initial carries, <c>scanned</c> tensors whose leading axis is the iteration, then invariants.
/// The region takes (iteration i64[], carries, slices, invariants) and gives (carries, stacked); results: final carries, then the stacked values with a leading axis of <c>count</c>.
/// With <c>reverse</c> the iterations run from last to first, slices and stacks keeping their places. With <c>conditional</c> the first carry is a bool[]: an iteration runs when it is true,
/// the first false one ends the loop, and what iterations that did not run would have stacked is 0.
/// </summary>
public sealed class LoopOperation : Operation
{
    public override string Name => "loop";
    public override OpKind Kind => OpKind.Structure;

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        var body = context.Regions.Length == 1 ? context.Regions[0] : throw new ShapeException("loop takes one region");
        var (carries, scanned, count) = Shape(context.Attributes);
        if (carries < 0 || scanned < 0 || carries + scanned > context.Inputs.Length || carries > body.Results.Length)
            throw new ShapeException($"loop has {carries} carries and {scanned} scanned operands, but {context.Inputs.Length} operands and {body.Results.Length} results");
        if (body.Parameters.Length != context.Inputs.Length + 1) throw new ShapeException($"the loop's body takes {body.Parameters.Length - 1} operands, but got {context.Inputs.Length}");
        for (var i = 0; i < context.Inputs.Length; i++)
        {
            var given = context.Inputs[i];
            if (i >= carries && i < carries + scanned)
            {
                if (given.Shape.Rank == 0 || given.Shape[0] != count) throw new ShapeException($"operand {i} of loop is {given}, expected a leading axis of {count}");
                given = given.With(given.Shape.Remove(0));
            }
            if (!given.IsLike(body.Parameters[i + 1].Type)) throw new ShapeException($"operand {i} of loop gives {given}, its body expects {body.Parameters[i + 1].Type}");
            if (i < carries && !body.Results[i].Type.IsLike(given)) throw new ShapeException($"carry {i} of loop starts as {given}, but its body gives {body.Results[i].Type}");
        }
        if (IsConditional(context.Attributes) && (carries == 0 || context.Inputs[0] is not { DType: DType.Bool, Shape.Rank: 0 }))
            throw new ShapeException($"a conditional loop's first carry is a bool[], but got {(carries == 0 ? "none" : context.Inputs[0].ToString())}");
        return [.. body.Results.Select((r, i) => i < carries ? r.Type : r.Type.With(r.Shape.Insert(0, count)))];
    }

    /// <summary>Whether its first carry tells if there is another iteration.</summary>
    public static bool IsConditional(AttributeMap attributes) => attributes.Bool("conditional");

    /// <summary>Whether it is there for having the memory of one iteration, as loops over micro-batches are: no pass stacks anything in it that it does not give.</summary>
    public static bool IsApart(AttributeMap attributes) => attributes.Bool("apart");

    /// <summary>How many operands are carries, how many follow that are read slice by slice, and how many iterations there are at most.</summary>
    public static (int Carries, int Scanned, Dim Count) Shape(AttributeMap a) =>
        ((int)a.Int("carries"), (int)a.Int("scanned"), a.Dims("count") is { Length: 1 } count ? count[0] : throw new ShapeException("loop needs one count"));

    public override void Evaluate(Evaluation e)
    {
        var body = e.Node.Regions[0];
        var (carries, scanned, countDim) = Shape(e.Attributes);
        var count = countDim.Evaluate(e.Binding);
        var current = e.Inputs.Take(carries).ToArray();
        var stacked = Enumerable.Range(carries, e.Outputs.Length - carries).Select(e.Create).ToArray();
        for (long step = 0; step < count; step++)
        {
            if (IsConditional(e.Attributes) && current[0].Int[0] == 0) break;
            var i = e.Attributes.Bool("reverse") ? count - 1 - step : step;
            var operands = new List<TensorData> { TensorData.Scalar(i) };
            operands.AddRange(current);
            for (var s = 0; s < scanned; s++) operands.Add(Slice(e[carries + s], i));
            operands.AddRange(e.Inputs.Skip(carries + scanned));
            var result = e.Run(body, operands, e.Binding);
            current = [.. result.Take(carries)];
            for (var s = 0; s < stacked.Length; s++) Store(result[carries + s], stacked[s], i);
        }
        for (var c = 0; c < carries; c++) e.Outputs[c] = current[c];
    }

    static TensorData Slice(TensorData x, long i)
    {
        var slice = new TensorData(x.DType, [.. x.Shape.Skip(1)]);
        for (long k = 0; k < slice.Size; k++) slice[k] = x[i * slice.Size + k];
        return slice;
    }

    static void Store(TensorData slice, TensorData into, long i)
    {
        for (long k = 0; k < slice.Size; k++) into[i * slice.Size + k] = slice[k];
    }
}

/// <summary>Operations that become one kernel: the region on the operands. <c>archetype</c> names the kind of kernel.</summary>
public sealed class FusedOperation : Operation
{
    public override string Name => "fused";
    public override OpKind Kind => OpKind.Structure;

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        var body = context.Regions.Length == 1 ? context.Regions[0] : throw new ShapeException("fused takes one region");
        if (body.Parameters.Length != context.Inputs.Length) throw new ShapeException($"the fused region takes {body.Parameters.Length} operands, but got {context.Inputs.Length}");
        for (var i = 0; i < context.Inputs.Length; i++)
            if (body.Parameters[i].Type != context.Inputs[i]) throw new ShapeException($"operand {i} of fused is {context.Inputs[i]}, its region expects {body.Parameters[i].Type}");
        return [.. body.Results.Select(r => r.Type)];
    }

    public override void Evaluate(Evaluation e)
    {
        var result = e.Run(e.Node.Regions[0], e.Inputs, e.Binding);
        for (var i = 0; i < e.Outputs.Length; i++) e.Outputs[i] = result[i];
    }

    public override Dim Flops(Node node) => node.Regions[0].Nodes.Aggregate(Dim.Zero, (sum, n) => sum + n.Operation.Flops(n));
}
