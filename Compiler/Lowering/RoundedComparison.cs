using System;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Lowering;

/// <summary>
/// What a number is compared with instead of its rounding: rounding keeps the order, so a comparison of the rounded number with a constant is one of the number itself with another constant, and nothing has to be rounded for it.
/// </summary>
static class RoundedComparison
{
    /// <summary>The least float32 number that is, rounded to a narrower type, above a number, or at it where that is enough; null where that begins with no number or with the first.</summary>
    public static double? Least(double bound, bool orAt, DType type)
    {
        bool Holds(float x) => Rounding.Round(x, type) is var rounded && (rounded > bound || (orAt && rounded == bound));
        var (below, above) = (float.MinValue, float.MaxValue);
        if (Holds(below) || !Holds(above)) return null;
        while (true)
        {
            var middle = (float)(((double)below + above) / 2);
            if (middle == below || middle == above) return above;
            if (Holds(middle)) above = middle;
            else below = middle;
        }
    }
}
