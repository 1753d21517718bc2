using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;

namespace Graph.Data;

/// <summary>A table of numbers from a text file: one row a line, values separated by commas, with or without a line of names at the top.</summary>
public sealed class CsvTable
{
    // Grows without copying, and a table of any size is no large array that has to be found room for.
    const int BlockBits = 12, BlockLength = 1 << BlockBits;

    readonly string path;
    readonly List<double[]> blocks;

    CsvTable(string path, ImmutableArray<string> names, int columns, int rows, List<double[]> blocks)
    {
        this.path = path;
        this.blocks = blocks;
        Names = names;
        Columns = columns;
        Rows = rows;
    }

    double Value(int row, int column)
    {
        var index = (long)row * Columns + column;
        return blocks[(int)(index >> BlockBits)][index & (BlockLength - 1)];
    }

    /// <summary>How many rows it has, the line of names not counted.</summary>
    public int Rows { get; }

    /// <summary>How many values a row has.</summary>
    public int Columns { get; }

    /// <summary>The names of the columns; empty when the file has none.</summary>
    public ImmutableArray<string> Names { get; }

    /// <summary>
    /// Reads a file, plain or compressed by gzip. Empty lines are passed over; numbers are written with a point, in quotation marks or not, and are finite.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="header">Whether the first line holds names.</param>
    /// <param name="limits">How much may come, <see cref="DataLimits.Default"/> when left out.</param>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="DataFormatException">A value is no finite number, a row has another length than the first one, there is no row, a limit is passed, or the file is damaged, no text or no file.</exception>
    public static CsvTable Read(string path, bool header = false, DataLimits? limits = null)
    {
        limits ??= DataLimits.Default;
        using var text = DataFile.OpenText(path, limits);
        var reader = new CsvReader(text, path, limits.LineCharacters);
        var names = header && reader.NextLine() ? reader.Fields() : [];
        var columns = names.Length;
        var rows = 0;
        var blocks = new List<double[]>();
        for (long count = 0; reader.NextLine(); rows++)
        {
            while (reader.NextField(out var field))
            {
                if (!double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
                    throw new DataFormatException(path, $"a finite number in line {reader.Line}, column {reader.Column}", CsvReader.Shown(field));
                if (count == limits.Values)
                    throw new DataFormatException(path, $"at most {limits.Values} numbers (DataLimits.{nameof(DataLimits.Values)})", $"more in line {reader.Line}");
                if ((count & (BlockLength - 1)) == 0)
                    blocks.Add(new double[BlockLength]);
                blocks[^1][count++ & (BlockLength - 1)] = value;
            }
            if (columns == 0)
                columns = reader.Column;
            if (reader.Column != columns)
                throw new DataFormatException(path, $"{columns} values in line {reader.Line}, as in the first", $"{reader.Column}");
        }
        return rows > 0 ? new CsvTable(path, names, columns, rows, blocks) : throw new DataFormatException(path, "rows of numbers", "none");
    }

    /// <summary>Some columns of every row, row-major, each value times <paramref name="scale"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The table has no such columns.</exception>
    /// <exception cref="DataFormatException">A value times the scale is beyond 32-bit numbers, or there are more values than an array holds.</exception>
    public float[] Floats(int first, int count, float scale = 1)
    {
        Check(first, count);
        if ((long)Rows * count > Array.MaxLength)
            throw new DataFormatException(path, $"at most {Array.MaxLength} numbers at once", $"{Rows} rows of {count}");
        var result = new float[Rows * count];
        for (var i = 0; i < result.Length; i++)
        {
            var (row, column) = (i / count, first + i % count);
            result[i] = (float)Value(row, column) * scale;
            if (!float.IsFinite(result[i]))
                throw new DataFormatException(path, $"a 32-bit number in row {row + 1}, column {column + 1}", string.Create(CultureInfo.InvariantCulture, $"{Value(row, column)} times {scale}"));
        }
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
            var value = Value(row, column);
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
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Columns - first);
    }
}
