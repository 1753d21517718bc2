namespace Graph.Compiler.Ir;

/// <summary>What the kernel of a library operation promises beside its numbers, on every target.</summary>
public sealed record LibraryTraits
{
    /// <summary>The element types that its kernels compute in, for the operands and results that <see cref="Typed"/> names.</summary>
    public required EquatableArray<DType> Types { get; init; }

    /// <summary>The operand whose element type decides.</summary>
    public int Typed { get; init; }

    /// <summary>The operands that may lie anywhere, as strides describe it; every other one is dense, axis behind axis, and copied in front of the kernel where it is not.</summary>
    public EquatableArray<int> Strided { get; init; }

    /// <summary>The results that may be written anywhere, as strides describe it; every other one is dense.</summary>
    public EquatableArray<int> StridedResults { get; init; }

    /// <summary>The results that may lie in an operand's memory: the kernel reads an element before it writes it.</summary>
    public EquatableArray<Shared> InPlace { get; init; }

    /// <summary>Bytes that a thread of it works in beside operands and results, at most: sums that are wider than the elements of a result, a line that is sorted.</summary>
    public Dim ThreadBytes { get; init; } = Dim.Zero;

    /// <summary>What may be merged into the kernel.</summary>
    public LibraryHooks Hooks { get; init; }

    /// <summary>
    /// For an operation that only puts its operands side by side: which part of the result each operand is, as a view of the result. Operands that can be made there are, the others are copied; there is no
    /// kernel then. Empty for all others.
    /// </summary>
    public EquatableArray<ViewMap> Parts { get; init; }

    /// <summary>All element types that have an address: for kernels that move elements or compare them.</summary>
    public static readonly EquatableArray<DType> AnyType = [DType.F64, DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.Bool];

    /// <summary>Bytes of so many sums of a type's elements when they do not fit the elements themselves.</summary>
    public static Dim Sums(DType type, Dim count) => type.IsNarrowFloat() ? count * type.Accumulator().Size() : Dim.Zero;

    /// <summary>All reals: for kernels that add up what those of 16 bits hold in float32.</summary>
    public static readonly EquatableArray<DType> RealType = [DType.F64, DType.F16, DType.BF16, DType.F32];
}

/// <summary>A result that may lie in an operand's memory.</summary>
/// <param name="Result">The number of the result.</param>
/// <param name="Operand">The number of the operand.</param>
public readonly record struct Shared(int Result, int Operand);

/// <summary>What may be merged into a kernel of the library.</summary>
[System.Flags]
public enum LibraryHooks
{
    None = 0,

    /// <summary>A last operand, to which the only result is added: where that operand lies, if nobody else reads it.</summary>
    Addend = 1,

    /// <summary>Scalar arithmetic on the result.</summary>
    Epilogue = 2,

    /// <summary>Scalar arithmetic that makes an operand.</summary>
    Prologue = 4,

    /// <summary>Sums of the elements of an operand along the axis that a product sums over, in sequence: the gradient of a bias beside that of its weight.</summary>
    Sums = 8,

    /// <summary>The sum along its rows of a product's result, or of what scalar arithmetic makes of that: where nothing else reads the elements, they are never written.</summary>
    ResultSums = 16,

    /// <summary>All of them.</summary>
    All = Addend | Epilogue | Prologue | Sums | ResultSums,
}
