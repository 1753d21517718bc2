using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Maps over elements that lie behind one another, four a thread: one access of 16 bytes, or of 8 for numbers of 16 bits, in place of four. Such a kernel has two functions, and a launch takes this one where all its operands begin at a
/// multiple of four elements, which the binding tells: what they lie in begins at a multiple of 256 bytes.
/// </summary>
static class PtxFours
{
    /// <summary>Elements of a thread.</summary>
    public const int Elements = 4;

    /// <summary>The name of the function.</summary>
    public static string NameOf(string kernel) => kernel + "_by4";

    /// <summary>Whether a kernel has such a function.</summary>
    public static bool Fits(LoopKernel kernel) =>
        kernel is { Form: KernelForm.Map, IsFlat: true, Split: null } && kernel.Stages.Length == 1 && kernel.Stages[0].Reductions.IsEmpty && kernel.Stages[0].Caches.IsEmpty && kernel.Finals.IsEmpty
        && kernel.Accesses.All(a => IsSame(kernel, a) || (a.Strides[kernel.Lane].Is(1) && a.Type is DType.F32 or DType.I32 or DType.F16 or DType.BF16)) && kernel.Stages[0].Stores.All(s => s.Access >= 0 && !IsSame(kernel, kernel.Accesses[s.Access]));

    // One element for all.
    static bool IsSame(LoopKernel kernel, Access access) => access.Strides[kernel.Lane].Is(0);

    /// <summary>Whether operands of a launch begin where four elements are one access.</summary>
    /// <param name="kernel">A kernel that fits.</param>
    /// <param name="operand">The operands by number.</param>
    /// <param name="binding">The sizes.</param>
    public static bool IsAligned(LoopKernel kernel, Func<int, Operand> operand, DimBinding binding) => kernel.Accesses.All(a => IsSame(kernel, a) || operand(a.Pointer).Offset.Evaluate(binding) % Elements == 0);

    /// <summary>Writes the body behind the head: four elements at once where there are as many, the last ones alone.</summary>
    public static void Write(LoopKernel kernel, PtxBody body, PtxWriter code, PtxIndex index, PtxUnits units, string end)
    {
        var (stage, first) = (kernel.Stages[0], units.Unit);
        var few = code.Label("FEW");
        code.Branch(few, index.Compare("ge", index.Add(first, index.Number(Elements - 1)), units.Extent));
        // All is read before anything is written: a result may lie where an operand does.
        var loaded = new Dictionary<int, PtxOperand[]>();
        foreach (var access in kernel.Sources.OfType<Source.Load>().Select(l => l.Access).Distinct().Where(a => !IsSame(kernel, kernel.Accesses[a])))
            loaded[access] = PtxConversions.LoadFour(code, kernel.Accesses[access].Type, At(access));
        var results = new List<PtxOperand>[stage.Stores.Length];
        for (var s = 0; s < results.Length; s++) results[s] = [];
        for (var i = 0; i < Elements; i++)
        {
            body.Push();
            body.At[kernel.Lane] = index.Add(first, index.Number(i));
            body.Loaded = access => loaded.TryGetValue(access, out var four) ? four[i] : null;
            for (var s = 0; s < results.Length; s++) results[s].Add(body.Value(stage.Stores[s].Value));
            body.Pop();
        }
        body.Loaded = null;
        for (var s = 0; s < results.Length; s++) PtxConversions.StoreFour(code, kernel.Accesses[stage.Stores[s].Access].Type, At(stage.Stores[s].Access), results[s]);
        code.Do("bra " + end);
        code.Place(few);
        PtxLoop.For(code, index, first, units.Extent, 1, place =>
        {
            body.Push();
            body.At[kernel.Lane] = place;
            body.Write(stage.Stores);
            body.Pop();
        });

        string At(int access) => "[" + index.Address(units.Pointer(kernel.Accesses[access].Pointer), first, kernel.Accesses[access].Type.Size()) + "]";
    }
}
