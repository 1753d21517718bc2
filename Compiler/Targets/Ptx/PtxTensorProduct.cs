using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// A product of 16-bit numbers on tensor cores, which add up in float32 (<c>mma.sync.m16n8k16</c>): <see cref="PtxTensorBlock"/> over operands that are copied as they lie, or staged by the threads where a body makes them. Operands, epilogues, slices and
/// parameters are those of the product in plain instructions.
/// </summary>
sealed class PtxTensorProduct : PtxProduct
{
    readonly ProductKernel kernel;
    readonly PtxTensorForm form;
    readonly DType type;
    readonly PtxTensorBlock block;

    PtxTensorProduct(ProductKernel kernel, PtxTensorForm form, PtxWriter code, bool isWide) : base(kernel, code, isWide)
    {
        (this.kernel, this.form) = (kernel, form);
        type = PtxTensorForm.TypeOf(kernel, form.IsTf32 ? PtxVariant.Tf32 : PtxVariant.TensorCores) ?? throw new NotSupportedException($"{kernel.Name} multiplies what tensor cores do not.");
        block = new(Code, Index, Thread, form, type);
    }

    /// <summary>The text of the kernel that multiplies.</summary>
    public static string Write(ProductKernel kernel, PtxTensorForm form, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, form.Tile.Threads, form.Tile.Resident);
        new PtxTensorProduct(kernel, form, code, isWide).MultiplyOnCores();
        return code.ToString();
    }

    protected override (PtxOperand Row, PtxOperand Column) Arrange(PtxOperand row, PtxOperand column) => PtxTensorBlock.Arrange(Index, row, column, Argument(RowTiles), Argument(ColumnTiles));

    void MultiplyOnCores()
    {
        var (tileRow, tileColumn, slice) = Decode(form.Tile.Rows, form.Tile.Columns);
        var (m, n, k) = Extents;
        var first = Index.Multiply(slice, Argument(SliceBlocks));
        var last = Index.Smaller(Index.Add(first, Argument(SliceBlocks)), Argument(Blocks));
        var (deepLeft, deepRight) = (IsDeep(true), IsDeep(false));
        var left = block.Operand(isLeft: true, deepLeft, tileRow, m, k);
        var right = block.Operand(isLeft: false, deepRight, tileColumn, n, k);
        var depth = Index.Multiply(first, Index.Number(form.Step));
        if (form.CopyLeft > 0) BeginCopies(left, isLeft: true, depth);
        if (form.CopyRight > 0) BeginCopies(right, isLeft: false, depth);
        var sums = block.Multiply(
            left, right, depth, Index.Subtract(last, first),
            (to, from) => left.Make(to, from, (place, line, step) => Piece(place, kernel.A, StartA, LeftBody, line, step, m, k, isLeft: true, deepLeft)),
            (to, from) => right.Make(to, from, (place, line, step) => Piece(place, kernel.B, StartB, RightBody, line, step, n, k, isLeft: false, deepRight)));
        block.Finish(sums, tileRow, tileColumn, m, n, IsByRow, (place, y, x) => Take(place, y, x, n, slice));
    }

    // What is copied lies as it is copied; a body makes elements along its lanes.
    bool IsDeep(bool isLeft) => (isLeft ? form.CopyLeft : form.CopyRight) > 0 ? PtxTensorForm.MatrixOf(kernel, isLeft)!.IsDeep : isLeft ? AreDeep.Left : AreDeep.Right;

    void BeginCopies(PtxTensorOperand operand, bool isLeft, PtxOperand depth)
    {
        var matrix = PtxTensorForm.MatrixOf(kernel, isLeft)!;
        var body = matrix.IsOfBody ? (isLeft ? LeftBody : RightBody)!.Inside : null;
        PtxOperand Extent(Extent extent) => body is null ? Size(extent) : body.Size(extent);
        operand.BeginCopies(body?.Start(matrix.OfBody) ?? (isLeft ? StartA : StartB), Extent(matrix.LineStride), Extent(matrix.DepthStride), depth);
    }

    // Eight elements of an operand to the memory of the block.
    void Piece(PtxOperand place, Access? access, PtxOperand start, PtxTileBody? body, PtxOperand line, PtxOperand depth, PtxOperand lines, PtxOperand depths, bool isLeft, bool isDeep)
    {
        var (along, end) = isDeep ? (depth, depths) : (line, lines);
        var isOutside = isDeep ? Index.Compare("ge", line, lines) : Index.Compare("ge", depth, depths);
        (PtxOperand Row, PtxOperand Column) At(PtxOperand moved) => isDeep == isLeft ? (isLeft ? line : depth, moved) : (moved, isLeft ? depth : line);
        if (body is null)
        {
            // All of them on their way at once.
            var (width, of) = form.IsTf32 ? ("b32", RegisterClass.Word) : ("b16", RegisterClass.Half);
            var elements = new PtxOperand[form.Piece];
            for (var i = 0; i < elements.Length; i++)
            {
                var moved = Index.Add(along, Index.Number(i));
                var (row, column) = At(moved);
                elements[i] = Code.Register(of);
                Code.Do($"mov.{width} {elements[i]}, 0");
                var isThere = Code.Instruction("and.pred", RegisterClass.Predicate, Index.Compare("lt", moved, end), Code.Instruction("not.pred", RegisterClass.Predicate, isOutside));
                Code.Do($"ld.global.{width} {elements[i]}, {Place(access!, start, row, column)}", isThere);
            }
            if (form.IsTf32) Code.Do($"st.shared.v4.b32 [{place}], {{{string.Join(", ", elements)}}}");
            else PtxEights.StoreHalves(Code, "shared", place, elements);
            return;
        }
        var (singly, done) = (Code.Label("SINGLY"), Code.Label("PIECE"));
        if (!form.IsTf32)
        {
            var together = new PtxBodyOfEight(body, Code, Index);
            Code.Branch(singly, isOutside);
            Code.Branch(singly, Index.Compare("gt", Index.Add(along, Index.Number(PtxTensorForm.Together)), end));
            PtxEights.Store(Code, "shared", type, place, together.Write(null, isDeep ? line : depth, along, null, singly));
            Code.Do("bra " + done);
        }
        Code.Place(singly);
        var to = Code.Copy(place);
        PtxLoop.For(Code, Index, along, Index.Add(along, Index.Number(form.Piece)), 1, moved =>
        {
            var outside = Code.Label("OUTSIDE");
            var value = Code.Copy(PtxOperand.Single(0));
            Code.Branch(outside, isOutside);
            Code.Branch(outside, Index.Compare("ge", moved, end));
            Code.Assign(value, body.Make(null, isDeep ? line : depth, moved));
            Code.Place(outside);
            PtxConversions.Store(Code, "shared", type, $"[{to}]", value);
            Code.Write("add.s32", to, to, PtxOperand.Word(form.Element));
        });
        Code.Place(done);
    }

    // Eight finished elements of a row: together where all of them are there and what is read and written for them begins at a multiple of 16 bytes.
    void Take(PtxOperand place, PtxOperand y, PtxOperand x, PtxOperand n, PtxOperand slice)
    {
        var done = Code.Label("TAKEN");
        if (IsCut)
        {
            var whole = Code.Label("WHOLE");
            Code.Branch(whole, Index.Compare("eq", Argument(Slices), Index.Number(1)));
            block.Give(place, x, n, done, elsewhere => block.Aligned(Partial(slice, y, x), DType.F32, elsewhere), (moved, value) => Code.Do($"st.global.f32 [{Partial(slice, y, moved)}], {value}"));
            Code.Place(whole);
        }
        void Single(PtxOperand moved, PtxOperand value) => Write(y, moved, value);
        if (Takes is { } body)
        {
            var together = new PtxBodyOfEight(body, Code, Index);
            block.Give(place, x, n, done, !together.Fits ? null : elsewhere =>
            {
                together.Write(null, y, x, PtxEights.Load(Code, "shared", DType.F32, place), elsewhere);
                return null;
            }, Single);
        }
        else block.Give(place, x, n, done, kernel.C!.Strides[4].Is(1) && PtxEights.Has(kernel.C.Type) ? elsewhere => block.Aligned(Result(y, x), kernel.C.Type, elsewhere) : null, Single);
        Code.Place(done);
    }
}
