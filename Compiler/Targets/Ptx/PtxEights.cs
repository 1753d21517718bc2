using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Eight elements that lie behind one another, at a multiple of 16 bytes: one access of 16 bytes for 16-bit types, two for types of 32 bits.</summary>
static class PtxEights
{
    public const int Count = 8;

    /// <summary>Whether elements of a type are read and written so.</summary>
    public static bool Has(DType type) => type is DType.F16 or DType.BF16 or DType.F32;

    /// <summary>Reads eight elements.</summary>
    /// <param name="code">Where it is written.</param>
    /// <param name="space">The state space.</param>
    /// <param name="type">The storage type.</param>
    /// <param name="address">Where the first one lies.</param>
    /// <returns>Float32 numbers.</returns>
    public static PtxOperand[] Load(PtxWriter code, string space, DType type, PtxOperand address)
    {
        if (type == DType.F32) return [.. Four(code, $"ld.{space}.v4.f32", RegisterClass.Single, address, 0), .. Four(code, $"ld.{space}.v4.f32", RegisterClass.Single, address, 16)];
        var all = new List<PtxOperand>();
        foreach (var pair in Four(code, $"ld.{space}.v4.b32", RegisterClass.Word, address, 0))
        {
            var (low, high) = (code.Register(RegisterClass.Half), code.Register(RegisterClass.Half));
            code.Do($"mov.b32 {{{low}, {high}}}, {pair}");
            all.Add(PtxConversions.Widened(code, low, type));
            all.Add(PtxConversions.Widened(code, high, type));
        }
        return [.. all];
    }

    static PtxOperand[] Four(PtxWriter code, string opcode, RegisterClass of, PtxOperand address, int offset)
    {
        PtxOperand[] four = [.. Enumerable.Range(0, 4).Select(_ => code.Register(of))];
        code.Do($"{opcode} {{{string.Join(", ", four)}}}, [{address}+{offset}]");
        return four;
    }

    /// <summary>Writes eight float32 numbers, rounded to their storage type.</summary>
    /// <inheritdoc cref="Load"/>
    public static void Store(PtxWriter code, string space, DType type, PtxOperand address, IReadOnlyList<PtxOperand> values)
    {
        if (type == DType.F32)
            for (var i = 0; i < Count; i += 4) code.Do($"st.{space}.v4.f32 [{address}+{4 * i}], {{{string.Join(", ", values.Skip(i).Take(4).Select(x => PtxConversions.InRegister(code, x)))}}}");
        else StoreHalves(code, space, address, [.. values.Select(x => PtxConversions.Narrowed(code, x, type))]);
    }

    /// <summary>Writes eight elements of 16 bits as they are.</summary>
    public static void StoreHalves(PtxWriter code, string space, PtxOperand address, IReadOnlyList<PtxOperand> halves)
    {
        var pairs = Enumerable.Range(0, Count / 2).Select(i => code.Instruction("mov.b32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, $"{{{halves[2 * i]}, {halves[2 * i + 1]}}}")));
        code.Do($"st.{space}.v4.b32 [{address}], {{{string.Join(", ", pairs)}}}");
    }
}

/// <summary>A body over eight elements along its lanes: what lies behind one another is read and written at once, where it begins at a multiple of 16 bytes.</summary>
/// <param name="of">The body.</param>
/// <param name="code">Where it is written.</param>
/// <param name="index">How places are computed.</param>
sealed class PtxBodyOfEight(PtxTileBody of, PtxWriter code, PtxIndex index)
{
    bool IsTogether(int access) => of.Kernel.Accesses[access] is var a && a.Strides[of.Kernel.Lane].Is(1) && PtxEights.Has(a.Type);

    /// <summary>Whether all that it writes can be written so.</summary>
    public bool Fits => of.Kernel.Stages[0].Stores.All(s => s.Access < 0 || IsTogether(s.Access));

    /// <summary>Writes the body for eight elements; goes elsewhere where an operand does not begin at a multiple of 16 bytes.</summary>
    /// <param name="matrix">The number of its matrix; null where the body knows it.</param>
    /// <param name="row">The row.</param>
    /// <param name="column">The first of eight lanes.</param>
    /// <param name="tiles">The numbers that an epilogue takes; null for a body that makes an operand.</param>
    /// <param name="elsewhere">The label.</param>
    /// <returns>What the body makes.</returns>
    public PtxOperand[] Write(PtxOperand? matrix, PtxOperand row, PtxOperand column, PtxOperand[]? tiles, string elsewhere)
    {
        var (kernel, body) = (of.Kernel, of.Inside);
        var stores = kernel.Stages[0].Stores;
        var read = kernel.Sources.OfType<Kernels.Source.Load>().Select(l => l.Access).Distinct().Where(IsTogether).ToList();
        var written = stores.Where(s => s.Access >= 0).Select(s => s.Access).Distinct().ToList();
        body.Push();
        if (matrix is { } number) body.Decode(number, body.AxesOf(Kernels.AxisRole.Outer));
        body.Decode(row, body.AxesOf(Kernels.AxisRole.Loop));
        body.At[kernel.Lane] = column;
        var addresses = read.Concat(written).Distinct().ToDictionary(a => a, body.Address);
        if (addresses.Count > 0)
        {
            var all = addresses.Values.Aggregate((a, b) => code.Instruction("or.b64", RegisterClass.Long, a, b));
            code.Branch(elsewhere, code.Compare("ne", "s64", code.Instruction("and.b64", RegisterClass.Long, all, PtxOperand.Long(15)), PtxOperand.Long(0)));
        }
        // All is read before anything is written: a result may lie where an operand does.
        var loaded = read.ToDictionary(a => a, a => PtxEights.Load(code, "global", kernel.Accesses[a].Type, addresses[a]));
        var results = stores.Select(_ => new PtxOperand[PtxEights.Count]).ToArray();
        for (var i = 0; i < PtxEights.Count; i++)
        {
            body.Push();
            body.At[kernel.Lane] = index.Add(column, index.Number(i));
            body.Loaded = access => loaded.TryGetValue(access, out var eight) ? eight[i] : null;
            if (tiles is not null) body.Tile = tiles[i];
            for (var s = 0; s < stores.Length; s++) results[s][i] = body.Value(stores[s].Value);
            body.Pop();
        }
        body.Loaded = null;
        for (var s = 0; s < stores.Length; s++)
            if (stores[s].Access >= 0) PtxEights.Store(code, "global", kernel.Accesses[stores[s].Access].Type, addresses[stores[s].Access], results[s]);
        body.Pop();
        return results[0];
    }
}
