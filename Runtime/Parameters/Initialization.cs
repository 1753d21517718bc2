using System;
using System.Runtime.Intrinsics;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Runtime.Cpu;
using Philox = Graph.Compiler.Ir.Philox;

namespace Graph.Runtime.Parameters;

/// <summary>
/// First values. Random ones are a function of (seed, path, index) by Philox and of exactly rounded arithmetic, so every machine and every number of threads gets the same bits.
/// </summary>
static unsafe class Initialization
{
    // Elements that one chunk fills: a multiple of 4, the words of a Philox block.
    const long Grain = 1 << 16;

    const long PageBytes = 4096;

    struct Job
    {
        public void* Target;
        public DType Type;
        public ulong Seed, Stream;
        public double Scale;
        public bool Normal;
    }

    /// <summary>Fills a tensor as its declaration says.</summary>
    /// <param name="isZero">Its memory is new: all zeros, and not touched yet.</param>
    /// <exception cref="NotSupportedException">The initializer is unknown, or random for a type of integers.</exception>
    public static void Fill(StoredTensor tensor, ulong seed, WorkerPool? pool, bool isZero = false)
    {
        if (isZero && tensor.Declaration.Init.Kind == InitSpec.Zeros.Kind)
        {
            Touch(tensor, pool);
            return;
        }
        var (kind, scale) = tensor.Declaration.Init;
        var (inputs, outputs) = Fans(tensor);
        switch (kind)
        {
            case "zeros": Constant(tensor, 0); break;
            case "ones": Constant(tensor, 1); break;
            case "constant": Constant(tensor, scale); break;
            case InitSpec.Listed: List(tensor, tensor.Declaration.Init.Values); break;
            case "normal": Random(tensor, seed, pool, scale, normal: true); break;
            case "uniform": Random(tensor, seed, pool, scale, normal: false); break;
            case "kaiming_uniform": Random(tensor, seed, pool, scale * Math.Sqrt(3.0 / inputs), normal: false); break;
            case "kaiming_normal": Random(tensor, seed, pool, scale / Math.Sqrt(inputs), normal: true); break;
            case "kaiming_uniform_out": Random(tensor, seed, pool, scale * Math.Sqrt(3.0 / outputs), normal: false); break;
            case "kaiming_normal_out": Random(tensor, seed, pool, scale / Math.Sqrt(outputs), normal: true); break;
            case "xavier_uniform": Random(tensor, seed, pool, scale * Math.Sqrt(6.0 / (inputs + outputs)), normal: false); break;
            case "xavier_normal": Random(tensor, seed, pool, scale * Math.Sqrt(2.0 / (inputs + outputs)), normal: true); break;
            default: throw new NotSupportedException($"{tensor.Path} asks for the initializer '{kind}', which this runtime does not know.");
        }
    }

    // One write a page, shared among threads: the first step would read there before it writes, which costs a page two faults.
    static void Touch(StoredTensor tensor, WorkerPool? pool)
    {
        var job = new Job { Target = tensor.Pointer };
        var pages = (tensor.Bytes + PageBytes - 1) / PageBytes;
        if (pool is not null) pool.Run(&TouchPages, &job, pages, Grain * sizeof(float) / PageBytes);
        else TouchPages(&job, 0, pages, 0);
    }

    static void TouchPages(void* context, long begin, long end, int worker)
    {
        var bytes = (byte*)((Job*)context)->Target;
        for (var page = begin; page < end; page++) bytes[page * PageBytes] = 0;
    }

    /// <summary>As torch.nn.init counts them: axis 1 (0) times the receptive field is in (out); a vector is its own fan.</summary>
    static (double Inputs, double Outputs) Fans(StoredTensor tensor)
    {
        if (tensor.Shape.Length < 2) return (Math.Max(1, tensor.Length), Math.Max(1, tensor.Length));
        double field = 1;
        for (var axis = 2; axis < tensor.Shape.Length; axis++) field *= tensor.Shape[axis];
        return (Math.Max(1, tensor.Shape[1] * field), Math.Max(1, tensor.Shape[0] * field));
    }

    static void Constant(StoredTensor tensor, double value)
    {
        switch (tensor.Type)
        {
            case DType.F32: Fill((float*)tensor.Pointer, (float)value, tensor.Length); break;
            case DType.F64: Fill((double*)tensor.Pointer, value, tensor.Length); break;
            case DType.I64: Fill((long*)tensor.Pointer, (long)value, tensor.Length); break;
            case DType.I32: Fill((int*)tensor.Pointer, (int)value, tensor.Length); break;
            case DType.F16: Fill((Half*)tensor.Pointer, (Half)value, tensor.Length); break;
            case DType.BF16: Fill((ushort*)tensor.Pointer, (ushort)(BitConverter.SingleToUInt32Bits((float)Rounding.Round(value, DType.BF16)) >> 16), tensor.Length); break;
            case DType.I8 or DType.Bool: Fill((sbyte*)tensor.Pointer, (sbyte)value, tensor.Length); break;
            case DType.U8: Fill((byte*)tensor.Pointer, (byte)value, tensor.Length); break;
            case DType.I4: Fill((byte*)tensor.Pointer, (byte)(((int)value & 15) * 17), tensor.Bytes); break;
            default: throw new NotSupportedException($"{tensor.Path} has the unknown element type {tensor.Type}.");
        }
    }

    static void List(StoredTensor tensor, EquatableArray<double> values)
    {
        if (values.Count != tensor.Length) throw new ArgumentException($"{tensor.Path} has {tensor.Length} elements, but its initializer lists {values.Count} numbers.");
        for (var i = 0; i < values.Count; i++)
            switch (tensor.Type)
            {
                case DType.F32: ((float*)tensor.Pointer)[i] = (float)values[i]; break;
                case DType.F64: ((double*)tensor.Pointer)[i] = values[i]; break;
                case DType.I64: ((long*)tensor.Pointer)[i] = (long)values[i]; break;
                case DType.I32: ((int*)tensor.Pointer)[i] = (int)values[i]; break;
                case DType.F16: ((Half*)tensor.Pointer)[i] = (Half)values[i]; break;
                case DType.BF16: ((ushort*)tensor.Pointer)[i] = (ushort)(BitConverter.SingleToUInt32Bits((float)Rounding.Round(values[i], DType.BF16)) >> 16); break;
                case DType.I8 or DType.Bool: ((sbyte*)tensor.Pointer)[i] = (sbyte)values[i]; break;
                case DType.U8: ((byte*)tensor.Pointer)[i] = (byte)values[i]; break;
                case DType.I4: Nibbles.Store(Nibbles.PlaceOf(tensor.Pointer) + i, (int)values[i]); break;
                default: throw new NotSupportedException($"{tensor.Path} has the unknown element type {tensor.Type}.");
            }
    }

    static void Fill<T>(T* target, T value, long count)
        where T : unmanaged
    {
        for (long i = 0; i < count; i += int.MaxValue / 2) new Span<T>(target + i, (int)Math.Min(count - i, int.MaxValue / 2)).Fill(value);
    }

    static void Random(StoredTensor tensor, ulong seed, WorkerPool? pool, double scale, bool normal)
    {
        if (!tensor.Type.IsFloat()) throw new NotSupportedException($"{tensor.Path} of {tensor.Type.Name()} cannot start with random numbers: only reals can.");
        var job = new Job { Target = tensor.Pointer, Type = tensor.Type, Seed = seed, Stream = Philox.Stream("init." + tensor.Path), Scale = scale, Normal = normal };
        if (pool is not null) pool.Run(&Chunk, &job, tensor.Length, Grain);
        else Chunk(&job, 0, tensor.Length, 0);
    }

    static void Chunk(void* context, long begin, long end, int worker)
    {
        var job = (Job*)context;
        if (!job->Type.IsNarrowFloat())
        {
            Chunk(job, job->Target, begin, end);
            return;
        }
        // Those of float32, rounded.
        const int Some = 1024;
        var wide = stackalloc float[Some];
        for (var first = begin; first < end; first += Some)
        {
            var last = Math.Min(end, first + Some);
            Chunk(job, wide - first, first, last);
            if (job->Type == DType.F16) NarrowFloats.ToHalf(wide, (ushort*)job->Target + first, last - first);
            else NarrowFloats.ToBFloat16(wide, (ushort*)job->Target + first, last - first);
        }
    }

    static void Chunk(Job* job, void* target, long begin, long end)
    {
        var isDouble = job->Type == DType.F64;
        if (Vector512.IsHardwareAccelerated) FirstNumbersVector512.Fill(target, isDouble, begin, end, job->Seed, job->Stream, job->Scale, job->Normal);
        else if (Vector256.IsHardwareAccelerated) FirstNumbersVector256.Fill(target, isDouble, begin, end, job->Seed, job->Stream, job->Scale, job->Normal);
        else FirstNumbersVector128.Fill(target, isDouble, begin, end, job->Seed, job->Stream, job->Scale, job->Normal);
    }
}
