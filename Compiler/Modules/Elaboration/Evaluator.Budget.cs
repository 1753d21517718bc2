using System;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>What evaluating a model may cost beside its steps: what one value holds, and what all values together that were made, walked and compared did.</summary>
sealed partial class Evaluator
{
    /// <summary>Elements of an array or list, characters of a string.</summary>
    const int MaximumSize = 1_000_000;

    /// <summary>Elements and characters that are made, walked or compared, all together: about a second.</summary>
    const long MaximumWork = 50_000_000;

    /// <summary>Digits that a number is written with.</summary>
    const int MaximumDigits = 1000;

    long work;

    /// <summary>Counts work; asked for before it is done.</summary>
    void Spend(long size, Location location)
    {
        work += size;
        if (work > MaximumWork)
            throw Fail(DiagnosticIds.TooLarge, location, FormattableString.Invariant($"Building the model was stopped after {MaximumWork:N0} elements of arrays, lists and strings. Does a loop here grow what it walks?"));
    }

    /// <summary>Refuses a value that would be too large, before it is made.</summary>
    void Limit(long size, Location location)
    {
        if (size > MaximumSize) throw Fail(DiagnosticIds.TooLarge, location, FormattableString.Invariant($"More than {MaximumSize:N0} elements are too many to build."));
    }

    /// <summary>What it costs to look at all of a value.</summary>
    static long SizeOf(object? value) => value switch
    {
        ArrayValue array => array.Items.Length,
        ListValue list => list.Items.Count,
        string text => 1 + text.Length / 8,
        _ => 1,
    };

    // What takes no longer for a long list than for a short one.
    static bool LooksAtAll(string method, int arguments) =>
        method is not ("Count" or "Length" or "LongLength" or "Rank" or "GetLength" or "IsEmpty" or "Add" or "ElementAt" or "First" or "FirstOrDefault" or "Any") || (arguments > 1 && method is not ("Add" or "GetLength" or "ElementAt"));

    /// <summary>A string put together from parts, which is given up as soon as it is too long.</summary>
    sealed class BoundedText(Evaluator evaluator, Location location)
    {
        readonly StringBuilder text = new();

        public BoundedText Append(string part)
        {
            evaluator.Limit((long)text.Length + part.Length, location);
            text.Append(part);
            return this;
        }

        public override string ToString()
        {
            evaluator.Spend(1 + text.Length / 8, location);
            return text.ToString();
        }
    }

    string Replaced(string text, string old, string replacement, Location location)
    {
        if (old.Length == 0) throw WouldThrow(location, "The text to replace is empty.");
        long found = 0;
        for (var at = text.IndexOf(old, StringComparison.Ordinal); at >= 0; at = text.IndexOf(old, at + old.Length, StringComparison.Ordinal)) found++;
        Limit(text.Length + found * (replacement.Length - old.Length), location);
        return text.Replace(old, replacement);
    }

    string Padded(string text, int width, bool left, Location location)
    {
        Limit(width, location);
        return left ? text.PadLeft(width) : text.PadRight(width);
    }

    // "F999999999" is a gigabyte of zeros.
    void CheckFormat(string? format, Location location)
    {
        if (format is null || format.Length < 2 || !char.IsLetter(format[0]) || !format.Skip(1).All(char.IsDigit)) return;
        if (!int.TryParse(format.Substring(1), NumberStyles.None, CultureInfo.InvariantCulture, out var digits) || digits > MaximumDigits)
            throw Fail(DiagnosticIds.TooLarge, location, FormattableString.Invariant($"The format \"{Beginning(format)}\" asks for more than {MaximumDigits:N0} digits."));
    }

    static string Beginning(string text) => text.Length <= 20 ? text : text.Substring(0, 20) + "…";

    /// <summary><c>string.Format</c> of invariant culture.</summary>
    string Formatted(string format, object?[] arguments, Location location)
    {
        // Beyond its capacity the builder refuses to grow, whatever alignment asks for.
        var text = new StringBuilder(16, MaximumSize);
        try
        {
            text.AppendFormat(new Formatter(this, location), format, arguments);
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or OutOfMemoryException)
        {
            Limit(long.MaxValue, location);
        }
        Spend(1 + text.Length / 8, location);
        return text.ToString();
    }

    sealed class Formatter(Evaluator evaluator, Location location) : IFormatProvider, ICustomFormatter
    {
        public object? GetFormat(Type? type) => type == typeof(ICustomFormatter) ? this : CultureInfo.InvariantCulture.GetFormat(type!);

        public string Format(string? format, object? value, IFormatProvider? provider)
        {
            var part = evaluator.Text(value, format, location);
            evaluator.Spend(1 + part.Length / 8, location);
            return part;
        }
    }
}
