using System;
using System.ComponentModel;

namespace Graph.Runtime.Cpu;

/// <summary>Where elements lie that are counted row by row over some axes of a tensor. Axes that pass as one are one, so whatever lies element behind element has a single axis.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct Places
{
    long outer; // the stride of the outermost axis
    int axes;
    long* sizes, strides;

    /// <summary>Of elements so far apart.</summary>
    public static Places Every(long stride) => new() { outer = stride, axes = 1 };

    /// <summary>Of a tensor's axes, from the outermost to the innermost.</summary>
    /// <param name="call">Whose table holds them.</param>
    /// <param name="shape">Their sizes.</param>
    /// <param name="steps">Their strides.</param>
    /// <param name="without">An axis that is left out; −1 for none.</param>
    internal static Places Of(LibraryCall call, ReadOnlySpan<long> shape, ReadOnlySpan<long> steps, int without = -1)
    {
        var places = default(Places);
        places.sizes = call.Take<long>(shape.Length + 1);
        places.strides = call.Take<long>(shape.Length + 1);
        for (var axis = 0; axis < shape.Length; axis++)
        {
            if (axis == without || shape[axis] == 1) continue;
            if (places.axes > 0 && places.strides[places.axes - 1] == steps[axis] * shape[axis]) places.sizes[places.axes - 1] *= shape[axis];
            else places.sizes[places.axes++] = shape[axis];
            places.strides[places.axes - 1] = steps[axis];
        }
        places.outer = places.strides[0];
        return places;
    }

    /// <summary>The place of an element by its number, in elements.</summary>
    public readonly long this[long number]
    {
        get
        {
            long place = 0;
            for (var axis = axes - 1; axis > 0; axis--)
            {
                var (above, at) = Math.DivRem(number, sizes[axis]);
                place += at * strides[axis];
                number = above;
            }
            return place + number * outer;
        }
    }
}

/// <summary>Elements of a tensor in runs: within one they lie a step apart.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct Runs
{
    /// <summary>Where the runs begin, counted row by row.</summary>
    public Places Places;

    /// <summary>Elements of a run, and from one to the next.</summary>
    public long Length, Step;

    /// <summary>The longest runs of a tensor's axes from one on: one run for each element of those before it where these axes lie behind one another.</summary>
    internal static Runs Of(LibraryCall call, int operand, int from)
    {
        var (shape, strides) = (call.Shape(operand), call.Strides(operand));
        var (length, step, end) = (1L, 1L, shape.Length);
        for (; end > from; end--)
        {
            if (shape[end - 1] == 1) continue;
            if (length == 1) step = strides[end - 1];
            else if (strides[end - 1] != step * length) break;
            length *= shape[end - 1];
        }
        return new() { Places = Places.Of(call, shape.AsSpan(0, end), strides.AsSpan(0, end)), Length = length, Step = step };
    }

    /// <summary>Copies so many elements from a run on, one behind the other.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="from">The tensor.</param>
    /// <param name="run">The first run's number.</param>
    /// <param name="count">Elements, those of whole runs.</param>
    /// <param name="bytes">Bytes of an element: 1, 2, 4 or 8.</param>
    internal readonly void Copy(byte* to, byte* from, long run, long count, int bytes)
    {
        for (; count > 0; count -= Length, run++, to += Length * bytes)
        {
            var start = from + Places[run] * bytes;
            switch (Step == 1 ? 0 : bytes)
            {
                case 0: Buffer.MemoryCopy(start, to, Length * bytes, Length * bytes); break;
                case 1: Spread(to, start); break;
                case 2: Spread((ushort*)to, (ushort*)start); break;
                case 4: Spread((uint*)to, (uint*)start); break;
                case 8: Spread((ulong*)to, (ulong*)start); break;
                default: throw new ArgumentOutOfRangeException(nameof(bytes), $"Elements have 1, 2, 4 or 8 bytes, not {bytes}.");
            }
        }
    }

    readonly void Spread<T>(T* to, T* from)
        where T : unmanaged
    {
        for (long i = 0; i < Length; i++) to[i] = from[i * Step];
    }
}
