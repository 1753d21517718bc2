using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>How deep in a kernel's loops something changes.</summary>
enum PtxLevel
{
    Kernel,
    Unit,
    Loop,
    Lane,
}

/// <summary>
/// The scalar body of a loop kernel: what its expressions stand for at the place where the loops are. What is computed is known until its scope ends; what does not change in a loop is computed in front of it.
/// </summary>
sealed class PtxBody
{
    readonly LoopKernel kernel;
    readonly PtxWriter code;
    readonly PtxIndex index;
    readonly Func<int, PtxOperand> pointer;
    readonly Func<Extent, PtxOperand> size, whole;
    readonly Stack<Dictionary<object, PtxOperand>> scopes = new();
    readonly Dictionary<Scalar, PtxLevel> levels = [];
    readonly PtxLevel[] axisLevels;
    readonly bool hasSeveralSums;
    readonly PtxOperand[] reductions;

    /// <param name="kernel">A kernel whose functions are written out.</param>
    /// <param name="code">Where it is written.</param>
    /// <param name="index">How places are computed.</param>
    /// <param name="pointer">The address that an operand of the launch begins at.</param>
    /// <param name="size">A size as an index.</param>
    /// <param name="whole">A size as an integer of 64 bits: not all are sizes of something in memory.</param>
    /// <param name="isLaneUnit">The lane's place is a part of the unit's number.</param>
    /// <param name="hasSeveralSums">A unit's elements have sums of their own each.</param>
    public PtxBody(LoopKernel kernel, PtxWriter code, PtxIndex index, Func<int, PtxOperand> pointer, Func<Extent, PtxOperand> size, Func<Extent, PtxOperand> whole, bool isLaneUnit, bool hasSeveralSums = false)
    {
        this.hasSeveralSums = hasSeveralSums;
        (this.kernel, this.code, this.index, this.pointer, this.size, this.whole) = (kernel, code, index, pointer, size, whole);
        axisLevels = [.. kernel.Axes.Select(a => a.Role switch
        {
            AxisRole.Outer => PtxLevel.Unit,
            AxisRole.Loop => PtxLevel.Loop,
            AxisRole.Lane => isLaneUnit ? PtxLevel.Unit : PtxLevel.Lane,
            _ => throw new InvalidOperationException($"A kernel has an axis of the unknown role {a.Role}."),
        })];
        At = new PtxOperand[kernel.Axes.Length];
        reductions = new PtxOperand[kernel.ReductionCount];
        scopes.Push([]);
    }

    /// <summary>The place along each axis.</summary>
    public PtxOperand[] At { get; }

    /// <summary>The finished sum that an epilogue takes.</summary>
    public PtxOperand Tile { get; set; }

    /// <summary>What has been read already of an access, at the current place; null where nothing has.</summary>
    public Func<int, PtxOperand?>? Loaded { get; set; }

    public void Push() => scopes.Push([]);

    public void Pop() => scopes.Pop();

    /// <summary>Says what a reduction gave.</summary>
    public void Set(Reduction reduction, PtxOperand value) => reductions[reduction.Index] = value;

    public PtxOperand Size(Extent extent) => size(extent);

    /// <summary>Splits the number of a unit into places along axes; the outermost takes what is left.</summary>
    public void Decode(PtxOperand number, IReadOnlyList<int> axes)
    {
        for (var i = axes.Count - 1; i >= 0; i--)
        {
            if (i == 0)
            {
                At[axes[0]] = number;
                break;
            }
            var extent = size(kernel.Axes[axes[i]].Size);
            var rest = index.Divide(number, extent);
            At[axes[i]] = index.Subtract(number, index.Multiply(rest, extent));
            number = rest;
        }
    }

    /// <summary>The axes of a role, outermost first.</summary>
    public List<int> AxesOf(AxisRole role) => [.. Enumerable.Range(0, kernel.Axes.Length).Where(i => kernel.Axes[i].Role == role)];

    /// <summary>Computes what expressions need that does not change deeper than a level, before a loop begins.</summary>
    public void Hoist(IEnumerable<Scalar> roots, PtxLevel level)
    {
        foreach (var s in Scalar.Order(roots))
            if (LevelOf(s) <= level && s.Op is not (ScalarOp.Constant or ScalarOp.AxisIndex) && !IsWithinFunction(s)) Value(s);
            else if (s.Op == ScalarOp.Input && kernel.Sources[s.Index] is Source.Load load) Address(load.Access, level);
    }

    // What is computed in float64 is where it is needed.
    static bool IsWithinFunction(Scalar s) => s.Type == DType.F64 || (s.Op == ScalarOp.Cast && s.Arguments[0].Type == DType.F64);

    /// <summary>The value of an expression at the current place.</summary>
    public PtxOperand Value(Scalar s)
    {
        if (Find(s) is { } known) return known;
        if (s.Op == ScalarOp.Constant && s.Type != DType.Bool) return PtxScalars.Constant(code, s.Constant, s.Type);
        var value = s.Op switch
        {
            ScalarOp.Constant => PtxScalars.Constant(code, s.Constant, s.Type),
            ScalarOp.AxisIndex => index.Whole(At[s.Index]),
            ScalarOp.Input => Input(s),
            ScalarOp.Select when FunctionGraphs.IsRare(s) => Rare(s),
            _ => PtxScalars.Apply(code, s, [.. s.Arguments.Select(Value)]),
        };
        scopes.Peek()[s] = value;
        return value;
    }

    // A choice whose second side is behind a branch: what is computed there is not known outside.
    PtxOperand Rare(Scalar s)
    {
        var (often, done) = (Value(s.Arguments[0]), code.Label("DONE"));
        var result = code.Copy(Value(s.Arguments[1]));
        foreach (var leaf in s.Arguments[2].Ordered().Where(n => n.Type != DType.F64 && n.Arguments.IsEmpty)) Value(leaf);
        code.Branch(done, often);
        Push();
        code.Assign(result, Value(s.Arguments[2]));
        Pop();
        code.Place(done);
        return result;
    }

    PtxOperand Input(Scalar s) => kernel.Sources[s.Index] switch
    {
        Source.Load load when Loaded?.Invoke(load.Access) is { } known => known,
        Source.Load load => PtxConversions.Load(code, "global", kernel.Accesses[load.Access].Type, Place(load.Access)),
        Source.Reduced r => reductions[r.Reduction],
        Source.Tile => Tile,
        Source.Size extent => whole(extent.Value),
        Source.Cached => throw new NotSupportedException($"The PTX target keeps no rows, but {kernel.Name} reads one again."),
        var other => throw new NotSupportedException($"The PTX target knows no source {other}."),
    };

    /// <summary>Writes what a pass stores, when everything is read.</summary>
    /// <param name="stores">What is stored.</param>
    /// <param name="tile">Takes what a tile gets.</param>
    public void Write(ImmutableArray<Store> stores, Action<PtxOperand>? tile = null)
    {
        PtxOperand[] values = [.. stores.Select(s => Value(s.Value))];
        for (var i = 0; i < values.Length; i++)
            if (stores[i].Access < 0) tile!(values[i]);
            else PtxConversions.Store(code, "global", kernel.Accesses[stores[i].Access].Type, Place(stores[i].Access), values[i]);
    }

    /// <summary>The address at which an access begins in the current unit.</summary>
    public PtxOperand Start(int access) => Address(access, PtxLevel.Unit);

    /// <summary>The address of an access at the current place.</summary>
    public PtxOperand Address(int access) => Address(access, PtxLevel.Lane);

    /// <summary>The address of an access at the current place, in brackets.</summary>
    public string Place(int access) => "[" + Address(access) + "]";

    // The address of an access as far as the loops down to a level say.
    PtxOperand Address(int access, PtxLevel level)
    {
        var key = (access, level);
        if (Find(key) is { } known) return known;
        var from = kernel.Accesses[access];
        if (level == PtxLevel.Kernel) return pointer(from.Pointer);
        var start = Address(access, level - 1);
        PtxOperand? place = null;
        for (var a = 0; a < axisLevels.Length; a++)
            if (axisLevels[a] == level && !from.Strides[a].Is(0))
                place = place is { } sum ? index.MultiplyAdd(At[a], size(from.Strides[a]), sum) : index.Multiply(At[a], size(from.Strides[a]));
        return scopes.Peek()[key] = place is { } elements ? index.Address(start, elements, from.Type.Size()) : start;
    }

    PtxOperand? Find(object key)
    {
        foreach (var scope in scopes)
            if (scope.TryGetValue(key, out var value)) return value;
        return null;
    }

    PtxLevel LevelOf(Scalar s)
    {
        if (levels.TryGetValue(s, out var known)) return known;
        var level = s.Op switch
        {
            ScalarOp.AxisIndex => axisLevels[s.Index],
            ScalarOp.Input => kernel.Sources[s.Index] switch
            {
                Source.Load load => LevelOf(kernel.Accesses[load.Access]),
                Source.Size => PtxLevel.Kernel,
                Source.Reduced => hasSeveralSums ? PtxLevel.Lane : PtxLevel.Unit,
                _ => PtxLevel.Lane,
            },
            _ => s.Arguments.Select(LevelOf).DefaultIfEmpty(PtxLevel.Kernel).Max(),
        };
        return levels[s] = level;
    }

    PtxLevel LevelOf(Access access) => Enumerable.Range(0, axisLevels.Length).Where(a => !access.Strides[a].Is(0)).Select(a => axisLevels[a]).DefaultIfEmpty(PtxLevel.Kernel).Max();

    /// <summary>The expressions of a pass.</summary>
    public static IEnumerable<Scalar> Roots(KernelStage stage) => stage.Reductions.Select(r => r.Value).Concat(stage.Caches.Select(c => c.Value)).Concat(stage.Stores.Select(s => s.Value));
}
