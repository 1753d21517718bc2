using System.ComponentModel;

namespace Graph.Runtime.Cpu;

/// <summary>Where the sums of a product's operand go: element (b, i) at <c>To[b·Batch + i·Step]</c>. Unset where nobody wants them.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct OperandSums
{
    /// <summary>To the type of the product's sums.</summary>
    public float* To;

    /// <summary>Strides in elements, those of the batch outermost first.</summary>
    public long Step, Batch0, Batch1, Batch2;

    public readonly bool IsSet => To != null;

    /// <summary>Elements from the first sum to the first one of a batch.</summary>
    public readonly long OffsetOf(long batch, long batches1, long batches2) => batch / batches2 / batches1 * Batch0 + batch / batches2 % batches1 * Batch1 + batch % batches2 * Batch2;
}
