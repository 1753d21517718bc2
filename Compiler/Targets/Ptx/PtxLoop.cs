using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Kernels over a parallel extent.</summary>
static class PtxLoop
{
    /// <summary>The text of a kernel.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="entry">Its name in the module.</param>
    /// <param name="isSegmented">Over several sets of operands, which a table holds.</param>
    /// <param name="isWide">With places of 64 bits.</param>
    /// <param name="isByFour">Four elements a thread (<see cref="PtxFours"/>).</param>
    public static string Write(LoopKernel kernel, PtxEntry entry, bool isSegmented, bool isWide, bool isByFour = false)
    {
        var shape = PtxShape.Of(kernel);
        var code = new PtxWriter(entry, shape.Threads);
        code.Head.AddRange(kernel.Text.TrimEnd('\n').Split('\n'));
        kernel = PtxTarget.WrittenOut(kernel);
        var index = new PtxIndex(code, isWide);
        var end = code.Label("END");
        var isUnitOfFour = isByFour && shape.ThreadsOfUnit == 1;
        var units = new PtxUnits(kernel, code, index, isSegmented, end, isUnitOfFour ? PtxFours.Elements : 1);
        var body = new PtxBody(kernel, code, index, units.Pointer, units.Size, units.Whole, isLaneUnit: shape.ThreadsOfUnit == 1 && !isByFour, isUnitOfFour);
        body.Hoist(kernel.Stages.SelectMany(PtxBody.Roots).Concat(kernel.Finals.Select(f => f.Value)), PtxLevel.Kernel);
        if (isUnitOfFour)
        {
            PtxFours.Write(kernel, body, code, index, units, end);
            code.Place(end);
            return code.ToString();
        }
        Decode(kernel, body, index, units.Unit);
        if (shape.ThreadsOfUnit == 1)
            foreach (var stage in kernel.Stages) Alone(kernel, stage, body, code, index);
        else
        {
            var row = new PtxRow(kernel, body, code, index, index.OfWord(code.Instruction("and.b32", RegisterClass.Word, units.Thread, PtxOperand.Word(31))));
            foreach (var stage in kernel.Stages) row.Stage(stage, isByFour && PtxFours.IsFree(kernel, stage));
            if (kernel.Finals.Length > 0)
            {
                // What all lanes read may lie where one writes.
                body.Hoist(kernel.Finals.Select(f => f.Value), PtxLevel.Unit);
                row.Alone(end);
            }
        }
        body.Write(kernel.Finals);
        code.Place(end);
        return code.ToString();
    }

    /// <summary>Splits the number of a unit into places along the kernel's axes.</summary>
    public static void Decode(LoopKernel kernel, PtxBody body, PtxIndex index, PtxOperand unit)
    {
        var outer = body.AxesOf(AxisRole.Outer);
        if (kernel.IsFlat) body.At[kernel.Lane] = unit;
        else if (kernel.Form == KernelForm.Row) body.Decode(unit, outer);
        else
        {
            var extent = body.Size(kernel.Axes[kernel.Lane].Size);
            var rest = index.Divide(unit, extent);
            body.At[kernel.Lane] = index.Subtract(unit, index.Multiply(rest, extent));
            body.Decode(rest, outer);
        }
    }

    // A pass that one thread makes for its unit: elements one after the other.
    static void Alone(LoopKernel kernel, KernelStage stage, PtxBody body, PtxWriter code, PtxIndex index)
    {
        var sums = new PtxAccumulators(code, stage);
        body.Hoist(PtxBody.Roots(stage), PtxLevel.Unit);
        var all = sums.Neutral();
        // Without reductions a map's elements are its units.
        List<int> loops = kernel.Form == KernelForm.Map ? [] : body.AxesOf(AxisRole.Loop);
        Loops(kernel, body, code, index, loops, () =>
        {
            body.Hoist(PtxBody.Roots(stage), PtxLevel.Loop);
            var elements = sums.Elements(body);
            body.Write(stage.Stores);
            sums.Add(all, elements);
        });
        for (var g = 0; g < all.Length; g++)
            for (var i = 0; i < all[g].Length; i++) body.Set(sums.Groups[g][i], all[g][i]);
    }

    /// <summary>Loops one inside the other, outermost first.</summary>
    public static void Loops(LoopKernel kernel, PtxBody body, PtxWriter code, PtxIndex index, IReadOnlyList<int> axes, Action inside)
    {
        if (axes.Count == 0)
        {
            body.Push();
            inside();
            body.Pop();
            return;
        }
        var (axis, rest) = (axes[0], axes.Skip(1).ToList());
        var (from, to) = Range(kernel, body, index, axis);
        For(code, index, from, to, 1, place =>
        {
            body.At[axis] = place;
            Loops(kernel, body, code, index, rest, inside);
        });
    }

    /// <summary>The places along an axis that a unit passes: all, or its part of them.</summary>
    public static (PtxOperand From, PtxOperand To) Range(LoopKernel kernel, PtxBody body, PtxIndex index, int axis)
    {
        var size = body.Size(kernel.Axes[axis].Size);
        if (kernel.Split is not { } split || split.SplitAxis != axis) return (index.Number(0), size);
        var (part, parts) = (body.At[split.PartAxis], body.Size(kernel.Axes[split.PartAxis].Size));
        return (index.Part(part, size, parts), index.Part(index.Add(part, index.Number(1)), size, parts));
    }

    /// <summary>A loop from a place to another.</summary>
    public static void For(PtxWriter code, PtxIndex index, PtxOperand from, PtxOperand to, long step, Action<PtxOperand> inside)
    {
        var (next, done) = (code.Label("NEXT"), code.Label("DONE"));
        var place = code.Copy(from);
        code.Place(next);
        code.Branch(done, index.Compare("ge", place, to));
        inside(place);
        code.Write("add." + index.Signed, place, place, index.Number(step));
        code.Do("bra " + next);
        code.Place(done);
    }
}
