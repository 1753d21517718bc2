using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>The accumulators of one pass, each of one number or several, in registers that every element changes.</summary>
/// <param name="code">Where they are written.</param>
/// <param name="stage">The pass.</param>
sealed class PtxAccumulators(PtxWriter code, KernelStage stage)
{
    /// <summary>The numbers of each accumulator.</summary>
    public ImmutableArray<ImmutableArray<Reduction>> Groups { get; } = [.. stage.Reductions.GroupBy(r => r.First).Select(g => g.ToImmutableArray())];

    /// <summary>Registers of accumulators of no elements.</summary>
    public PtxOperand[][] Neutral() => [.. Groups.Select(g => g.Select(r => Register(PtxScalars.Constant(code, r.Neutral.Constant, r.Neutral.Type))).ToArray())];

    PtxOperand Register(PtxOperand value) => code.Copy(value);

    /// <summary>The accumulators of one element, as registers hold them.</summary>
    public PtxOperand[][] Elements(PtxBody body) => [.. Groups.Select(g => g.Select(r => body.Value(r.Value)).ToArray())];

    /// <summary>Overwrites registers with what others hold.</summary>
    public static void Assign(PtxWriter code, PtxOperand[][] to, PtxOperand[][] from)
    {
        for (var g = 0; g < to.Length; g++)
            for (var i = 0; i < to[g].Length; i++) code.Assign(to[g][i], from[g][i]);
    }

    /// <summary>Adds later accumulators to earlier ones, in place.</summary>
    public void Add(PtxOperand[][] earlier, PtxOperand[][] later) => Assign(code, earlier, Combine(earlier, later));

    /// <summary>Two accumulators as one.</summary>
    public PtxOperand[][] Combine(PtxOperand[][] earlier, PtxOperand[][] later) => [.. Groups.Select((g, i) => Combine(g, earlier[i], later[i]))];

    PtxOperand[] Combine(ImmutableArray<Reduction> group, PtxOperand[] earlier, PtxOperand[] later)
    {
        var done = new Dictionary<Scalar, PtxOperand>();
        foreach (var s in Scalar.Order(group.Select(r => r.Combine)))
            done[s] = s.Op switch
            {
                ScalarOp.Input => s.Index < group.Length ? earlier[s.Index] : later[s.Index - group.Length],
                ScalarOp.Constant => PtxScalars.Constant(code, s.Constant, s.Type),
                _ => PtxScalars.Apply(code, s, [.. s.Arguments.Select(a => done[a])]),
            };
        return [.. group.Select(r => done[r.Combine])];
    }

    /// <summary>What another lane of the warp holds.</summary>
    /// <param name="values">Registers.</param>
    /// <param name="mode"><c>down</c> for the lane so many behind, <c>idx</c> for the lane of a number.</param>
    /// <param name="lane">How many, or which.</param>
    public PtxOperand[][] From(PtxOperand[][] values, string mode, PtxOperand lane) => [.. values.Select(g => g.Select(v => From(v, mode, lane)).ToArray())];

    PtxOperand From(PtxOperand value, string mode, PtxOperand lane)
    {
        switch (value.Class)
        {
            case RegisterClass.Predicate:
                return PtxConversions.Cast(code, From(PtxConversions.Cast(code, value, DType.Bool, DType.I32), mode, lane), DType.I32, DType.Bool);
            case RegisterClass.Single:
                return code.Instruction("mov.b32", RegisterClass.Single, From(code.Instruction("mov.b32", RegisterClass.Word, value), mode, lane));
            case RegisterClass.Long:
                var (low, high) = (code.Register(RegisterClass.Word), code.Register(RegisterClass.Word));
                code.Do($"mov.b64 {{{low}, {high}}}, {value}");
                var whole = code.Register(RegisterClass.Long);
                code.Do($"mov.b64 {whole}, {{{From(low, mode, lane)}, {From(high, mode, lane)}}}");
                return whole;
            default:
                return code.Instruction($"shfl.sync.{mode}.b32", RegisterClass.Word, value, lane, PtxOperand.Word(31), new PtxOperand(RegisterClass.Word, "0xffffffff"));
        }
    }
}
