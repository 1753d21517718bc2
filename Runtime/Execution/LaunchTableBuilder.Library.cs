using System;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

// The library's kernels: each knows how its call is written (LibraryKernels).
sealed unsafe partial class LaunchTableBuilder
{
    void WriteLibrary(LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Library;
        var (operation, attributes, inputs) = (bound.Names[NextInt()], NextInt(), NextInt());
        var (shapes, strides) = (new long[code[2]][], new long[code[2]][]);
        for (var i = 0; at < code.Length; i++) (shapes[i], strides[i]) = (Numbers(), Numbers());
        LibraryKernels.Write(operation, new Call(this, operation, attributes < 0 ? AttributeMap.Empty : BoundFunction.Attributes(bound.Names[attributes]), inputs, shapes, strides, entry));
    }

    long[] Numbers()
    {
        var numbers = new long[Next()];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = Next();
        return numbers;
    }

    sealed class Call(LaunchTableBuilder builder, string operation, AttributeMap attributes, int inputs, long[][] shapes, long[][] strides, LaunchEntry* entry) : LibraryCall(operation, attributes, inputs, shapes, strides)
    {
        readonly LaunchEntry* entry = entry;

        public override T* Take<T>(int count = 1) => builder.memory.Take<T>(count);

        public override void Resolve(int operand, void** slot) => builder.Resolve(operand, slot);

        public override DType Type(int operand) => builder.TypeOf(operand);

        public override void Run(delegate*<WorkerPool, void*, void> kernel, void* call)
        {
            entry->Library = kernel;
            entry->Call = call;
        }

        public override float** Scratch(long bytes)
        {
            if (builder.threadBytes < bytes) throw new InvalidOperationException($"{builder.model.Name}: each thread needs {bytes} bytes for {builder.Title}, but its operation plans {builder.threadBytes}.");
            builder.scratchBytes = Math.Max(builder.scratchBytes, bytes);
            return builder.pool.ScratchTable;
        }
    }
}
