using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Four elements that lie behind one another as one access: of 16 bytes, of 8 for numbers of 16 bits, of 4 for those of 8. A kernel whose innermost axis allows it has a second function, and a launch takes that one where
/// the binding puts every such access at a multiple of four elements: what they lie in begins at a multiple of 256 bytes, so offsets and strides tell. The order of sums is the same in both.
/// </summary>
static class PtxFours
{
    /// <summary>Elements of an access.</summary>
    public const int Elements = 4;

    /// <summary>How many units a thread of such a function has: a row is one, of which it takes four elements at once.</summary>
    public static int UnitsOfThread(LoopKernel kernel) => kernel.Form == KernelForm.Row ? 1 : Elements;

    /// <summary>The name of the function.</summary>
    public static string NameOf(string kernel) => kernel + "_by4";

    /// <summary>Whether a kernel has such a function.</summary>
    public static bool Fits(LoopKernel kernel)
    {
        if (kernel.Form is not (KernelForm.Map or KernelForm.Column or KernelForm.Row) || kernel.Lane < 0 || kernel.CacheCount > 0 || kernel.Split is { } split && split.SplitAxis == kernel.Lane) return false;
        if (!kernel.IsFlat && kernel.Form != KernelForm.Row && !MayBeMultiple(kernel.Axes[kernel.Lane].Size)) return false; // of a flat kernel the launch says it
        var used = Passes(kernel).SelectMany(p => Accesses(kernel, p)).Distinct().Where(a => IsFour(kernel, a)).ToList();
        return used.Count > 0 && used.All(a => Others(kernel, kernel.Accesses[a]).All(MayBeMultiple));
    }

    /// <summary>
    /// Whether operands of a launch begin, and go on along the other axes, where four elements are one access; the innermost axis of a kernel that gives threads four of its elements ends there too.
    /// </summary>
    /// <param name="kernel">A kernel that fits.</param>
    /// <param name="operand">The operands by number.</param>
    /// <param name="extent">How many units it has.</param>
    /// <param name="dims">The launch's sizes.</param>
    /// <param name="binding">The sizes' sizes.</param>
    public static bool IsAligned(LoopKernel kernel, Func<int, Operand> operand, Dim extent, ImmutableArray<Dim> dims, DimBinding binding)
    {
        bool IsMultiple(Dim number) => number.Evaluate(binding) % Elements == 0;
        if (!EndsAnywhere(kernel) && !IsMultiple(kernel.IsFlat ? extent : kernel.Axes[kernel.Lane].Size.In(dims))) return false;
        return Passes(kernel).SelectMany(p => Accesses(kernel, p)).Distinct().Where(a => IsFour(kernel, a)).Select(a => kernel.Accesses[a])
            .All(a => IsMultiple(operand(a.Pointer).Offset) && Others(kernel, a).All(s => IsMultiple(s.In(dims))));
    }

    // A row ends in any lane, and a map of elements that have no other place than their number in any thread.
    static bool EndsAnywhere(LoopKernel kernel) => kernel.Form == KernelForm.Row || IsLine(kernel);

    static bool IsLine(LoopKernel kernel) => kernel is { Form: KernelForm.Map, IsFlat: true, Finals.IsEmpty: true, Stages.Length: 1 } && kernel.Stages[0].Reductions.IsEmpty;

    static bool MayBeMultiple(Extent size) => !size.IsConstant || size.Value % Elements == 0;

    static IEnumerable<Extent> Others(LoopKernel kernel, Access access) => access.Strides.Where((_, axis) => axis != kernel.Lane);

    // What goes by four: all passes of threads that have a unit each, and of a row those whose sums have no order.
    static IEnumerable<KernelStage> Passes(LoopKernel kernel) => kernel.Form == KernelForm.Row ? kernel.Stages.Where(s => IsFree(kernel, s)) : kernel.Stages.Append(Last(kernel));

    /// <summary>What is written when all sums are there, as a pass.</summary>
    public static KernelStage Last(LoopKernel kernel) => new([], [], kernel.Finals);

    /// <summary>Whether no order of elements changes a bit of what a pass over a row adds up.</summary>
    public static bool IsFree(LoopKernel kernel, KernelStage stage) => kernel.Lanes == 0 || stage.Reductions.All(r => r.Operation is ScalarOp.Max or ScalarOp.Min);

    static bool IsFour(LoopKernel kernel, int access) => kernel.Accesses[access] is var a && a.Strides[kernel.Lane].Is(1) && IsFour(a.Type);

    /// <summary>Whether four elements of a type are one access.</summary>
    public static bool IsFour(DType type) => type is DType.F32 or DType.I32 or DType.F16 or DType.BF16 or DType.I8 or DType.U8;

    static IEnumerable<int> Loads(LoopKernel kernel, KernelStage stage) =>
        Scalar.Order(PtxBody.Roots(stage)).Where(s => s.Op == ScalarOp.Input).Select(s => kernel.Sources[s.Index]).OfType<Source.Load>().Select(l => l.Access).Distinct();

    static IEnumerable<int> Accesses(LoopKernel kernel, KernelStage stage) => Loads(kernel, stage).Concat(stage.Stores.Select(s => s.Access));

    /// <summary>Four elements of a pass: all that it reads of them is read before anything is written, for a result may lie where an operand does.</summary>
    /// <param name="kernel">The kernel, its functions written out.</param>
    /// <param name="stage">The pass.</param>
    /// <param name="sums">Its accumulators.</param>
    /// <param name="body">The body, at the place of the loops around.</param>
    /// <param name="code">Where it is written.</param>
    /// <param name="index">How places are computed.</param>
    /// <param name="first">The first element's place along the innermost axis.</param>
    /// <param name="before">Makes ready for an element, by its number.</param>
    /// <returns>Of each element what it adds to the sums.</returns>
    public static PtxOperand[][][] Pass(LoopKernel kernel, KernelStage stage, PtxAccumulators sums, PtxBody body, PtxWriter code, PtxIndex index, PtxOperand first, Action<int>? before = null)
    {
        body.Push();
        body.At[kernel.Lane] = first;
        var loaded = Loads(kernel, stage).Where(a => IsFour(kernel, a)).ToDictionary(a => a, a => PtxConversions.LoadFour(code, kernel.Accesses[a].Type, body.Place(a)));
        var elements = new PtxOperand[Elements][][];
        var results = new PtxOperand[Elements][];
        for (var i = 0; i < Elements; i++)
        {
            body.Push();
            body.At[kernel.Lane] = index.Add(first, index.Number(i));
            body.Loaded = access => loaded.TryGetValue(access, out var four) ? four[i] : null;
            before?.Invoke(i);
            elements[i] = sums.Elements(body);
            results[i] = [.. stage.Stores.Select(s => body.Value(s.Value))];
            body.Pop();
        }
        body.Loaded = null;
        for (var s = 0; s < stage.Stores.Length; s++)
        {
            var access = stage.Stores[s].Access;
            body.At[kernel.Lane] = first;
            if (IsFour(kernel, access)) PtxConversions.StoreFour(code, kernel.Accesses[access].Type, body.Place(access), results.Select(r => r[s]));
            else
                for (var i = 0; i < Elements; i++)
                {
                    body.Push();
                    body.At[kernel.Lane] = index.Add(first, index.Number(i));
                    PtxConversions.Store(code, "global", kernel.Accesses[access].Type, body.Place(access), results[i][s]);
                    body.Pop();
                }
        }
        body.Pop();
        return elements;
    }

    /// <summary>Writes the body, behind the head, of a kernel whose threads have four units each.</summary>
    public static void Write(LoopKernel kernel, PtxBody body, PtxWriter code, PtxIndex index, PtxUnits units, string end)
    {
        if (IsLine(kernel)) Line(kernel, body, code, index, units, end);
        else
        {
            PtxLoop.Decode(kernel, body, index, units.Unit);
            var first = body.At[kernel.Lane];
            // Of each pass its sums, four by four.
            var done = new List<(PtxAccumulators Sums, PtxOperand[][][] All)>();
            foreach (var stage in kernel.Stages)
            {
                var sums = new PtxAccumulators(code, stage);
                PtxOperand[][][] all = [.. Enumerable.Range(0, Elements).Select(_ => sums.Neutral())];
                body.Hoist(PtxBody.Roots(stage), PtxLevel.Unit);
                // Without reductions a map's elements are its units.
                PtxLoop.Loops(kernel, body, code, index, kernel.Form == KernelForm.Map ? [] : body.AxesOf(AxisRole.Loop), () =>
                {
                    body.Hoist(PtxBody.Roots(stage), PtxLevel.Loop);
                    var elements = Pass(kernel, stage, sums, body, code, index, first, Set);
                    for (var i = 0; i < Elements; i++) sums.Add(all[i], elements[i]);
                });
                done.Add((sums, all));
            }
            if (kernel.Finals.Length > 0)
            {
                body.Hoist(PtxBody.Roots(Last(kernel)), PtxLevel.Unit);
                Pass(kernel, Last(kernel), new(code, Last(kernel)), body, code, index, first, Set);
            }

            void Set(int element)
            {
                foreach (var (sums, all) in done)
                    for (var g = 0; g < sums.Groups.Length; g++)
                        for (var i = 0; i < sums.Groups[g].Length; i++) body.Set(sums.Groups[g][i], all[element][g][i]);
            }
        }
    }

    // Four at once where there are as many, the last ones alone.
    static void Line(LoopKernel kernel, PtxBody body, PtxWriter code, PtxIndex index, PtxUnits units, string end)
    {
        var (stage, few) = (kernel.Stages[0], code.Label("FEW"));
        code.Branch(few, index.Compare("ge", index.Add(units.Unit, index.Number(Elements - 1)), units.Extent));
        Pass(kernel, stage, new(code, stage), body, code, index, units.Unit);
        code.Do("bra " + end);
        code.Place(few);
        PtxLoop.For(code, index, units.Unit, units.Extent, 1, place =>
        {
            body.Push();
            body.At[kernel.Lane] = place;
            body.Write(stage.Stores);
            body.Pop();
        });
    }
}
