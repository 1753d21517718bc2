// The two function shapes that library kernels and generated code share. They are aliases, so a generated file that spells
// the pointer type out is talking about the same type.

// K(p, d, begin, end, scratch): one chunk [begin, end) of a launch's parallel extent.
//   p        operand pointers of this launch, already offset
//   d        its integer dims and strides
//   scratch  this worker's scratch memory, 64-byte aligned
global using unsafe LaunchKernel = delegate*<void**, long*, long, long, float*, void>;

// T(p, d, tile, tileStride, batch, row, rows, col, cols): a block of a logical [batch, M, N] matrix.
//   An epilogue reads tile[i * tileStride + j], the finished sum of element (batch, row + i, col + j), and writes the outputs.
//   A prologue writes tile[i * tileStride + j] for every i < rows, j < cols.
//   Hooks run on any worker, each element exactly once per call of the kernel, blocks in any order.
global using unsafe TileHook = delegate*<void**, long*, float*, long, long, long, long, long, long, void>;

// body(context, begin, end, worker): one chunk of WorkerPool.Run.
global using unsafe ParallelBody = delegate*<void*, long, long, int, void>;
