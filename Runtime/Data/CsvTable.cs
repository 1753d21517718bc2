using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;

namespace Graph.Data;

/// <summary>A table of numbers from a text file: one row a line, values separated by commas, with or without a line of names at the top.</summary>
public sealed class CsvTable
{
    readonly string path;
    readonly double[] values;

    CsvTable(string path, ImmutableArray<string> names, int columns, double[] values)
    {
        this.path = path;
        this.values = values;
        Names = names;
        Columns = columns;
        Rows = columns == 0 ? 0 : values.Length / columns;
    }

    /// <summary>How many rows it has, the line of names not counted.</summary>
    public int Rows { get; }

    /// <summary>How many values a row has.</summary>
    public int Columns { get; }

    /// <summary>The names of the columns; empty when the file has none.</summary>
    public ImmutableArray<string> Names { get; }

    /// <summary>Reads a file, plain or compressed by gzip. Empty lines are passed over; numbers are written with a point.</summary>
    /// <param name="path">The file.</param>
    /// <param name="header">Whether the first line holds names.</param>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="DataFormatException">A value is no number, a row has another length than the first one, or there is no row.</exception>
    public static CsvTable Read(string path, bool header = false)
    {
        using var stream = DataFile.Open(path);
        using var reader = new StreamReader(stream);
        try
        {
            return Read(reader, path, header);
        }
        catch (InvalidDataException exception)
        {
            throw new DataFormatException(path, "a text compressed by gzip", $"a damaged archive ({exception.Message})");
        }
    }

    static CsvTable Read(StreamReader reader, string path, bool header)
    {
        var values = new List<double>();
        var names = ImmutableArray<string>.Empty;
        var columns = 0;
        var number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            if (header && names.IsEmpty)
            {
                names = [.. line.Split(',', StringSplitOptions.TrimEntries)];
                columns = names.Length;
                continue;
            }
            var before = values.Count;
            foreach (var range in line.AsSpan().Split(','))
            {
                var text = line.AsSpan()[range].Trim();
                if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
                    throw new DataFormatException(path, $"a number in line {number}, column {values.Count - before + 1}", $"'{text}'");
                values.Add(value);
            }
            var length = values.Count - before;
            if (columns == 0)
                columns = length;
            if (length != columns)
                throw new DataFormatException(path, $"{columns} values in line {number}, as in the first", $"{length}");
        }
        if (values.Count == 0)
            throw new DataFormatException(path, "rows of numbers", "none");
        return new CsvTable(path, names, columns, [.. values]);
    }

    /// <summary>Some columns of every row, row-major, each value times <paramref name="scale"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The table has no such columns.</exception>
    public float[] Floats(int first, int count, float scale = 1)
    {
        Check(first, count);
        var result = new float[Rows * count];
        for (var i = 0; i < result.Length; i++)
            result[i] = (float)values[i / count * Columns + first + i % count] * scale;
        return result;
    }

    /// <summary>One column as integers, classes for instance.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The table has no such column.</exception>
    /// <exception cref="DataFormatException">A value is no integer.</exception>
    public int[] Ints(int column)
    {
        Check(column, 1);
        var result = new int[Rows];
        for (var row = 0; row < Rows; row++)
        {
            var value = values[row * Columns + column];
            result[row] = (int)value;
            if (result[row] != value)
                throw new DataFormatException(path, $"an integer in row {row + 1}, column {column + 1}", value.ToString(CultureInfo.InvariantCulture));
        }
        return result;
    }

    void Check(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + count, Columns);
    }
}
