using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Runtime.Cpu;
using Graph.Runtime.Execution;
using Graph.Tests.Lowering;

namespace Graph.Tests.Ops;

/// <summary>The functions of a program, compiled by every pass and run by the runtime, and beside it by the reference interpreter.</summary>
sealed class CompiledFunctions : IDisposable
{
    readonly Program program;
    readonly ModelInstance instance;

    /// <param name="program">Its functions.</param>
    /// <param name="width">The vectors of generated kernels in bits: 128, 256 or 512; 0 for the machine's.</param>
    /// <param name="target">What it is compiled for; the CPU when null.</param>
    /// <param name="threads">Of the session.</param>
    public CompiledFunctions(Program program, int width = 0, TargetModel? target = null, int threads = 1)
    {
        this.program = Verifier.Verify(program);
        Lowered = Lowerer.Lower(CompilerPipeline.Run(program, target ?? KnownTargets.Cpu, verify: true));
        var kernels = KernelAssembly.Compile(Lowered.Kernels);
        instance = new ModelInstance(new("compiled", Lowered, width == 0 ? kernels.Address : k => kernels.Address(Lowered.Generated[k].Name, width)), seed: 0, threads);
    }

    /// <summary>One function <c>f</c> of operands of the given types.</summary>
    public static CompiledFunctions Of(IEnumerable<TensorType> operands, Func<Builder, ImmutableArray<Value>, ImmutableArray<Value>> body, int width = 0, TargetModel? target = null)
    {
        var program = new Program("compiled", [], [], [], OperationTable.Set);
        var builder = new Builder(program, "f");
        ImmutableArray<Value> x = [.. operands.Select((t, i) => builder.Argument(t, "x" + i))];
        return new(program with { Functions = [builder.Build(body(builder, x))] }, width, target);
    }

    public LoweredProgram Lowered { get; }

    /// <summary>The plan of the latest run of a function.</summary>
    public Graph.Compiler.Planning.MemoryPlan PlanOf(string function) => instance.Session.PlanOf(function);

    /// <summary>What the interpreter computes.</summary>
    public ImmutableArray<TensorData> Reference(string function, params TensorData[] arguments) => Reference(function, DimBinding.Empty, arguments);

    /// <summary>What the interpreter computes with named dimensions.</summary>
    public ImmutableArray<TensorData> Reference(string function, DimBinding binding, params TensorData[] arguments) =>
        new Interpreter(program).Run(function, arguments, ImmutableDictionary<string, TensorData>.Empty, binding).Results;

    /// <summary>What the kernels compute.</summary>
    public TensorData[] Run(string function, params TensorData[] operands) => Run(function, DimBinding.Empty, operands);

    /// <summary>What the kernels compute with named dimensions, which the operands' lengths give.</summary>
    /// <param name="function">The function.</param>
    /// <param name="binding">The sizes.</param>
    /// <param name="operands">Its arguments.</param>
    /// <param name="again">Gets the run, to make it again as often as it likes.</param>
    public unsafe TensorData[] Run(string function, DimBinding binding, TensorData[] operands, Action<Action>? again = null)
    {
        var results = program.Find(function)!.Results.Select(r => new TensorData(r.DType, r.Shape.Evaluate(binding))).ToArray();
        var memory = new List<nint>();
        CallArgument Place(TensorData data)
        {
            var p = (byte*)NativeMemory.AllocZeroed((nuint)data.DType.Bytes(data.Size) + 1);
            memory.Add((nint)p);
            for (long i = 0; i < data.Size; i++) Store(p, i, data);
            return new(p, data.Size);
        }
        try
        {
            CallArgument[] arguments = [.. operands.Select(Place), .. results.Select(Place)];
            instance.Run(function, arguments);
            again?.Invoke(() => instance.Run(function, arguments));
            for (var r = 0; r < results.Length; r++)
                for (long i = 0; i < results[r].Size; i++) Load((byte*)arguments[operands.Length + r].Pointer, i, results[r]);
            return results;
        }
        finally
        {
            foreach (var p in memory) NativeMemory.Free((void*)p);
        }
    }

    static unsafe void Store(byte* p, long i, TensorData data)
    {
        switch (data.DType)
        {
            case DType.F64: ((double*)p)[i] = data.Real[i]; break;
            case DType.F32: ((float*)p)[i] = (float)data.Real[i]; break;
            case DType.F16: ((ushort*)p)[i] = NarrowFloats.ToHalf((float)data.Real[i]); break;
            case DType.BF16: ((ushort*)p)[i] = NarrowFloats.ToBFloat16((float)data.Real[i]); break;
            case DType.I64: ((long*)p)[i] = data.Int[i]; break;
            case DType.I32: ((int*)p)[i] = (int)data.Int[i]; break;
            case DType.I4: p[i / 2] = (byte)((p[i / 2] & ~(15 << (int)(i % 2 * 4))) | (int)(data.Int[i] & 15) << (int)(i % 2 * 4)); break;
            default: p[i] = unchecked((byte)data.Int[i]); break;
        }
    }

    static unsafe void Load(byte* p, long i, TensorData data)
    {
        switch (data.DType)
        {
            case DType.F64: data.Real[i] = ((double*)p)[i]; break;
            case DType.F32: data.Real[i] = ((float*)p)[i]; break;
            case DType.F16: data.Real[i] = NarrowFloats.FromHalf(((ushort*)p)[i]); break;
            case DType.BF16: data.Real[i] = NarrowFloats.FromBFloat16(((ushort*)p)[i]); break;
            case DType.I64: data.Int[i] = ((long*)p)[i]; break;
            case DType.I32: data.Int[i] = ((int*)p)[i]; break;
            case DType.I8: data.Int[i] = (sbyte)p[i]; break;
            case DType.I4: data.Int[i] = DType.I4.Wrap(p[i / 2] >> (int)(i % 2 * 4)); break;
            default: data.Int[i] = p[i]; break;
        }
    }

    public void Dispose() => instance.Dispose();
}
