using System;
using System.Globalization;

namespace Graph.Compiler.Targets;

/// <summary>In which order the sums of products and convolutions are added up: by shape and these numbers, never by the machine that runs them.</summary>
/// <param name="DepthBlock">The most steps of the summed extent between two additions to the result.</param>
/// <param name="SliceElements">A result of no more elements has its sum cut into slices…</param>
/// <param name="SliceLeast">…when that has so many blocks at least…</param>
/// <param name="SliceMost">…into so many at most.</param>
/// <param name="GradientPixels">The most pixels of a chunk in the gradient of a convolution's weight.</param>
/// <param name="GradientTasks">Into about so many shares it is cut.</param>
public sealed record ProductSums(long DepthBlock, long SliceElements, long SliceLeast, long SliceMost, long GradientPixels, long GradientTasks)
{
    /// <summary>For the texts of kernels and targets.</summary>
    public string Text => FormattableString.Invariant($"blocks={DepthBlock} slices={SliceElements}/{SliceLeast}/{SliceMost} gradients={GradientPixels}/{GradientTasks}");

    /// <summary>Reads <see cref="Text"/>.</summary>
    /// <exception cref="FormatException">The text is none.</exception>
    public static ProductSums Parse(string text)
    {
        var numbers = text.Split(' ', '=', '/');
        if (numbers.Length != 9) throw new FormatException($"'{text}' is no order of sums");
        long At(int i) => long.Parse(numbers[i], NumberStyles.None, CultureInfo.InvariantCulture);
        var sums = new ProductSums(At(1), At(3), At(4), At(5), At(7), At(8));
        return sums.Text == text ? sums : throw new FormatException($"'{text}' is no order of sums");
    }
}
