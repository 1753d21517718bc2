using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>How often an expression changes: where the emitter computes it.</summary>
enum Level { Kernel, Unit, Loop, Lane }

/// <summary>Levels of a kernel's expressions, and which of its passes can be vectorised.</summary>
sealed class LaneAnalysis(LoopKernel kernel, TargetModel target)
{
    readonly Dictionary<Scalar, Level> levels = [];
    bool? holdsDoubles;

    // What indices of elements are made of.
    readonly HashSet<Scalar> places =
        [.. Scalar.Order([.. kernel.Stages.SelectMany(Roots), .. kernel.Finals.Select(f => f.Value)])
            .Where(s => s.Op == ScalarOp.Place).SelectMany(s => s.Ordered())];

    public LoopKernel Kernel { get; } = kernel;

    /// <summary>What it is compiled for.</summary>
    public TargetModel Target { get; } = target;

    public Level Of(Scalar root)
    {
        foreach (var s in root.Ordered())
        {
            if (levels.ContainsKey(s)) continue;
            levels[s] = s.Op switch
            {
                ScalarOp.Input => Of(Kernel.Sources[s.Index]),
                ScalarOp.AxisIndex => Of(Kernel.Axes[s.Index].Role),
                _ => s.Arguments.Select(a => levels[a]).DefaultIfEmpty(Level.Kernel).Max(),
            };
        }
        return levels[root];
    }

    static Level Of(AxisRole role) => role switch
    {
        AxisRole.Lane => Level.Lane,
        AxisRole.Loop => Level.Loop,
        AxisRole.Outer => Level.Unit,
        _ => throw new InvalidOperationException($"An axis has the unknown role {role}."),
    };

    Level Of(Source source) => source switch
    {
        Source.Load load => Of(Kernel.Accesses[load.Access]),
        Source.Reduced => Kernel.Form == KernelForm.Row ? Level.Unit : Level.Lane,
        Source.Size => Level.Kernel,
        Source.Cached or Source.Tile => Level.Lane,
        _ => throw new InvalidOperationException($"A kernel has the unknown source {source}."),
    };

    public Level Of(Access access)
    {
        var level = Level.Kernel;
        for (var i = 0; i < Kernel.Axes.Length; i++)
            if (!access.Strides[i].Is(0) && Of(Kernel.Axes[i].Role) is var other && other > level) level = other;
        return level;
    }

    public Extent LaneStride(Access access) => Kernel.Lane < 0 ? Extent.Zero : access.Strides[Kernel.Lane];

    /// <summary>The expressions below the roots that vary along the lane, arguments first.</summary>
    public List<Scalar> LaneScalars(IEnumerable<Scalar> roots) => [.. Scalar.Order(roots).Where(s => Of(s) == Level.Lane)];

    /// <summary>Whether its lanes hold doubles, and besides them booleans alone: vectors of doubles compute it then.</summary>
    public bool HoldsDoubles => holdsDoubles ??=
        LaneScalars(Kernel.Stages.SelectMany(Roots).Concat(Kernel.Finals.Select(f => f.Value))) is var all && all.Any(s => s.Type == DType.F64) && all.All(s => s.Type is DType.F64 or DType.Bool);

    static IEnumerable<Scalar> Roots(KernelStage stage) => stage.Reductions.Select(r => r.Value).Concat(stage.Caches.Select(c => c.Value)).Concat(stage.Stores.Select(s => s.Value));

    /// <summary>True when every lane-varying expression has a vector form with as many lanes as a vector of floats, or of doubles where those are what it holds.</summary>
    public bool CanVectorise(KernelStage stage) =>
        HoldsDoubles ? LaneScalars(Roots(stage)).All(CanVectoriseDoubles) && stage.Stores.All(s => s.Access < 0 || Kernel.Accesses[s.Access].Type == DType.F64) && (Kernel.Form != KernelForm.Row || stage.Reductions.IsEmpty) && stage.Caches.IsEmpty :
        LaneScalars(Roots(stage)).All(CanVectorise)
        && stage.Reductions.All(r => VectorText.IsReal(r.Value.Type) || r.Value.Type == DType.I32) && stage.Stores.All(CanStore);

    public bool CanStore(Store store)
    {
        if (store.Access < 0) return true;
        var access = Kernel.Accesses[store.Access];
        return VectorText.IsReal(access.Type) || (access.Type is DType.Bool or DType.I32 or DType.I8 or DType.U8 or DType.I4 && LaneStride(access).Is(1));
    }

    bool CanVectoriseDoubles(Scalar s) => s.Op != ScalarOp.Input ? DoubleText.Computes(s)
        : s.Type == DType.F64 && Kernel.Sources[s.Index] is Source.Load or Source.Reduced or Source.Tile;

    public bool CanVectorise(Scalar s)
    {
        switch (s.Op)
        {
            case ScalarOp.Input:
                if (Kernel.Sources[s.Index] is not Source.Load load) return VectorText.IsReal(s.Type) || (Kernel.IsTile && s.Type == DType.I32);
                var access = Kernel.Accesses[load.Access];
                return VectorText.IsReal(access.Type) || (access.Type is DType.Bool or DType.I4 or DType.I8 or DType.U8 or DType.I32 && LaneStride(access).Is(1));
            case ScalarOp.AxisIndex or ScalarOp.Place: return true;
            case ScalarOp.Uniform: return Coefficient(s.Arguments[1]) == 1 && Of(s.Arguments[0]) < Level.Lane && Of(s.Arguments[2]) < Level.Lane && Of(s.Arguments[3]) < Level.Lane;
            case ScalarOp.Add or ScalarOp.Sub or ScalarOp.Mul or ScalarOp.Neg:
                return VectorText.IsReal(s.Type) || s.Type == DType.I32 || IsIndex(s);
            case ScalarOp.Min or ScalarOp.Max or ScalarOp.Select:
                return VectorText.IsReal(s.Type) || s.Type is DType.I32 or DType.Bool || IsNarrow(s);
            case ScalarOp.Cast:
                var from = s.Arguments[0].Type;
                if (s.Type == DType.I64) return IsNarrow(s);
                if (VectorText.IsReal(from) || from == DType.Bool) return VectorText.IsReal(s.Type) || s.Type is DType.I32 or DType.I8 or DType.U8 or DType.I4 or DType.Bool;
                // An integer that float32 does not hold would be rounded twice: to float16 that changes nothing, for such a one is infinite there.
                return ((VectorText.IsReal(s.Type) && s.Type != DType.BF16) || s.Type is DType.I32 or DType.I8 or DType.U8 or DType.I4 or DType.Bool)
                    && (from is DType.I4 or DType.I8 or DType.U8 or DType.I32 || IsNarrow(s.Arguments[0]));
            case ScalarOp.Equal or ScalarOp.Less or ScalarOp.LessEqual:
                // What is broadcast keeps its order against an index when it is cut off at the 32-bit limits: no index reaches them.
                return s.Arguments.All(a => VectorText.IsReal(a.Type) || a.Type is DType.I32 or DType.Bool || IsNarrow(a) || (a.Type == DType.I64 && Of(a) < Level.Lane && s.Arguments.All(b => b == a || IsIndex(b))));
            case ScalarOp.And or ScalarOp.Or or ScalarOp.Not:
                return s.Arguments.All(a => a.Type == DType.Bool);
            case ScalarOp.Constant or ScalarOp.Div or ScalarOp.Abs or ScalarOp.Fma:
            case var function when FunctionText.Has(function):
                return VectorText.IsReal(s.Type);
            // The processor has no vector instruction for it.
            case ScalarOp.Remainder: return false;
            // What other targets make functions of; here the library has them.
            case ScalarOp.BitCast or ScalarOp.ShiftLeft or ScalarOp.ShiftRight or ScalarOp.BitAnd or ScalarOp.BitOr or ScalarOp.BitXor: return false;
            default: throw new InvalidOperationException($"{s.Op} has no meaning along the lanes of a kernel.");
        }
    }

    // 64-bit integers have lanes of 32 bits: only those that fit may stand in them. The index of an element does and what it is made of, but not what a model's own sums and products make of it.
    bool IsIndex(Scalar s) => s.Type == DType.I64 && s.Op switch
    {
        ScalarOp.AxisIndex or ScalarOp.Place => true,
        ScalarOp.Constant => IsSmall(s),
        ScalarOp.Input => Kernel.Sources[s.Index] is Source.Size,
        ScalarOp.Add or ScalarOp.Mul => places.Contains(s),
        _ => false,
    };

    // A 64-bit integer that surely fits into 32 bits, but whose sums and products may not.
    bool IsNarrow(Scalar s) => s.Type == DType.I64 && (IsIndex(s) || s.Op switch
    {
        ScalarOp.Cast => s.Arguments[0].Type is DType.I32 or DType.Bool,
        ScalarOp.Min or ScalarOp.Max => s.Arguments.All(IsNarrow),
        ScalarOp.Select => IsNarrow(s.Arguments[1]) && IsNarrow(s.Arguments[2]),
        _ => false,
    });

    static bool IsSmall(Scalar s) => s.Constant is > int.MinValue and < int.MaxValue;

    /// <summary>By how much an index grows from one lane to the next; null when it is not affine in the lane.</summary>
    long? Coefficient(Scalar s)
    {
        if (Of(s) < Level.Lane) return 0;
        switch (s.Op)
        {
            case ScalarOp.AxisIndex: return 1;
            case ScalarOp.Place: return Coefficient(s.Arguments[0]);
            case ScalarOp.Add: return Coefficient(s.Arguments[0]) + Coefficient(s.Arguments[1]);
            case ScalarOp.Mul:
                if (s.Arguments[0].Op == ScalarOp.Constant) return (long)s.Arguments[0].Constant * Coefficient(s.Arguments[1]);
                if (s.Arguments[1].Op == ScalarOp.Constant) return (long)s.Arguments[1].Constant * Coefficient(s.Arguments[0]);
                return null;
            default: return null;
        }
    }
}
