using System.Globalization;

namespace Graph.Compiler.Ir.Text;

/// <summary>Real numbers as attributes and kernels print them.</summary>
static class RealText
{
    public static double Parse(string number) => number switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" => double.NaN,
        _ => double.Parse(number, NumberStyles.Float, CultureInfo.InvariantCulture),
    };
}
