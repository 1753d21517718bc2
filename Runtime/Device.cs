using System;

namespace Graph;

/// <summary>Where a model computes. The default value is <see cref="Best"/>.</summary>
public readonly record struct Device
{
    enum Kind
    {
        Best,
        Cpu,
        Cuda,
    }

    readonly Kind kind;
    readonly int index;

    Device(Kind kind, int index = 0)
    {
        this.kind = kind;
        this.index = index;
    }

    /// <summary>The processor, with generated vector code.</summary>
    public static Device Cpu => new(Kind.Cpu);

    /// <summary>The fastest device that this build can use: the processor.</summary>
    public static Device Best => default;

    /// <summary>An NVIDIA card, by its number. Asking for it is always possible; creating a model on it needs a driver, and a model that is compiled for it: the project's property <c>GraphTargets</c> says so, and is <c>cpu;ptx?</c> where it is left out.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is negative.</exception>
    public static Device Cuda(int index = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return new(Kind.Cuda, index);
    }

    /// <summary>Reads <c>cpu</c>, <c>best</c>, <c>cuda</c> or <c>cuda:1</c>, as command lines write them.</summary>
    /// <exception cref="FormatException">The text names no device.</exception>
    public static Device Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split(':');
        if (parts.Length == 1 && text is "cpu") return Cpu;
        if (parts.Length == 1 && text is "best" or "auto") return Best;
        if (parts[0] == "cuda" && parts.Length <= 2)
        {
            if (parts.Length == 1) return Cuda();
            if (int.TryParse(parts[1], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)) return Cuda(number);
        }
        throw new FormatException($"'{text}' is no device: expected cpu, cuda, cuda:N or best.");
    }

    /// <summary>The number of a CUDA device; null for the processor.</summary>
    internal int? CudaIndex => kind == Kind.Cuda ? index : null;

    public override string ToString() => kind == Kind.Cuda ? $"cuda:{index}" : "cpu";
}
