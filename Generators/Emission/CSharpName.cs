using System.Globalization;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Generators.Emission;

/// <summary>Names and literals as generated C# writes them.</summary>
static class CSharpName
{
    /// <summary>A name, with <c>@</c> where it means something to C#.</summary>
    public static string Escape(string name) =>
        SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None || SyntaxFacts.GetContextualKeywordKind(name) != SyntaxKind.None ? "@" + name : name;

    /// <summary>A string.</summary>
    public static string Literal(string text) => SymbolDisplay.FormatLiteral(text, quote: true);

    /// <summary>A number, the same to the last bit; what is none too.</summary>
    public static string Literal(double number) =>
        double.IsNaN(number) ? "double.NaN" : double.IsInfinity(number) ? number > 0 ? "double.PositiveInfinity" : "double.NegativeInfinity" : number.ToString("R", CultureInfo.InvariantCulture) + "d";

    /// <summary>A number in 32 bits.</summary>
    public static string Literal(float number) =>
        float.IsNaN(number) ? "float.NaN" : float.IsInfinity(number) ? number > 0 ? "float.PositiveInfinity" : "float.NegativeInfinity" : number.ToString("R", CultureInfo.InvariantCulture) + "f";
}
