using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// A convolution of 16-bit numbers, or one of its gradients, on tensor cores: <see cref="PtxTensorBlock"/> over the product that nobody writes down. What windows see is gathered on its way to the memory of the block: an element's place is the sum of what
/// its line and its step say, each of which is known where the other changes.
/// </summary>
sealed class PtxTensorConvolution : PtxConvolution
{
    const int Together = PtxTensorForm.Together;

    readonly ConvolutionKernel kernel;
    readonly PtxTensorForm form;
    readonly DType type;
    readonly PtxTensorBlock block;

    PtxTensorConvolution(ConvolutionKernel kernel, PtxTensorForm form, PtxWriter code, bool isWide) : base(kernel, code, isWide)
    {
        (this.kernel, this.form) = (kernel, form);
        type = PtxTensorWindows.TypeOf(kernel) ?? throw new NotSupportedException($"{kernel.Name} multiplies what tensor cores do not.");
        block = new(Code, Index, Thread, form, type);
    }

    /// <summary>The text of the kernel.</summary>
    public static string Write(ConvolutionKernel kernel, PtxTensorForm form, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, form.Tile.Threads, form.Tile.Resident);
        new PtxTensorConvolution(kernel, form, code, isWide).Convolve();
        return code.ToString();
    }

    protected override (PtxOperand Row, PtxOperand Column) Arrange(PtxOperand row, PtxOperand column) => PtxTensorBlock.Arrange(Index, row, column, Argument(RowTiles), Argument(ColumnTiles));

    // Filters lie along channels and taps, what a gradient of a weight multiplies along pixels; what windows see is gathered along pixels.
    bool IsDeep(bool isLeft) => isLeft || kernel.Kind == ConvolutionKind.WeightGradient;

    void Convolve()
    {
        var (tileRow, tileColumn, _) = Decode(form.Tile.Rows, form.Tile.Columns);
        var (m, n, k) = Extents;
        var left = block.Operand(isLeft: true, IsDeep(true), tileRow, m, k);
        var right = block.Operand(isLeft: false, IsDeep(false), tileColumn, n, k);
        if (form.CopyLeft > 0)
        {
            var planes = PtxTensorWindows.PlanesOf(kernel, 1)!;
            var between = Stride(1, planes.First);
            left.BeginCopies(Index.Address(Start(1), Index.Multiply(FirstFilter, between), PtxTensorTile.Element), between, Index.Number(1), Index.Number(0));
        }
        var sums = block.Multiply(left, right, Index.Number(0), Argument(Blocks), Stage(left, isLeft: true, m, k), Stage(right, isLeft: false, n, k));
        block.Finish(sums, tileRow, tileColumn, m, n, IsByRow, (place, y, x) => Take(place, y, x, n));
    }

    // How an operand that is not copied comes to the memory of the block.
    Action<PtxOperand, PtxOperand> Stage(PtxTensorOperand operand, bool isLeft, PtxOperand lines, PtxOperand depths)
    {
        if (operand.IsCopied) return (_, _) => throw new InvalidOperationException($"{kernel.Name} copies what it stages.");
        var number = isLeft ? 1 : 0;
        if (PtxTensorWindows.PlanesOf(kernel, number) is null) return (slot, from) => operand.Make(slot, from, (place, line, step) => Made(place, line, step, lines, depths, isLeft));
        var isDeep = IsDeep(isLeft);
        // What lies along lines is the same in every stage.
        var known = isDeep ? null : Along(number, isOfLines: true, operand.Along(Index.Number(0)), lines, Together);
        return (slot, from) =>
        {
            var along = known ?? Along(number, isOfLines: false, operand.Along(from), depths, Together);
            operand.Make(slot, from, (place, line, step) => Gather(place, number, Along(number, isDeep, isDeep ? line : step, isDeep ? lines : depths, 1)[0], along));
        };
    }

    // What a line or a step of an operand says of where an element lies: what it adds to the element's number in memory, and to the row and column that have to be in the plane; null where nothing has to.
    readonly record struct Sight(PtxOperand Offset, PtxOperand? Row, PtxOperand? Column);

    // What comes out of a plane or a tensor, whatever the other one adds to it.
    PtxOperand Outside => Index.Number(Index.Class == RegisterClass.Long ? -(1L << 61) : -(1L << 30));

    // So many lines or steps behind one another.
    Sight[] Along(int operand, bool isOfLines, PtxOperand first, PtxOperand end, int count)
    {
        var planes = PtxTensorWindows.PlanesOf(kernel, operand)!;
        var (w, isWeight) = (kernel.Window, PtxTensorWindows.IsWeight(kernel, operand));
        var isWindowed = operand == 0;
        var (down, across) = isWeight ? WindowSize : kernel.Kind == ConvolutionKind.ImageGradient || operand == 1 ? Map : Image;
        var column = Stride(operand, planes.Column);
        var row = planes.Row is { } given ? Stride(operand, given) : Index.Multiply(across, column);
        var plane = planes.Plane is { } apart ? Stride(operand, apart) : Index.Multiply(down, row);
        var image = Stride(operand, planes.First);
        var isGradient = kernel.Kind == ConvolutionKind.ImageGradient;

        Sight At(PtxOperand number)
        {
            // Lines of what has no window: filters, or channels of a weight.
            var group = isWeight && isGradient ? (First: Index.Number(0), Apart: plane) : (First: FirstFilter, Apart: isWeight ? image : plane);
            return new(Index.Multiply(Index.Add(group.First, number), group.Apart), null, null);
        }
        Sight Of(PtxOperand outer, PtxOperand y, PtxOperand x, bool isPixel)
        {
            // Taps of a weight: of its channels, or of its filters.
            if (isWeight) return new(Index.MultiplyAdd(isGradient ? Index.Add(FirstFilter, outer) : outer, isGradient ? image : plane, Index.MultiplyAdd(y, row, Index.Multiply(x, column))), null, null);
            if (!isWindowed) return new(Index.MultiplyAdd(outer, image, Index.MultiplyAdd(y, row, Index.Multiply(x, column))), null, null);
            var (atRow, atColumn) = (isPixel, isGradient) switch
            {
                (true, false) => (Less(Index.Multiply(y, Index.Number(w.StrideHeight)), w.PaddingTop), Less(Index.Multiply(x, Index.Number(w.StrideWidth)), w.PaddingLeft)),
                (false, false) => (Index.Multiply(y, Index.Number(w.DilationHeight)), Index.Multiply(x, Index.Number(w.DilationWidth))),
                (true, true) => (Index.Add(y, Index.Number(w.PaddingTop)), Index.Add(x, Index.Number(w.PaddingLeft))),
                (false, true) => (Index.Multiply(y, Index.Number(-w.DilationHeight)), Index.Multiply(x, Index.Number(-w.DilationWidth))),
            };
            var offset = isPixel ? Index.Multiply(outer, image) : Index.Multiply(Index.Add(isGradient ? FirstFilter : FirstChannel, outer), plane);
            // Rows and columns of a strided gradient are quotients of sums, so they say nothing alone.
            return new(IsStrided ? offset : Index.MultiplyAdd(atRow, row, Index.MultiplyAdd(atColumn, column, offset)), atRow, atColumn);
        }

        // Whether lines or steps are pixels, taps, or neither.
        var isPixels = kernel.Kind == ConvolutionKind.WeightGradient ? !isOfLines : !isWeight && isOfLines;
        var isPlain = isOfLines && (isWeight || operand == 1);
        var (height, width) = isPixels ? (isGradient ? Image : Map) : WindowSize;
        var sights = new Sight[count];
        var at = isPlain ? default : Pixel(first, height, width);
        for (var i = 0; i < count; i++)
        {
            var number = Index.Add(first, Index.Number(i));
            if (i > 0 && !isPlain) at = Next(at, height, width);
            var sight = isPlain ? At(number) : Of(at.Plane, at.Y, at.X, isPixels);
            var isThere = Index.Compare("lt", number, end);
            PtxOperand OrOutside(PtxOperand x) => Code.Instruction("selp." + Index.Class.Type(), Index.Class, x, Outside, isThere);
            sights[i] = isWindowed ? sight with { Row = OrOutside(sight.Row!.Value) } : sight with { Offset = OrOutside(sight.Offset) };
        }
        return sights;
    }

    bool IsStrided => kernel.Kind == ConvolutionKind.ImageGradient && (kernel.Window.StrideHeight > 1 || kernel.Window.StrideWidth > 1);

    PtxOperand Less(PtxOperand a, int b) => Index.Add(a, Index.Number(-b));

    // The number behind one, over planes of rows and columns.
    (PtxOperand Plane, PtxOperand Y, PtxOperand X) Next((PtxOperand Plane, PtxOperand Y, PtxOperand X) at, PtxOperand height, PtxOperand width)
    {
        var (y, x) = (at.Y, Index.Add(at.X, Index.Number(1)));
        PtxOperand Select(PtxOperand yes, PtxOperand no, PtxOperand condition) => Code.Instruction("selp." + Index.Class.Type(), Index.Class, yes, no, condition);
        var isRow = Index.Compare("ge", x, width);
        (y, x) = (Select(Index.Add(y, Index.Number(1)), y, isRow), Select(Index.Number(0), x, isRow));
        var isPlane = Index.Compare("ge", y, height);
        return (Select(Index.Add(at.Plane, Index.Number(1)), at.Plane, isPlane), Select(Index.Number(0), y, isPlane), x);
    }

    // Eight elements, all of them on their way at once; 0 where a window sees nothing.
    void Gather(PtxOperand place, int operand, Sight own, Sight[] along)
    {
        var halves = new PtxOperand[Together];
        var (down, across) = kernel.Kind == ConvolutionKind.ImageGradient ? Map : Image;
        var start = Start(operand);
        for (var i = 0; i < Together; i++)
        {
            halves[i] = Code.Register(RegisterClass.Half);
            Code.Do($"mov.b16 {halves[i]}, 0");
            var element = Index.Add(own.Offset, along[i].Offset);
            PtxOperand isThere;
            if (along[i].Row is { } alongRow)
            {
                var (row, column) = (Index.Add(own.Row!.Value, alongRow), Index.Add(own.Column!.Value, along[i].Column!.Value));
                PtxOperand? isBetween = null;
                if (IsStrided)
                {
                    var planes = PtxTensorWindows.PlanesOf(kernel, operand)!;
                    (row, isBetween) = Quotient(row, kernel.Window.StrideHeight, isBetween);
                    (column, isBetween) = Quotient(column, kernel.Window.StrideWidth, isBetween);
                    var columnStride = Stride(operand, planes.Column);
                    element = Index.MultiplyAdd(row, planes.Row is { } given ? Stride(operand, given) : Index.Multiply(across, columnStride), Index.MultiplyAdd(column, columnStride, element));
                }
                // Of what is negative, without a sign, too large.
                isThere = And("lt", column, across, And("lt", row, down, isBetween));
            }
            else isThere = Index.Compare("ge", element, Index.Number(0));
            Code.Do($"ld.global.b16 {halves[i]}, [{Index.Address(start, element, PtxTensorTile.Element)}]", isThere);
        }
        PtxEights.StoreHalves(Code, "shared", place, halves);
    }

    // A comparison without signs, and what else has to hold.
    PtxOperand And(string comparison, PtxOperand a, PtxOperand b, PtxOperand? also)
    {
        var holds = Code.Compare(comparison, Index.Class == RegisterClass.Long ? "u64" : "u32", a, b);
        return also is { } other ? Code.Instruction("and.pred", RegisterClass.Predicate, holds, other) : holds;
    }

    // The quotient by a stride, of what is not negative; it has to be whole.
    (PtxOperand, PtxOperand?) Quotient(PtxOperand place, int stride, PtxOperand? also)
    {
        if (stride == 1) return (place, also);
        also = And("lt", place, Index.Number(1L << 30), also);
        var quotient = Index.Divide(place, Index.Number(stride));
        return (quotient, And("eq", Index.Multiply(quotient, Index.Number(stride)), place, also));
    }

    // What a body makes, element by element.
    void Made(PtxOperand place, PtxOperand line, PtxOperand step, PtxOperand lines, PtxOperand depths, bool isLeft)
    {
        var isDeep = IsDeep(isLeft);
        var (to, first) = (Code.Copy(place), isDeep ? step : line);
        PtxLoop.For(Code, Index, first, Index.Add(first, Index.Number(Together)), 1, moved =>
        {
            var outside = Code.Label("OUTSIDE");
            var value = Code.Copy(PtxOperand.Single(0));
            var (y, x) = isDeep ? (line, moved) : (moved, step);
            Code.Branch(outside, Index.Compare("ge", y, lines));
            Code.Branch(outside, Index.Compare("ge", x, depths));
            Code.Assign(value, isLeft ? Left(y, x) : Right(x, y));
            Code.Place(outside);
            PtxConversions.Store(Code, "shared", type, $"[{to}]", value);
            Code.Write("add.s32", to, to, PtxOperand.Word(PtxTensorTile.Element));
        });
    }

    // Where an operand begins, and how far its elements lie apart.
    PtxOperand Start(int operand) => PtxTensorWindows.PlanesOf(kernel, operand)! is { IsOfBody: true } planes ? Argument(Names[operand] + "p" + planes.Access.Pointer) : Argument(Names[operand]);

    PtxOperand Stride(int operand, Extent extent) => PtxTensorWindows.PlanesOf(kernel, operand)!.IsOfBody ? Maker(operand)!.Inside.Size(extent) : Size(extent);

    // Eight finished elements of a row: together where all of them are there, in one image, and what is read and written for them begins at a multiple of 16 bytes.
    void Take(PtxOperand place, PtxOperand y, PtxOperand x, PtxOperand n)
    {
        var done = Code.Label("TAKEN");
        void Single(PtxOperand moved, PtxOperand value) => Write(y, moved, value);
        var access = kernel.Operands.Length > 2 ? kernel.Operands[2].Access : null; // the epilogue has what else would go there
        if (kernel.Kind == ConvolutionKind.WeightGradient)
            block.Give(place, x, n, done, !IsByEight(access) ? null : elsewhere =>
            {
                var ((down, across), strides) = (WindowSize, access!.Strides);
                Code.Branch(elsewhere, Index.Compare("ne", Size(strides[2]), across));
                Code.Branch(elsewhere, Index.Compare("ne", Size(strides[1]), Index.Multiply(down, across)));
                return block.Aligned(Address(2, Index.Add(FirstFilter, y), Index.Number(0), Index.Number(0), x), access.Type, elsewhere);
            }, Single);
        else
        {
            var isForward = kernel.Kind == ConvolutionKind.Forward;
            var (down, across) = isForward ? Map : Image;
            var first = Index.Add(isForward ? FirstFilter : FirstChannel, y);
            var pixels = Index.Multiply(down, across);
            var image = Index.Divide(x, pixels);
            var pixel = Index.Subtract(x, Index.Multiply(image, pixels));
            var together = Takes is { } body ? new PtxBodyOfEight(body, Code, Index) : null;
            block.Give(place, x, n, done, !(together?.Fits ?? IsByEight(access)) ? null : elsewhere =>
            {
                Code.Branch(elsewhere, Index.Compare("gt", Index.Add(pixel, Index.Number(PtxEights.Count)), pixels));
                if (together is null)
                {
                    Code.Branch(elsewhere, Index.Compare("ne", Size(access!.Strides[2]), across));
                    return block.Aligned(Address(2, image, first, Index.Number(0), pixel), access.Type, elsewhere);
                }
                together.Write(image, first, pixel, PtxEights.Load(Code, "shared", DType.F32, place), elsewhere);
                return null;
            }, Single);
        }
        Code.Place(done);
    }

    static bool IsByEight(Access? access) => access is not null && access.Strides[3].Is(1) && PtxEights.Has(access.Type);
}
