using System;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// The gradients of attention, two kernels that make the weights again. One has tiles of keys and adds up the gradients of keys and values over tiles of queries, head behind head of those that share them; the other has tiles of queries and adds up
/// their gradient over tiles of keys. Each owns what it adds to, in one order.
/// </summary>
sealed class PtxAttentionGradient : PtxAttention
{
    // Of each query: its largest score, one over the sum of its exponentials, and the mean of the gradients of its weights.
    const int Most = OfQueries, Share = OfQueries + Tile * Element, Mean = OfQueries + 2 * Tile * Element;

    PtxAttentionGradient(AttentionKernel kernel, PtxWriter code, bool isWide) : base(kernel, code, isWide)
    {
    }

    /// <summary>The names of the two kernels.</summary>
    public static (string Keys, string Queries) NamesOf(string kernel) => (kernel + "_keys", kernel + "_queries");

    /// <summary>The text of the kernel that has tiles of keys.</summary>
    public static string WriteKeys(AttentionKernel kernel, PtxEntry entry, bool isWide) => Write(kernel, entry, isWide, g => g.OfKeys());

    /// <summary>The text of the kernel that has tiles of queries.</summary>
    public static string WriteQueries(AttentionKernel kernel, PtxEntry entry, bool isWide) => Write(kernel, entry, isWide, g => g.OfQueriesAlone());

    static string Write(AttentionKernel kernel, PtxEntry entry, bool isWide, Action<PtxAttentionGradient> write)
    {
        if (kernel.Tiles.GradientTasks > 1) throw new NotSupportedException($"The PTX target cuts no keys into parts, but {kernel.Name} says {kernel.Tiles.Text}.");
        var code = new PtxWriter(entry, Threads, Resident);
        write(new PtxAttentionGradient(kernel, code, isWide));
        return code.ToString();
    }

    void OfKeys()
    {
        var (batch, keyHead, first, column) = Decode(KeyHeads);
        var (key, value, keys) = (Reader(AttentionRole.Key, batch, keyHead), Reader(AttentionRole.Value, batch, keyHead), KeysOf(batch));
        PtxOperand[] dKey = Sums(), dValue = Sums(), chain = Sums();
        var group = Index.Divide(Heads, KeyHeads);
        // Queries before the first one that sees a key of the tile do not pass; with keys that are not there none.
        var from = Index.Number(0);
        if (Kernel.IsCausal)
        {
            var sees = Index.Larger(Index.Subtract(first, Before), Index.Number(0));
            from = Index.And(sees, -Tile);
        }
        var to = Code.Instruction("selp." + Index.Class.Type(), Index.Class, Queries, Index.Number(0), Index.Compare("lt", first, keys));
        var start = Index.Multiply(keyHead, group);
        PtxLoop.For(Code, Index, start, Index.Add(start, group), 1, head =>
        {
            var (query, gradient) = (Reader(AttentionRole.Query, batch, head), Reader(AttentionRole.OutputGradient, batch, head));
            PtxLoop.For(Code, Index, from, to, Tile, tile =>
            {
                Numbers(batch, head, tile);
                Scores(First, isTurned: false, query, tile, Queries, key, first, keys, Width);
                Scores(Second, isTurned: false, gradient, tile, Queries, value, first, keys, Depth);
                Code.Do("bar.sync 0");
                Differentiate(batch, head, tile, first, keys, isByQuery: true);
                Add(dValue, First, gradient, Depth);
                Add(dKey, Second, query, Width);

                void Add(PtxOperand[] sums, int matrix, Reading rows, PtxOperand columns)
                {
                    Weighted(chain, matrix, rows, tile, Queries, column, columns);
                    for (var i = 0; i < sums.Length; i++) Code.Write("add.rn.f32", sums[i], sums[i], chain[i]);
                }
            });
        });
        Store(AttentionRole.KeyGradient, batch, keyHead, first, Keys, column, Width, dKey);
        Store(AttentionRole.ValueGradient, batch, keyHead, first, Keys, column, Depth, dValue);
    }

    void OfQueriesAlone()
    {
        var (batch, head, first, column) = Decode(Heads);
        var keyHead = Index.Divide(head, Index.Divide(Heads, KeyHeads));
        var (query, gradient) = (Reader(AttentionRole.Query, batch, head), Reader(AttentionRole.OutputGradient, batch, head));
        var (key, value, keys) = (Reader(AttentionRole.Key, batch, keyHead), Reader(AttentionRole.Value, batch, keyHead), KeysOf(batch));
        var seen = Kernel.IsCausal ? Index.Smaller(keys, Index.Add(Index.Smaller(Queries, Index.Add(first, Index.Number(Tile))), Before)) : keys;
        PtxOperand[] dQuery = Sums(), chain = Sums();
        Numbers(batch, head, first);
        PtxLoop.For(Code, Index, Index.Number(0), seen, Tile, start =>
        {
            Scores(First, isTurned: true, query, first, Queries, key, start, keys, Width);
            Scores(Second, isTurned: true, gradient, first, Queries, value, start, keys, Depth);
            Code.Do("bar.sync 0");
            Differentiate(batch, head, first, start, keys, isByQuery: false);
            Weighted(chain, Second, key, start, keys, column, Width);
            for (var i = 0; i < dQuery.Length; i++) Code.Write("add.rn.f32", dQuery[i], dQuery[i], chain[i]);
        });
        Store(AttentionRole.QueryGradient, batch, head, first, Queries, column, Width, dQuery);
    }

    // What each query of a tile brings along: a thread for each.
    void Numbers(PtxOperand batch, PtxOperand head, PtxOperand tile)
    {
        var outside = Code.Label("OUTSIDE");
        Code.Branch(outside, Code.Compare("ge", "s32", Thread, Number(Tile)));
        var query = Index.Add(tile, Index.OfWord(Thread));
        Code.Branch(outside, Index.Compare("ge", query, Queries));
        var place = Word("mad.lo.s32", Thread, Number(Element), Shared);
        Code.Do($"st.shared.f32 {Local(place, Most)}, {Load(AttentionRole.Normalizer, batch, head, query, Index.Number(0))}");
        Code.Do($"st.shared.f32 {Local(place, Share)}, {Single("div.rn.f32", PtxOperand.Single(1), Load(AttentionRole.Normalizer, batch, head, query, Index.Number(1)))}");
        var mean = Code.Copy(PtxOperand.Single(0));
        var (gradient, output) = (Reader(AttentionRole.OutputGradient, batch, head), Reader(AttentionRole.Output, batch, head));
        var (singly, summed) = (Code.Label("SINGLY"), Code.Label("SUMMED"));
        if (gradient.Four is { } fours && output.Four is { } others)
        {
            Code.Branch(singly, fours.IsAligned, inverted: true);
            Code.Branch(singly, others.IsAligned, inverted: true);
            PtxLoop.For(Code, Index, Index.Number(0), Depth, PtxFours.Elements, i =>
            {
                var (a, b) = (fours.Read(query, i), others.Read(query, i));
                for (var j = 0; j < PtxFours.Elements; j++) Code.Write("fma.rn.f32", mean, a[j], b[j], mean);
            });
            Code.Do("bra " + summed);
            Code.Place(singly);
        }
        PtxLoop.For(Code, Index, Index.Number(0), Depth, 1, i => Code.Write("fma.rn.f32", mean, gradient.At(query, i), output.At(query, i), mean));
        Code.Place(summed);
        Code.Do($"st.shared.f32 {Local(place, Mean)}, {mean}");
        Code.Place(outside);
    }

    // Products of queries and keys become weights as they multiplied the values, gradients of weights those of the products; 0 where nothing is seen.
    void Differentiate(PtxOperand batch, PtxOperand head, PtxOperand query, PtxOperand key, PtxOperand keys, bool isByQuery)
    {
        var (column, line) = (Word("and.b32", Thread, Number(Tile - 1)), Code.Copy(Word("shr.u32", Thread, Number(6))));
        PtxLoop.For(Code, Index, Index.Number(0), Index.Number(Tile), Threads / Tile, _ =>
        {
            var place = Word("mad.lo.s32", line, Number(Pitch * Element), Word("mad.lo.s32", column, Number(Element), Shared));
            var (q, k) = isByQuery ? (line, column) : (column, line);
            var (atQuery, atKey) = (Index.Add(query, Index.OfWord(q)), Index.Add(key, Index.OfWord(k)));
            var (used, gradient) = (Code.Copy(PtxOperand.Single(0)), Code.Copy(PtxOperand.Single(0)));
            var unseen = Code.Label("NOTHING");
            var score = Score(LoadLocal(place, First), batch, head, atQuery, atKey, keys);
            Code.Branch(unseen, Code.Compare("eq", "f32", score, PtxOperand.Single(float.NegativeInfinity)));
            var ofQuery = Word("mad.lo.s32", q, Number(Element), Shared);
            var weight = Single("mul.rn.f32", Exponential(Single("sub.rn.f32", score, LoadLocal(ofQuery, Most))), LoadLocal(ofQuery, Share));
            var ofWeight = LoadLocal(place, Second);
            Code.Assign(used, weight);
            if (Kernel.Dropout != 0)
            {
                var kept = Kept(batch, head, atQuery, atKey);
                Code.Write("mul.rn.f32", used, weight, kept);
                ofWeight = Single("mul.rn.f32", ofWeight, kept);
            }
            var less = Single("sub.rn.f32", ofWeight, LoadLocal(ofQuery, Mean));
            Code.Write("mul.rn.f32", gradient, Single("mul.rn.f32", weight, less), PtxOperand.Single((float)Kernel.Scale));
            Code.Place(unseen);
            Code.Do($"st.shared.f32 {Local(place, First)}, {used}");
            Code.Do($"st.shared.f32 {Local(place, Second)}, {gradient}");
            Code.Write("add.s32", line, line, Number(Threads / Tile));
        });
    }
}
