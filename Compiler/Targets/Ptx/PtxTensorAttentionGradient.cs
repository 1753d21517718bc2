using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// The gradients of attention on tensor cores: two kernels that make the weights again, each of which owns what it adds to, in one order. One has tiles of keys, and the queries of all heads that share them pass by; the other has tiles of queries, and
/// keys pass by.
/// </summary>
sealed class PtxTensorAttentionGradient : PtxTensorAttention
{
    readonly PtxOperand numbers;

    PtxTensorAttentionGradient(AttentionKernel kernel, PtxTensorAttentionForm form, PtxAttentionPart part, PtxWriter code, bool isWide) : base(kernel, form, part, code, isWide) =>
        numbers = Word("add.s32", Shared, Number(form.NumbersAt(part)));

    /// <summary>The text of one of the two kernels.</summary>
    public static string Write(AttentionKernel kernel, PtxTensorAttentionForm form, PtxAttentionPart part, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, PtxTensorAttentionForm.Threads, 1);
        var gradient = new PtxTensorAttentionGradient(kernel, form, part, code, isWide);
        if (part == PtxAttentionPart.Keys) gradient.OfKeys();
        else gradient.OfQueriesAlone();
        return code.ToString();
    }

    void OfKeys()
    {
        var (batch, keyHead, first, chunk) = Split(KeyHeads);
        var keys = KeysOf(batch);
        var (key, value, query, gradient) = (Own(0), Own(1), Passes(0), Passes(1));
        Stage(key, Number(0), AttentionRole.Key, Start(AttentionRole.Key, batch, keyHead), first, keys);
        Stage(value, Number(0), AttentionRole.Value, Start(AttentionRole.Value, batch, keyHead), first, keys);
        var (readKey, readValue) = (key.Read(Lane, WarpRow, isUpperFirst: true), value.Read(Lane, WarpRow, isUpperFirst: true));
        var (readQuery, readGradient) = (query.Read(Lane, Number(0), isUpperFirst: false), gradient.Read(Lane, Number(0), isUpperFirst: false));
        var (addQuery, addGradient) = (query.Read(Lane, Number(0), isUpperFirst: true), gradient.Read(Lane, Number(0), isUpperFirst: true));
        var columns = Form.Chunk(PtxAttentionPart.Keys);
        var column = Index.Multiply(chunk, Index.Number(columns));
        var columnBytes = Word("mul.lo.s32", Index.Class == RegisterClass.Long ? Code.Instruction("cvt.u32.u64", RegisterClass.Word, chunk) : chunk, Number(columns * PtxTensorTile.Element));
        PtxOperand[][] dKey = Zeros(columns), dValue = Zeros(columns);

        // Of queries that pass: from the first one that sees a key of the tile; with keys that are not there none.
        var from = Kernel.IsCausal ? Index.And(Index.Larger(Index.Subtract(first, Before), Index.Number(0)), -Passing) : Index.Number(0);
        var to = Code.Instruction("selp." + Index.Class.Type(), Index.Class, Queries, Index.Number(0), Index.Compare("lt", first, keys));
        var tiles = Index.Divide(Index.Larger(Index.Add(Index.Subtract(to, from), Index.Number(Passing - 1)), Index.Number(0)), Index.Number(Passing));
        var group = Index.Divide(Heads, KeyHeads);
        var (stagedHead, stagedTile) = (Code.Copy(Index.Multiply(keyHead, group)), Code.Copy(from));
        var (head, tile) = (Code.Copy(stagedHead), Code.Copy(from));
        // From which query on each of the lane's keys is seen.
        PtxOperand[] lowest = [.. Enumerable.Range(0, 2).Select(i =>
        {
            var own = Index.Add(Index.Add(first, LaneRow), Index.Number(8 * i));
            return Code.Instruction("selp." + Index.Class.Type(), Index.Class, Kernel.IsCausal ? Index.Subtract(own, Before) : Index.Number(0), Queries, Index.Compare("lt", own, keys));
        })];
        Pass(
            Index.Multiply(tiles, group),
            slot =>
            {
                Stage(query, slot, AttentionRole.Query, Start(AttentionRole.Query, batch, stagedHead), stagedTile, Queries);
                Stage(gradient, slot, AttentionRole.OutputGradient, Start(AttentionRole.OutputGradient, batch, stagedHead), stagedTile, Queries);
                Next(stagedHead, stagedTile);
            },
            slot =>
            {
                Numbers(gradient, slot, Passing, batch, head, tile);
                Code.Do("bar.sync 0");
                var (weights, gradients) = (Dots(readKey, readQuery.From(slot)), Dots(readValue, readGradient.From(slot)));
                var (mask, before) = (MaskOf(batch, head), FirstOf(batch, head));
                var most = Enumerable.Range(0, 3).Select(number => Pairs(number)).ToArray();
                for (var i = 0; i < weights[0].Length; i++)
                {
                    var ((own, other), pair) = (PlaceOf(Index.Add(first, LaneRow), Index.Add(tile, LaneColumn), 0, i), i / 4 * 2 + i % 2);
                    var isSeen = Code.Instruction("and.pred", RegisterClass.Predicate, Index.Compare("ge", other, lowest[i / 2 % 2]), Index.Compare("lt", other, Queries));
                    Differentiate(weights[0], gradients[0], i, isSeen, mask, before, other, own, (most[0][pair], most[1][pair], most[2][pair]));
                }
                AddWeighted(weights, addGradient.From(Word("add.s32", slot, columnBytes)), dValue);
                AddWeighted(gradients, addQuery.From(Word("add.s32", slot, columnBytes)), dKey);
                Next(head, tile);

                // A number of the two queries of each eight that a lane has.
                PtxOperand[] Pairs(int number)
                {
                    var all = Enumerable.Range(0, Passing / 4).Select(_ => Code.Register(RegisterClass.Single)).ToArray();
                    var place = Word("mad.lo.s32", Word("and.b32", Lane, Number(3)), Number(2 * Element), numbers);
                    for (var j = 0; j < Passing / 8; j++) Code.Do($"ld.shared.v2.f32 {{{all[2 * j]}, {all[2 * j + 1]}}}, [{place}+{(number * Passing + 8 * j) * Element}]");
                    return all;
                }
            });
        Write(key, AttentionRole.KeyGradient, dKey, At(AttentionRole.KeyGradient, column), first, Keys, Index.Subtract(Width, column));
        Write(value, AttentionRole.ValueGradient, dValue, At(AttentionRole.ValueGradient, column), first, Keys, Index.Subtract(Depth, column));

        PtxOperand At(AttentionRole role, PtxOperand moved) => Index.Address(Start(role, batch, keyHead), Index.Multiply(moved, Strides(role).Column), PtxTensorTile.Element);

        // Tile behind tile, head behind head.
        void Next(PtxOperand atHead, PtxOperand atTile)
        {
            Code.Write("add." + Index.Signed, atTile, atTile, Index.Number(Passing));
            var isHead = Index.Compare("ge", atTile, to);
            Code.Write("selp." + Index.Class.Type(), atTile, from, atTile, isHead);
            Code.Write("selp." + Index.Class.Type(), atHead, Index.Add(atHead, Index.Number(1)), atHead, isHead);
        }
    }

    void OfQueriesAlone()
    {
        var (batch, head, first, _) = Split(Heads);
        var keyHead = Index.Divide(head, Index.Divide(Heads, KeyHeads));
        var keys = KeysOf(batch);
        var seen = Kernel.IsCausal ? Index.Larger(Index.Smaller(keys, Index.Add(Index.Smaller(Queries, Index.Add(first, Index.Number(Rows))), Before)), Index.Number(0)) : keys;
        var (query, gradient, key, value) = (Own(0), Own(1), Passes(0), Passes(1));
        var (ofKeys, ofValues) = (Start(AttentionRole.Key, batch, keyHead), Start(AttentionRole.Value, batch, keyHead));
        var (mask, before) = (MaskOf(batch, head), FirstOf(batch, head));
        Stage(query, Number(0), AttentionRole.Query, Start(AttentionRole.Query, batch, head), first, Queries);
        Stage(gradient, Number(0), AttentionRole.OutputGradient, Start(AttentionRole.OutputGradient, batch, head), first, Queries);
        if (Form.IsCopied) Code.Do("cp.async.wait_all");
        Code.Do("bar.sync 0");
        Numbers(gradient, Number(0), Rows, batch, head, first);
        Code.Do("bar.sync 0");
        var place = Word("mad.lo.s32", Word("add.s32", WarpRow, Word("shr.u32", Lane, Number(2))), Number(Element), numbers);
        PtxOperand[][] own = [.. Enumerable.Range(0, 3).Select(number => (PtxOperand[])[.. Enumerable.Range(0, 2).Select(half => LoadLocal(place, (number * Rows + 8 * half) * Element))])];
        PtxOperand[] limits = [.. Enumerable.Range(0, 2).Select(half => Sees(Index.Add(Index.Add(first, LaneRow), Index.Number(8 * half)), keys))];
        var (readQuery, readGradient) = (query.Read(Lane, WarpRow, isUpperFirst: true), gradient.Read(Lane, WarpRow, isUpperFirst: true));
        var (readKey, readValue, addKey) = (key.Read(Lane, Number(0), isUpperFirst: false), value.Read(Lane, Number(0), isUpperFirst: false), key.Read(Lane, Number(0), isUpperFirst: true));
        var dQuery = Zeros(Form.Columns);
        PassKeys(seen, keys, (key, ofKeys), (value, ofValues), (slot, at) =>
        {
            var (weights, gradients) = (Dots(readQuery, readKey.From(slot)), Dots(readGradient, readValue.From(slot)));
            for (var i = 0; i < weights[0].Length; i++)
            {
                var ((row, column), half) = (PlaceOf(Index.Add(first, LaneRow), at, 0, i), i / 2 % 2);
                Differentiate(weights[0], gradients[0], i, Index.Compare("lt", column, limits[half]), mask, before, row, column, (own[0][half], own[1][half], own[2][half]));
            }
            AddWeighted(gradients, addKey.From(slot), dQuery);
        });
        Write(query, AttentionRole.QueryGradient, dQuery, Start(AttentionRole.QueryGradient, batch, head), first, Queries, Width);
    }

    // What each query brings along: its largest score, one over the sum of its exponentials, and the mean of the gradients of its weights; zeros for one that is not there. Some threads for each, neighbours of one another.
    void Numbers(PtxTensorRows gradients, PtxOperand slot, int rows, PtxOperand batch, PtxOperand head, PtxOperand tile)
    {
        const int Eight = PtxEights.Count;
        var each = PtxTensorAttentionForm.Threads / rows;
        var (row, own) = (Word("div.u32", Thread, Number(each)), Word("rem.u32", Thread, Number(each)));
        var query = Index.Add(tile, Index.OfWord(row));
        var (most, share, mean) = (Code.Copy(PtxOperand.Single(0)), Code.Copy(PtxOperand.Single(0)), Code.Copy(PtxOperand.Single(0)));
        var outside = Code.Label("OUTSIDE");
        Code.Branch(outside, Index.Compare("ge", query, Queries));
        Code.Assign(most, Load(AttentionRole.Normalizer, batch, head, query, Index.Number(0)));
        Code.Assign(share, Single("div.rn.f32", PtxOperand.Single(1), Load(AttentionRole.Normalizer, batch, head, query, Index.Number(1))));
        var (down, across) = Strides(AttentionRole.Output);
        var output = Index.Address(Start(AttentionRole.Output, batch, head), Index.Multiply(query, down), PtxTensorTile.Element);
        PtxLoop.For(Code, Index, Index.Multiply(Index.OfWord(own), Index.Number(Eight)), Depth, each * Eight, column =>
        {
            var piece = Index.Class == RegisterClass.Long ? Code.Instruction("cvt.u32.u64", RegisterClass.Word, column) : column;
            var ofGradient = PtxEights.Load(Code, "shared", Type, Word("add.s32", gradients.Place(row, Word("shr.u32", piece, Number(3))), slot));
            var address = Index.Address(output, Index.Multiply(column, across), PtxTensorTile.Element);
            var (singly, done) = (Code.Label("SINGLY"), Code.Label("ADDED"));
            if (Form.IsCopied)
            {
                Code.Branch(singly, Index.Compare("gt", Index.Add(column, Index.Number(Eight)), Depth));
                var ofOutput = PtxEights.Load(Code, "global", Type, address);
                for (var i = 0; i < Eight; i++) Code.Write("fma.rn.f32", mean, ofGradient[i], ofOutput[i], mean);
                Code.Do("bra " + done);
            }
            Code.Place(singly);
            for (var i = 0; i < Eight; i++)
            {
                Code.Branch(done, Index.Compare("ge", Index.Add(column, Index.Number(i)), Depth));
                var element = PtxConversions.Load(Code, "global", Type, $"[{Index.Address(address, Index.Multiply(Index.Number(i), across), PtxTensorTile.Element)}]");
                Code.Write("fma.rn.f32", mean, ofGradient[i], element, mean);
            }
            Code.Place(done);
        });
        Code.Place(outside);
        for (var other = 1; other < each; other *= 2) Code.Write("add.rn.f32", mean, mean, Single("shfl.sync.bfly.b32", mean, Number(other), Number(31), Number(-1)));
        var isOne = Code.Compare("eq", "s32", own, Number(0));
        var place = Word("mad.lo.s32", row, Number(Element), numbers);
        foreach (var (number, value) in new[] { (0, most), (1, share), (2, mean) }) Code.Do($"st.shared.f32 [{place}+{number * rows * Element}], {value}", isOne);
    }

    // A product of a query and a key becomes the weight as it multiplied the values, the gradient of that weight the one of the product; 0 where nothing is seen.
    void Differentiate(PtxOperand[] weights, PtxOperand[] gradients, int i, PtxOperand isSeen, PtxOperand mask, PtxOperand before, PtxOperand query, PtxOperand key, (PtxOperand Most, PtxOperand Share, PtxOperand Mean) of)
    {
        var score = Score(weights[i], isSeen, mask, query, key);
        var counts = Code.Compare("neu", "f32", score, PtxOperand.Single(float.NegativeInfinity));
        PtxOperand OrNothing(PtxOperand x) => Single("selp.f32", x, PtxOperand.Single(0), counts);
        var weight = OrNothing(Single("mul.rn.f32", Power(Single("sub.rn.f32", score, of.Most)), of.Share));
        var ofWeight = gradients[i];
        Code.Assign(weights[i], weight);
        if (Kernel.Dropout != 0)
        {
            var kept = Kept(before, query, key);
            Code.Write("mul.rn.f32", weights[i], weight, kept);
            ofWeight = Single("mul.rn.f32", ofWeight, kept);
        }
        Code.Assign(gradients[i], OrNothing(Single("mul.rn.f32", Single("mul.rn.f32", weight, Single("sub.rn.f32", ofWeight, of.Mean)), PtxOperand.Single((float)Kernel.Scale))));
    }
}
