using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Attention forward: a block has 64 queries of a head, and tiles of keys that they see pass by. Four threads have a query's softmax, every fourth key each; what the tiles before gave shrinks to the new maximum.
/// </summary>
sealed class PtxAttentionForward : PtxAttention
{
    const int Shrink = OfQueries, Total = OfQueries + Tile * Element;

    PtxAttentionForward(AttentionKernel kernel, PtxWriter code, bool isWide) : base(kernel, code, isWide)
    {
    }

    /// <summary>The text of the kernel.</summary>
    public static string Write(AttentionKernel kernel, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, Threads, Resident);
        new PtxAttentionForward(kernel, code, isWide).Write();
        return code.ToString();
    }

    void Write()
    {
        var (batch, head, first, column) = Decode(Heads);
        var keyHead = Index.Divide(head, Index.Divide(Heads, KeyHeads));
        var (query, key, value) = (Reader(AttentionRole.Query, batch, head), Reader(AttentionRole.Key, batch, keyHead), Reader(AttentionRole.Value, batch, keyHead));
        var keys = KeysOf(batch);
        // Tiles behind the last key that the last query sees do not pass.
        var seen = Kernel.IsCausal ? Index.Smaller(keys, Index.Add(Index.Smaller(Queries, Index.Add(first, Index.Number(Tile))), Before)) : keys;

        PtxOperand[] results = Sums(), chain = Sums();
        var (row, part) = (Word("shr.u32", Thread, Number(2)), Word("and.b32", Thread, Number(3)));
        var ofRow = Word("mad.lo.s32", row, Number(Element), Shared);
        var own = Index.Add(first, Index.OfWord(row));
        var (most, sum) = (Code.Copy(PtxOperand.Single(float.NegativeInfinity)), Code.Copy(PtxOperand.Single(0)));
        var ofThread = Word("mad.lo.s32", Word("shr.u32", Thread, Number(4)), Number(PtxStaging.Own * Element), Shared);
        PtxLoop.For(Code, Index, Index.Number(0), seen, Tile, start =>
        {
            Scores(First, isTurned: true, query, first, Queries, key, start, keys, Width);
            Code.Do("bar.sync 0");
            Softmax(batch, head, own, start, keys, Word("mad.lo.s32", part, Number(Pitch * Element), ofRow), Index.Add(start, Index.OfWord(part)), most, sum, ofRow, part);
            Weighted(chain, First, value, start, keys, column, Depth);
            var shrink = Staging.Four(ofThread, Shrink);
            for (var i = 0; i < results.Length; i++)
            {
                Code.Write("mul.rn.f32", results[i], results[i], shrink[i / PtxStaging.Own]);
                Code.Write("add.rn.f32", results[i], results[i], chain[i]);
            }
        });
        var isOne = Code.Compare("eq", "s32", part, Number(0));
        Code.Do($"st.shared.f32 {Local(ofRow, Total)}, {sum}", isOne);
        Code.Do("bar.sync 0");
        var totals = Staging.Four(ofThread, Total);
        // A query that sees nothing gives zeros.
        for (var i = 0; i < results.Length; i++)
            if (totals[i / PtxStaging.Own] is var total) Code.Assign(results[i], Single("selp.f32", PtxOperand.Single(0), Single("div.rn.f32", results[i], total), Code.Compare("eq", "f32", total, PtxOperand.Single(0))));
        Store(AttentionRole.Output, batch, head, first, Queries, column, Depth, results);
        var end = Code.Label("END");
        Code.Branch(end, isOne, inverted: true);
        Code.Branch(end, Index.Compare("ge", own, Queries));
        Code.Branch(end, Index.Compare("ne", column, Index.Number(0)));
        Store(AttentionRole.Normalizer, most, batch, head, own, Index.Number(0));
        Store(AttentionRole.Normalizer, sum, batch, head, own, Index.Number(1));
        Code.Place(end);
    }

    // A thread's keys of a tile: scores in their place, then exponentials less the new maximum, and of them what dropout leaves.
    void Softmax(PtxOperand batch, PtxOperand head, PtxOperand query, PtxOperand start, PtxOperand keys, PtxOperand place, PtxOperand key, PtxOperand most, PtxOperand sum, PtxOperand ofRow, PtxOperand part)
    {
        var end = Index.Add(start, Index.Number(Tile));
        var largest = Code.Copy(most);
        var at = Code.Copy(place);
        PtxLoop.For(Code, Index, key, end, 4, k =>
        {
            var score = Score(LoadLocal(at, First), batch, head, query, k, keys);
            Code.Do($"st.shared.f32 {Local(at, First)}, {score}");
            Code.Write("max.f32", largest, largest, score);
            Code.Write("add.s32", at, at, Number(4 * Pitch * Element));
        });
        foreach (var other in (int[])[1, 2]) Code.Write("max.f32", largest, largest, Other(largest, other));
        var origin = Single("selp.f32", PtxOperand.Single(0), largest, Code.Compare("eq", "f32", largest, PtxOperand.Single(float.NegativeInfinity)));
        var shrink = Exponential(Single("sub.rn.f32", most, origin));
        Code.Assign(most, largest);
        var total = Code.Copy(PtxOperand.Single(0));
        Code.Assign(at, place);
        PtxLoop.For(Code, Index, key, end, 4, k =>
        {
            var weight = Exponential(Single("sub.rn.f32", LoadLocal(at, First), origin));
            Code.Write("add.rn.f32", total, total, weight);
            if (Kernel.Dropout != 0) weight = Single("mul.rn.f32", weight, Kept(batch, head, query, k));
            Code.Do($"st.shared.f32 {Local(at, First)}, {weight}");
            Code.Write("add.s32", at, at, Number(4 * Pitch * Element));
        });
        foreach (var other in (int[])[1, 2]) Code.Write("add.rn.f32", total, total, Other(total, other));
        Code.Write("mul.rn.f32", sum, sum, shrink);
        Code.Write("add.rn.f32", sum, sum, total);
        Code.Do($"st.shared.f32 {Local(ofRow, Shrink)}, {shrink}", Code.Compare("eq", "s32", part, Number(0)));
    }

    // The number of the thread that differs in one bit.
    PtxOperand Other(PtxOperand x, int bit) => Single("shfl.sync.bfly.b32", x, Number(bit), Number(31), Number(-1));
}
