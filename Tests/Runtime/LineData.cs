using System;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;
using Graph.Data;

namespace Graph.Tests.Runtime;

/// <summary>Rows for <see cref="LineModel"/>.</summary>
sealed class LineData(int rows, int seed = 1) : Dataset
{
    readonly (float[] X, float[] Y) data = SessionTests.Batch(rows, seed);

    public override int Count => rows;

    public override ImmutableArray<DataColumn> Columns { get; } = [new("x", DType.F32, [LineModel.Inputs]), new("y", DType.F32, [])];

    public override void CopyRow(int row, int column, Span<byte> destination) =>
        MemoryMarshal.AsBytes(column == 0 ? data.X.AsSpan(row * LineModel.Inputs, LineModel.Inputs) : data.Y.AsSpan(row, 1)).CopyTo(destination);
}
