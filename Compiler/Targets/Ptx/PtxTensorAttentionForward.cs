using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Attention forward on tensor cores: tiles of keys pass by tiles of queries, whose softmax goes along in registers. Four lanes have a query; what the tiles before gave shrinks to the new maximum.</summary>
sealed class PtxTensorAttentionForward : PtxTensorAttention
{
    PtxTensorAttentionForward(AttentionKernel kernel, PtxTensorAttentionForm form, PtxWriter code, bool isWide) : base(kernel, form, PtxAttentionPart.Forward, code, isWide)
    {
    }

    /// <summary>The text of the kernel.</summary>
    public static string Write(AttentionKernel kernel, PtxTensorAttentionForm form, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, PtxTensorAttentionForm.Threads, 1);
        new PtxTensorAttentionForward(kernel, form, code, isWide).Write();
        return code.ToString();
    }

    void Write()
    {
        var (batch, head, first, _) = Split(Heads);
        var keyHead = Index.Divide(head, Index.Divide(Heads, KeyHeads));
        var keys = KeysOf(batch);
        // Tiles behind the last key that the last query sees do not pass.
        var seen = Kernel.IsCausal ? Index.Larger(Index.Smaller(keys, Index.Add(Index.Smaller(Queries, Index.Add(first, Index.Number(Rows))), Before)), Index.Number(0)) : keys;
        var (own, key, value) = (Own(0), Passes(0), Passes(1));
        var (ofKeys, ofValues) = (Start(AttentionRole.Key, batch, keyHead), Start(AttentionRole.Value, batch, keyHead));
        var (mask, before) = (MaskOf(batch, head), FirstOf(batch, head));
        Stage(own, Number(0), AttentionRole.Query, Start(AttentionRole.Query, batch, head), first, Queries);
        var (readOwn, readKey, readValue) = (own.Read(Lane, WarpRow, isUpperFirst: true), key.Read(Lane, Number(0), isUpperFirst: false), value.Read(Lane, Number(0), isUpperFirst: true));
        var queries = Enumerable.Range(0, 2 * RowTiles).Select(i => Index.Add(Index.Add(first, LaneRow), Index.Number(8 * i))).ToArray();
        PtxOperand[] limits = [.. queries.Select(q => Sees(q, keys))];
        PtxOperand[] most = [.. queries.Select(_ => Code.Copy(PtxOperand.Single(float.NegativeInfinity)))], sum = [.. queries.Select(_ => Code.Copy(PtxOperand.Single(0)))];
        var results = Zeros(Form.Columns);
        PassKeys(seen, keys, (key, ofKeys), (value, ofValues), (slot, at) =>
        {
            var scores = Dots(readOwn, readKey.From(slot));
            for (var row = 0; row < queries.Length; row++) Softmax(scores[row / 2], row, queries[row], limits[row], at, most[row], sum[row], results[row / 2], mask, before);
            AddWeighted(scores, readValue.From(slot), results);
        });
        for (var row = 0; row < queries.Length; row++)
        {
            Join(sum[row], "add.rn.f32");
            // A query that sees nothing gives zeros.
            var share = Single("selp.f32", PtxOperand.Single(0), Single("div.rn.f32", PtxOperand.Single(1), sum[row]), Code.Compare("eq", "f32", sum[row], PtxOperand.Single(0)));
            foreach (var result in Of(results[row / 2], row)) Code.Write("mul.rn.f32", result, result, share);
            var isOne = Code.Instruction("and.pred", RegisterClass.Predicate, Index.Compare("lt", queries[row], Queries), Code.Compare("eq", "s32", Word("and.b32", Lane, Number(3)), Number(0)));
            foreach (var (number, column) in new[] { (most[row], 0), (sum[row], 1) }) Code.Do($"st.global.f32 {At(AttentionRole.Normalizer, batch, head, queries[row], Index.Number(column))}, {number}", isOne);
        }
        Write(own, AttentionRole.Output, results, Start(AttentionRole.Output, batch, head), first, Queries, Depth);
    }

    // Of four sums for each eight columns those of a row.
    static PtxOperand[] Of(PtxOperand[] sums, int row) => [.. sums.Where((_, i) => i / 2 % 2 == row % 2)];

    // One number of the four lanes that have a row.
    void Join(PtxOperand x, string opcode)
    {
        foreach (var other in (int[])[1, 2]) Code.Write(opcode, x, x, Single("shfl.sync.bfly.b32", x, Number(other), Number(31), Number(-1)));
    }

    // A row's scores of a tile become exponentials less the new maximum, and of them what dropout leaves.
    void Softmax(PtxOperand[] scores, int row, PtxOperand query, PtxOperand limit, PtxOperand column, PtxOperand most, PtxOperand sum, PtxOperand[] results, PtxOperand mask, PtxOperand before)
    {
        var own = Of(scores, row);
        PtxOperand Key(int i) => Index.Add(column, Index.Number(i / 2 * 8 + i % 2));
        var largest = Code.Copy(most);
        for (var i = 0; i < own.Length; i++)
        {
            var key = Key(i);
            Code.Assign(own[i], Score(own[i], Index.Compare("lt", key, limit), mask, query, key));
            Code.Write("max.f32", largest, largest, own[i]);
        }
        Join(largest, "max.f32");
        var origin = Single("selp.f32", PtxOperand.Single(0), largest, Code.Compare("eq", "f32", largest, PtxOperand.Single(float.NegativeInfinity)));
        var shrink = Power(Single("sub.rn.f32", most, origin));
        Code.Assign(most, largest);
        Code.Write("mul.rn.f32", sum, sum, shrink);
        for (var i = 0; i < own.Length; i++)
        {
            Code.Assign(own[i], Power(Single("sub.rn.f32", own[i], origin)));
            Code.Write("add.rn.f32", sum, sum, own[i]);
            if (Kernel.Dropout != 0) Code.Write("mul.rn.f32", own[i], own[i], Kept(before, query, Key(i)));
        }
        foreach (var result in Of(results, row)) Code.Write("mul.rn.f32", result, result, shrink);
    }
}
