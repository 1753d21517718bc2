using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using Graph.Data;

namespace Graph.Benchmarks.Fuzz;

/// <summary>Tables in texts, plain and compressed, half of them under tight limits. What is read has a row for each line that is not empty, and numbers that are finite.</summary>
sealed class CsvTarget : FileTarget
{
    const int TightBytes = 400, TightLine = 60, TightValues = 24;

    static readonly byte[][] seeds =
    [
        .. new[]
        {
            "1,2,3\n4,5,6\n", "\uFEFFwidth,height,class\r\n1.5,2,0\r\n-3e1,4,1\r\n", "\"a,b\",\"say \"\"x\"\"\"\n\"1\", 2\n3 ,\"4\"\n", "0\r1\r\r2\r", "1e300,1e-300,16777217,2147483647\n0,0,0,0\n",
            string.Concat(Enumerable.Range(0, 30).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i},{i * 0.5},{i * i % 7}\n"))),
        }.Select(Encoding.UTF8.GetBytes),
    ];

    static readonly byte[][] packed = [.. seeds.Select(IdxTarget.Gzip)];

    CsvTable? read;
    bool header;

    protected override byte[] Make(Random random, out long unpacked)
    {
        var from = random.Next(4) == 0 ? packed : seeds;
        var bytes = from[random.Next(from.Length)];
        bytes = ByteMutations.Mutate(bytes, from[random.Next(from.Length)], 0, bytes.Length, random);
        unpacked = from == seeds ? 0 : 1032L * bytes.Length;
        return bytes;
    }

    protected override void Read(Random random)
    {
        read = null;
        header = random.Next(2) == 0;
        var limits = random.Next(2) == 0 ? DataLimits.Default : new() { Bytes = TightBytes, LineCharacters = TightLine, Values = TightValues };
        read = CsvTable.Read(File, header, limits);
        if (random.Next(2) == 0) _ = read.Ints(random.Next(read.Columns));
        else if (read.Floats(0, read.Columns, 0.5f).Any(v => !float.IsFinite(v))) throw new FuzzFailure("a number that is not finite was read");
        if (limits != DataLimits.Default && (long)read.Rows * read.Columns > TightValues) throw new FuzzFailure($"{read.Rows} × {read.Columns} numbers passed a limit of {TightValues}");
    }

    protected override bool IsDocumented(Exception exception) => exception is DataFormatException;

    protected override void CheckRead(byte[] bytes)
    {
        if (read!.Rows < 1 || read.Columns < 1 || (header && read.Names.Length != read.Columns)) throw new FuzzFailure($"a table of {read.Rows} rows of {read.Columns} with {read.Names.Length} names was read");
        if (bytes is [0x1F, 0x8B, ..]) return; // the sums of an archive stand for its content
        using var reader = new StreamReader(new MemoryStream(bytes));
        var lines = 0;
        while (reader.ReadLine() is { } line) lines += string.IsNullOrWhiteSpace(line) ? 0 : 1;
        if (lines != read.Rows + (header ? 1 : 0)) throw new FuzzFailure($"{read.Rows} rows were read from {lines} lines");
    }
}
