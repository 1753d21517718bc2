using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Matrix products: operands from memory through any strides, or made by their bodies while they are staged; results to memory or to the epilogue. A sum that is cut leaves its slices in the workspace, and a
/// second kernel adds them in order.</summary>
class PtxProduct : PtxTiles
{
    readonly ProductKernel kernel;
    readonly PtxTileBody? left, right, epilogue;
    PtxOperand a, b, c;

    /// <summary>Where the operands of the matrix begin.</summary>
    protected PtxOperand StartA => a;

    /// <inheritdoc cref="StartA"/>
    protected PtxOperand StartB => b;

    /// <summary>What makes the left operand; null where it lies in memory.</summary>
    protected PtxTileBody? LeftBody => left;

    /// <summary>What makes the right operand.</summary>
    protected PtxTileBody? RightBody => right;

    /// <summary>What takes results; null where they go to memory.</summary>
    protected PtxTileBody? Takes => epilogue;

    /// <summary>The name of the kernel that adds slices.</summary>
    public static string SumOf(string name) => name + "_sum";

    /// <summary>The parameters of both kernels, in order.</summary>
    public static ImmutableArray<PtxArgument> Arguments(ProductKernel kernel)
    {
        IEnumerable<PtxArgument> View(string name, Access? access) => access is null ? [] : [new PtxArgument.Operand(name, PtxPart.Kernel, access.Pointer)];
        IEnumerable<PtxArgument> workspace = kernel.Workspace?.Pointer is { } w ? [new PtxArgument.Operand("workspace", PtxPart.Kernel, w)] : [];
        return
        [
            .. View("a", kernel.A), .. View("b", kernel.B), .. View("c", kernel.C),
            .. Hook("a", kernel.MakesA?.Body, PtxPart.MakesA), .. Hook("b", kernel.MakesB?.Body, PtxPart.MakesB), .. Hook("c", kernel.Epilogue, PtxPart.Epilogue), .. workspace,
            .. Sizes(kernel.Batch.Concat([kernel.M, kernel.N, kernel.K]).Concat(new[] { kernel.A, kernel.B, kernel.C }.SelectMany(x => x?.Strides ?? []))), .. Counts,
            .. HasFours(kernel.A) ? [new PtxArgument.Flag(Left4Name)] : (IEnumerable<PtxArgument>)[], .. HasFours(kernel.B) ? [new PtxArgument.Flag(Right4Name)] : (IEnumerable<PtxArgument>)[],
            .. HasResultFours(kernel) ? [new PtxArgument.Flag(Result4Name)] : (IEnumerable<PtxArgument>)[],
        ];
    }

    static bool HasResultFours(ProductKernel kernel) => kernel.Epilogue is { } takes ? PtxBodyOfFour.Fits(takes) : HasFours(kernel.C) && kernel.C!.Strides[4].Is(1);

    /// <summary>Whether four neighbouring results of a row are one access: to memory, to the workspace, and of all that the epilogue reads and writes behind one another.</summary>
    public static bool IsResultAligned(ContractLaunch launch, DimBinding binding)
    {
        var kernel = launch.Kernel;
        bool IsMultiple(Dim number) => number.Evaluate(binding) % PtxFours.Elements == 0;
        return HasResultFours(kernel) && IsMultiple(launch.N) && (kernel.Workspace?.Pointer is not { } workspace || IsMultiple(launch.Operands[workspace].Offset))
            && (kernel.Epilogue is { } takes ? PtxBodyOfFour.AreAligned(takes, i => launch.Operands[launch.HookC!.First + i], launch.HookC!.Dims, binding)
                : IsMultiple(launch.Operands[kernel.C!.Pointer].Offset) && kernel.C.Strides.Take(4).All(s => IsMultiple(s.In(launch.Dims))));
    }

    // Elements lie behind one another along one of the matrix's axes, and four of them are one access at some places.
    static bool HasFours(Access? access) => access is not null && PtxFours.IsFour(access.Type) && access.Strides.Skip(3).Count(s => s.Is(1)) == 1 && access.Strides.All(s => !s.IsConstant || s.Is(1) || s.Value % PtxFours.Elements == 0);

    /// <summary>Whether four neighbouring elements of an operand are one access wherever a launch stages them.</summary>
    /// <param name="access">The operand; null for one that its body makes.</param>
    /// <param name="operand">What it lies in.</param>
    /// <param name="depth">The axis that is summed: the third or fourth.</param>
    /// <param name="dims">The launch's sizes.</param>
    /// <param name="starts">Where blocks of the summed extent begin, and the last one ends.</param>
    /// <param name="lines">How many rows or columns of the result it has.</param>
    /// <param name="binding">The sizes' sizes.</param>
    public static bool IsAligned(Access? access, Operand? operand, int depth, ImmutableArray<Dim> dims, IEnumerable<long> starts, long lines, DimBinding binding) =>
        HasFours(access) && operand!.Offset.Evaluate(binding) % PtxFours.Elements == 0
        && access!.Strides.Where(s => !s.Is(1)).All(s => s.In(dims).Evaluate(binding) % PtxFours.Elements == 0)
        && (access.Strides[depth].Is(1) ? starts.All(s => s % PtxFours.Elements == 0) : lines % PtxFours.Elements == 0);

    protected PtxProduct(ProductKernel kernel, PtxWriter code, bool isWide) : base(code, isWide, kernel.Text, kernel.Accumulator, kernel.Sums, kernel.Workspace?.Pointer is not null, Arguments(kernel))
    {
        this.kernel = kernel;
        if (kernel.MakesA is { } makesA) left = Body(makesA.Body, "a");
        if (kernel.MakesB is { } makesB) right = Body(makesB.Body, "b");
        if (kernel.Epilogue is { } takes) epilogue = Body(takes, "c");
        Extents = (Size(kernel.M), Size(kernel.N), Size(kernel.K));
    }

    /// <summary>The text of the kernel that multiplies.</summary>
    public static string Write(ProductKernel kernel, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, Threads, Resident);
        new PtxProduct(kernel, code, isWide).Multiply();
        return code.ToString();
    }

    /// <summary>The text of the kernel that adds slices.</summary>
    public static string WriteSum(ProductKernel kernel, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, Threads);
        new PtxProduct(kernel, code, isWide).Add();
        return code.ToString();
    }

    protected override (PtxOperand M, PtxOperand N, PtxOperand K) Extents { get; }

    // A body's tiles have the operand's rows, or turned its columns.
    protected override (bool Left, bool Right) AreDeep => (kernel.A?.Strides[4].Is(1) ?? !kernel.MakesA!.Transposed, kernel.B?.Strides[3].Is(1) ?? kernel.MakesB!.Transposed);

    protected override bool IsByRow => kernel.C is null || !kernel.C.Strides[3].Is(1) || kernel.C.Strides[4].Is(1);

    protected override void Begin(PtxOperand matrix)
    {
        (a, b, c) = (Matrix("a", kernel.A, matrix), Matrix("b", kernel.B, matrix), Matrix("c", kernel.C, matrix));
        left?.Begin(matrix);
        right?.Begin(matrix);
        epilogue?.Begin(matrix);
    }

    protected override PtxOperand Left(PtxOperand row, PtxOperand depth) => Read(kernel.A, a, left, kernel.MakesA, row, depth);

    protected override PtxOperand Right(PtxOperand depth, PtxOperand column) => Read(kernel.B, b, right, kernel.MakesB, depth, column);

    protected override Func<PtxOperand, PtxOperand, PtxOperand[]>? LeftFour => HasFours(kernel.A) ? (row, depth) => PtxConversions.LoadFour(Code, kernel.A!.Type, Place(kernel.A, a, row, depth)) : null;

    protected override Func<PtxOperand, PtxOperand, PtxOperand[]>? RightFour => HasFours(kernel.B) ? (depth, column) => PtxConversions.LoadFour(Code, kernel.B!.Type, Place(kernel.B, b, depth, column)) : null;

    protected override void Write(PtxOperand row, PtxOperand column, PtxOperand value)
    {
        if (epilogue is not null) epilogue.Take(null, row, column, value);
        else PtxConversions.Store(Code, "global", kernel.C!.Type, Place(kernel.C, c, row, column), value);
    }

    protected override Action<PtxOperand, PtxOperand, PtxOperand[]>? WriteFour => !HasResultFours(kernel) ? null : (row, column, values) =>
    {
        if (epilogue is not null) new PtxBodyOfFour(epilogue, Code, Index).Take(null, row, column, values);
        else PtxConversions.StoreFour(Code, kernel.C!.Type, Place(kernel.C, c, row, column), values);
    };

    PtxOperand Read(Access? access, PtxOperand start, PtxTileBody? body, TileMaker? maker, PtxOperand row, PtxOperand column) =>
        access is not null ? PtxConversions.Load(Code, "global", access.Type, Place(access, start, row, column)) : maker!.Transposed ? body!.Make(null, column, row) : body!.Make(null, row, column);

    /// <summary>The address of an element in brackets.</summary>
    protected string Place(Access access, PtxOperand start, PtxOperand row, PtxOperand column) => "[" + Address(access, start, row, column) + "]";

    PtxOperand Address(Access access, PtxOperand start, PtxOperand row, PtxOperand column) =>
        Index.Address(start, Index.MultiplyAdd(row, Size(access.Strides[3]), Index.Multiply(column, Size(access.Strides[4]))), access.Type.Size());

    /// <summary>The address of an element of the result.</summary>
    protected PtxOperand Result(PtxOperand row, PtxOperand column) => Address(kernel.C!, c, row, column);

    // The address at which a matrix of the batch begins.
    PtxOperand Matrix(string name, Access? access, PtxOperand matrix)
    {
        if (access is null) return default;
        var place = Index.Number(0);
        for (var axis = 2; axis >= 0 && !kernel.Batch.Take(axis + 1).All(e => e.Is(1)); axis--)
        {
            var extent = Size(kernel.Batch[axis]);
            var isOutermost = kernel.Batch.Take(axis).All(e => e.Is(1));
            var above = isOutermost ? Index.Number(0) : Index.Divide(matrix, extent);
            var at = isOutermost ? matrix : Index.Subtract(matrix, Index.Multiply(above, extent));
            place = Index.MultiplyAdd(at, Size(access.Strides[axis]), place);
            matrix = above;
        }
        return Index.Address(Argument(name), place, access.Type.Size());
    }
}
