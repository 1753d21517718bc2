using System;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels;

/// <summary>A tile function that makes blocks of a product's operand while it is packed; the rows of its tiles are the operand's, or with <paramref name="Transposed"/> its columns.</summary>
public sealed record TileMaker(LoopKernel Body, bool Transposed);

/// <summary>
/// A batched matrix product C[b,m,n] = Σₖ A[b,m,k]·B[b,k,n] as a value: its operands, what is done to them on the way in and to the sums on the way out, and the order of the sums. How it is computed is the
/// target's business: the CPU has a packed library, which calls the bodies as generated functions.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Accumulator">The type of the sums.</param>
/// <param name="Batch">Three extents, outermost first; unused ones are 1.</param>
/// <param name="M">Rows.</param>
/// <param name="N">Columns.</param>
/// <param name="K">Summed extent.</param>
/// <param name="A">Left operand over (batch, batch, batch, m, k), in its storage type; null when <paramref name="MakesA"/> makes it.</param>
/// <param name="B">Right operand over (batch, batch, batch, k, n); null when <paramref name="MakesB"/> makes it.</param>
/// <param name="C">Result over (batch, batch, batch, m, n); null when <paramref name="Epilogue"/> consumes it.</param>
/// <param name="MakesA">Makes A.</param>
/// <param name="MakesB">Makes B.</param>
/// <param name="Epilogue">Consumes finished tiles.</param>
/// <param name="Sums">The order of the sums.</param>
/// <param name="Workspace">What it works in; null when it needs nothing.</param>
public sealed record ProductKernel(
    string Name, DType Accumulator, ImmutableArray<Extent> Batch, Extent M, Extent N, Extent K, Access? A, Access? B, Access? C, TileMaker? MakesA, TileMaker? MakesB, LoopKernel? Epilogue, ProductSums Sums, Workspace? Workspace)
    : Kernel(Name)
{
    string? text;

    /// <summary>
    /// Where the sums of A's rows along the summed extent go, over (batch, batch, batch, m), in the type of the sums; null when nobody wants them. Each is added up in sequence, from 0, whatever the order of the
    /// product's own sums is.
    /// </summary>
    public Access? SumsOfA { get; init; }

    /// <summary>Where the sums of B's columns go, over (batch, batch, batch, n).</summary>
    public Access? SumsOfB { get; init; }

    /// <summary>
    /// Where the sums along the rows of what the epilogue makes go, over (batch, batch, batch, m), in the type of the sums, added up in the order of <see cref="LanesOfC"/>; null when nobody wants them. The epilogue then writes
    /// its tile instead of memory, and its elements go nowhere else.
    /// </summary>
    public Access? SumsOfC { get; init; }

    /// <summary>How many partial sums a row has (<see cref="ReductionOrder"/>).</summary>
    public int LanesOfC { get; init; }

    /// <summary>The right operand lies in the target's packed form (<see cref="PackKernel"/>).</summary>
    public bool IsPackedB { get; init; }

    public override bool IsGenerated => false;

    public override string Text => text ??= Print();

    string Print()
    {
        var text = new StringBuilder();
        text.Append("product ").Append(Accumulator.Name()).Append('\n');
        text.Append("  sizes ").Append(string.Join(",", Batch.Concat([M, N, K]))).Append('\n');
        Operand("a", A, MakesA);
        Operand("b", B, MakesB, IsPackedB);
        Operand("c", C, Epilogue is null ? null : new(Epilogue, false));
        if (SumsOfA is not null) text.Append("  adds a ").Append(ReductionOrder.Text(1)).Append(' ').Append(SumsOfA).Append('\n');
        if (SumsOfB is not null) text.Append("  adds b ").Append(ReductionOrder.Text(1)).Append(' ').Append(SumsOfB).Append('\n');
        if (SumsOfC is not null) text.Append("  adds c ").Append(ReductionOrder.Text(LanesOfC)).Append(' ').Append(SumsOfC).Append('\n');
        text.Append("  sums ").Append(Sums.Text).Append('\n');
        if (Workspace is not null) text.Append("  workspace ").Append(Workspace).Append('\n');
        return text.ToString();

        void Operand(string name, Access? access, TileMaker? body, bool isPacked = false)
        {
            text.Append("  ").Append(name).Append(' ');
            if (body is not null) text.Append(body.Body.Name).Append(body.Transposed ? " transposed" : "").Append('\n');
            else text.Append(access ?? throw new InvalidOperationException($"The product {Name} has neither a place nor a body for {name}.")).Append(isPacked ? " packed" : "").Append('\n');
        }
    }
}
