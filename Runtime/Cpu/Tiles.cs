using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>Walks of the register tile over packed panels.</summary>
static unsafe class Tiles
{
    /// <summary>One panel of A against neighbouring packed panels of B, <paramref name="stepB"/> apart: a strip of C.</summary>
    /// <param name="edge">Room for a tile where C's rows end with the last column; null where they run on to whole vectors.</param>
    public static void Strip(in Machine machine, long rows, long columns, long depth, float* a, float* b, long stepB, float* c, long cStride, long add, float* edge)
    {
        long tileColumns = machine.Columns, j = 0;
        if (columns >= tileColumns)
        {
            var kernel = machine.Kernel(rows, tileColumns);
            for (; j + tileColumns <= columns; j += tileColumns, b += stepB) kernel(depth, a, b, tileColumns, c + j, cStride, add);
        }
        if (j < columns) Edge(machine, rows, columns - j, depth, a, b, tileColumns, c + j, cStride, add, edge);
    }

    /// <summary>Calls a generated function for no rows, which compiles it; null is none.</summary>
    public static void Nothing(delegate*<void**, long*, float*, long, long, long, long, long, long, void> hook, void** pointers, long* dims)
    {
        if (hook != null) hook(pointers, dims, null, 0, 0, 0, 0, 0, 0);
    }

    /// <summary>Adds numbers to others, each to its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* x, float* to, long count)
    {
        long i = 0;
        for (; i + 8 <= count; i += 8) (Vector256.Load(to + i) + Vector256.Load(x + i)).Store(to + i);
        for (; i < count; i++) to[i] += x[i];
    }

    /// <summary>A tile narrower than the widest. Where C has no room for the lanes too many (edge is set) it is made aside.</summary>
    public static void Edge(in Machine machine, long rows, long columns, long depth, float* a, float* b, long bStride, float* c, long cStride, long add, float* edge)
    {
        var kernel = machine.Kernel(rows, columns);
        if (edge == null || columns % machine.Lanes == 0)
        {
            kernel(depth, a, b, bStride, c, cStride, add);
            return;
        }
        long tileColumns = machine.Columns;
        kernel(depth, a, b, bStride, edge, tileColumns, 0);
        for (long i = 0; i < rows; i++)
        {
            float* from = edge + i * tileColumns, to = c + i * cStride;
            if (add != 0)
            {
                for (long j = 0; j < columns; j++) to[j] += from[j];
            }
            else
            {
                for (long j = 0; j < columns; j++) to[j] = from[j];
            }
        }
    }
}
