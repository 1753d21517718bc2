using System.ComponentModel;

namespace Graph.Runtime.Cpu;

/// <summary>
/// A batched matrix product <c>C[b,m,n] = Σ_k A[b,m,k]·B[b,k,n]</c> over strided operands, with optional hooks
/// that make A or B while it is packed and that consume the finished sums instead of storing them.
/// </summary>
/// <remarks>
/// Operands and tiles are float32, or what <see cref="Sums"/> says: then the pointers are to that type.
/// All strides count elements and may be any number, 0 included for A and B (broadcast). The batch is up to three nested extents,
/// outermost first; unused ones are 1. Hooks see it as one number: <c>(i0·Batch1 + i1)·Batch2 + i2</c>.
/// <see cref="ContractCall(long, long, long)"/> sets the extents of the batch to 1; a default-initialised call has an empty batch.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct ContractCall
{
    /// <summary>The type of the sums, and of operands and tiles.</summary>
    public SumType Sums;

    /// <summary>Rows of A and C, columns of B and C, and the extent that is summed.</summary>
    public long M, N, K;

    /// <summary>Batch extents, outermost first.</summary>
    public long Batch0, Batch1, Batch2;

    /// <summary>Left operand, element (b, m, k) at <c>A[b·ABatch + m·AM + k·AK]</c>. Ignored when <see cref="PrologueA"/> is set.</summary>
    public float* A;
    public long AM, AK, ABatch0, ABatch1, ABatch2;

    /// <summary>Right operand, element (b, k, n) at <c>B[b·BBatch + k·BK + n·BN]</c>. Ignored when <see cref="PrologueB"/> is set.</summary>
    public float* B;
    public long BK, BN, BBatch0, BBatch1, BBatch2;

    /// <summary>All of B as <see cref="Contract.PackRight"/> writes it, the same for every batch; null where it is packed in the call or read where it lies.</summary>
    public float* PackedB;

    /// <summary>Result, element (b, m, n) at <c>C[b·CBatch + m·CM + n·CN]</c>. Not touched when <see cref="Epilogue"/> is set.</summary>
    public float* C;
    public long CM, CN, CBatch0, CBatch1, CBatch2;

    /// <summary>
    /// Makes a block of A: tile row = m, tile column = k, of the logical [batch, M, K]; with <see cref="TransposedA"/> tile row = k, tile column = m.
    /// May be asked for the same block more than once.
    /// </summary>
    public delegate*<void**, long*, float*, long, long, long, long, long, long, void> PrologueA;
    public void** PrologueAPointers;
    public long* PrologueADims;

    /// <summary>
    /// Makes a block of B: tile row = k, tile column = n, of the logical [batch, K, N]; with <see cref="TransposedB"/> tile row = n, tile column = k.
    /// May be asked for the same block more than once.
    /// </summary>
    public delegate*<void**, long*, float*, long, long, long, long, long, long, void> PrologueB;
    public void** PrologueBPointers;
    public long* PrologueBDims;

    /// <summary>Consumes finished blocks of the logical [batch, M, N], each element once, while they are in cache.</summary>
    public delegate*<void**, long*, float*, long, long, long, long, long, long, void> Epilogue;
    public void** EpiloguePointers;
    public long* EpilogueDims;

    /// <summary>Where the sums of A's rows, and of B's columns, go along the summed extent: each in sequence, from 0, in the type of the sums. Unset where nobody wants them.</summary>
    public OperandSums SumsOfA, SumsOfB;

    /// <summary>Where the sums along the rows of what the <see cref="Epilogue"/> leaves in its tiles go, or without one of the product: each in the order of <see cref="RowSums"/>. The result itself is written nowhere then.</summary>
    public OperandSums SumsOfC;

    /// <summary>Memory that the workers share for packed operands and partial sums, of at least <see cref="Contract.WorkspaceFloats"/>; with less, but for partial sums, every worker packs for itself.</summary>
    public float* Workspace;
    public long WorkspaceFloats;

    /// <summary>The tile of the A (B) prologue has k along its rows (columns): choose what makes the generated loads contiguous.</summary>
    public bool TransposedA, TransposedB;

    /// <summary>A call with one batch; operands and strides are left to set.</summary>
    public ContractCall(long m, long n, long k)
    {
        this = default;
        M = m; N = n; K = k;
        Batch0 = Batch1 = Batch2 = 1;
    }

    /// <summary>A call on contiguous row-major matrices A[M,K], B[K,N], C[M,N].</summary>
    public static ContractCall RowMajor(long m, long n, long k, float* a, float* b, float* c) => new(m, n, k)
    {
        A = a, AM = k, AK = 1, B = b, BK = n, BN = 1, C = c, CM = n, CN = 1,
    };
}
