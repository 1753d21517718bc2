using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>An epilogue over four neighbouring results along its lanes: what lies behind one another is read and written as one access, in launches that have found that it may be (<see cref="AreAligned"/>); the rest element by element.</summary>
/// <param name="of">The body.</param>
/// <param name="code">Where it is written.</param>
/// <param name="index">How places are computed.</param>
sealed class PtxBodyOfFour(PtxTileBody of, PtxWriter code, PtxIndex index)
{
    /// <summary>Whether anything of a body goes by four.</summary>
    public static bool Fits(LoopKernel body) => Together(body).Any() && Together(body).All(a => a.Strides.All(s => !s.IsConstant || s.Is(1) || s.Value % PtxFours.Elements == 0));

    /// <summary>Whether four results are one access wherever they begin at a multiple of four lanes.</summary>
    /// <param name="body">A body that fits.</param>
    /// <param name="operand">Its operands by number.</param>
    /// <param name="dims">Its sizes.</param>
    /// <param name="binding">The sizes' sizes.</param>
    public static bool AreAligned(LoopKernel body, System.Func<int, Operand> operand, ImmutableArray<Dim> dims, DimBinding binding) => Together(body).All(a =>
        operand(a.Pointer).Offset.Evaluate(binding) % PtxFours.Elements == 0 && a.Strides.Where((_, axis) => axis != body.Lane).All(s => s.In(dims).Evaluate(binding) % PtxFours.Elements == 0));

    static IEnumerable<Access> Together(LoopKernel body) =>
        body.Sources.OfType<Source.Load>().Select(l => l.Access).Concat(body.Stages[0].Stores.Select(s => s.Access).Where(a => a >= 0)).Distinct().Where(a => IsTogether(body, a)).Select(a => body.Accesses[a]);

    static bool IsTogether(LoopKernel body, int access) => body.Accesses[access] is var a && a.Strides[body.Lane].Is(1) && PtxFours.IsFour(a.Type);

    /// <summary>Takes four results.</summary>
    /// <param name="matrix">The number of their matrix; null where the body knows it.</param>
    /// <param name="row">Their row.</param>
    /// <param name="column">The first one's column.</param>
    /// <param name="results">The results.</param>
    public void Take(PtxOperand? matrix, PtxOperand row, PtxOperand column, PtxOperand[] results)
    {
        var (kernel, body) = (of.Kernel, of.Inside);
        var stores = kernel.Stages[0].Stores;
        body.Push();
        if (matrix is { } number) body.Decode(number, body.AxesOf(AxisRole.Outer));
        body.Decode(row, body.AxesOf(AxisRole.Loop));
        body.At[kernel.Lane] = column;
        // All is read before anything is written: a result may lie where an operand does.
        var loaded = kernel.Sources.OfType<Source.Load>().Select(l => l.Access).Distinct().Where(a => IsTogether(kernel, a)).ToDictionary(a => a, a => PtxConversions.LoadFour(code, kernel.Accesses[a].Type, body.Place(a)));
        var values = new PtxOperand[PtxFours.Elements][];
        for (var i = 0; i < values.Length; i++)
        {
            body.Push();
            body.At[kernel.Lane] = index.Add(column, index.Number(i));
            body.Loaded = access => loaded.TryGetValue(access, out var four) ? four[i] : null;
            body.Tile = results[i];
            values[i] = [.. stores.Select(s => body.Value(s.Value))];
            body.Pop();
        }
        (body.Loaded, body.At[kernel.Lane]) = (null, column);
        for (var s = 0; s < stores.Length; s++)
        {
            var access = stores[s].Access;
            if (IsTogether(kernel, access)) PtxConversions.StoreFour(code, kernel.Accesses[access].Type, body.Place(access), values.Select(v => v[s]));
            else
                for (var i = 0; i < values.Length; i++)
                {
                    body.Push();
                    body.At[kernel.Lane] = index.Add(column, index.Number(i));
                    PtxConversions.Store(code, "global", kernel.Accesses[access].Type, body.Place(access), values[i][s]);
                    body.Pop();
                }
        }
        body.Pop();
    }
}
