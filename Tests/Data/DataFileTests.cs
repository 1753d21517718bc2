using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using Graph.Data;
using Xunit;

namespace Graph.Tests.Data;

public sealed class DataFileTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-data-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string Write(string name, params byte[] bytes)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    string WriteCompressed(string name, byte[] bytes)
    {
        var path = Path.Combine(folder, name);
        using var stream = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        stream.Write(bytes);
        return path;
    }

    static byte[] Idx(byte type, int[] shape, params byte[] values)
        => [0, 0, type, (byte)shape.Length, .. shape.SelectMany(size => (IEnumerable<byte>)[(byte)(size >> 24), (byte)(size >> 16), (byte)(size >> 8), (byte)size]), .. values];

    [Fact]
    public void An_idx_file_of_bytes_gives_its_shape_and_scaled_values()
    {
        var file = IdxFile.Read(Write("x", Idx(0x08, [2, 1, 2], 0, 51, 102, 255)));
        Assert.Equal([2, 1, 2], file.Shape.AsEnumerable());
        Assert.Equal([0, 51, 102, 255], file.ToInts());
        Assert.Equal([0f, 25.5f, 51f, 127.5f], file.ToFloats(scale: 0.5f));
    }

    [Fact]
    public void Wider_types_are_big_endian()
    {
        Assert.Equal([-2, 258], IdxFile.Read(Write("a", Idx(0x0B, [2], 0xFF, 0xFE, 1, 2))).ToInts());
        Assert.Equal([16909060], IdxFile.Read(Write("b", Idx(0x0C, [1], 1, 2, 3, 4))).ToInts());
        Assert.Equal([1.5f], IdxFile.Read(Write("c", Idx(0x0D, [1], 0x3F, 0xC0, 0, 0))).ToFloats());
        Assert.Equal([-1], IdxFile.Read(Write("d", Idx(0x09, [1], 0xFF))).ToInts());
        Assert.Equal([255, 0], IdxFile.Read(Write("e", Idx(0x08, [2], 0xFF, 0))).ToBytes());
        Assert.Contains("0x09", Assert.Throws<DataFormatException>(() => IdxFile.Read(Write("d", Idx(0x09, [1], 0xFF))).ToBytes()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_compressed_file_is_known_by_its_content_whatever_its_name()
        => Assert.Equal([7], IdxFile.Read(WriteCompressed("labels", Idx(0x08, [1], 7))).ToInts());

    [Theory]
    [InlineData(new byte[] { 0, 0 }, "expected an IDX header of 4 bytes, but found 2 bytes")]
    [InlineData(new byte[] { 0x89, 0x50, 0x4E, 0x47, 0, 0 }, "expected an IDX file (00 00, a type of 08 to 0E, the number of dimensions), but found the bytes 89504E47")]
    [InlineData(new byte[] { 0, 0, 8, 2, 0, 0, 0, 1 }, "expected the sizes of 2 dimensions, but found the end of the file")]
    [InlineData(new byte[] { 0, 0, 8, 1, 0, 0, 0, 3, 1, 2 }, "expected 3 bytes for the shape [3], but found 2: the file was cut off")]
    [InlineData(new byte[] { 0, 0, 8, 1, 0, 0, 0, 1, 1, 2 }, "expected 1 bytes for the shape [1], but found more")]
    [InlineData(new byte[] { 0, 0, 8, 1, 255, 255, 255, 255, 1 }, "expected a tensor of at most 2 GB, but found the shape [-1]")]
    [InlineData(new byte[] { 0, 0, 8, 2, 127, 0, 0, 0, 127, 0, 0, 0 }, "expected a tensor of at most 2 GB, but found the shape [2130706432, 2130706432]")]
    [InlineData(new byte[] { 0, 0, 8, 1, 127, 0, 0, 0, 1 }, "expected 2130706432 bytes for the shape [2130706432], but found 1: the file was cut off")]
    public void A_wrong_idx_file_is_refused_by_name_and_reason(byte[] bytes, string message)
    {
        var path = Write("train-images-idx3-ubyte", bytes);
        var exception = Assert.Throws<DataFormatException>(() => IdxFile.Read(path));
        Assert.Equal($"{path}: {message}.", exception.Message);
        Assert.Equal(path, exception.File);
    }

    [Fact]
    public void A_damaged_archive_is_refused()
    {
        var path = WriteCompressed("x.gz", Idx(0x08, [1000], new byte[1000]));
        var bytes = File.ReadAllBytes(path);
        bytes[10] = 0xFF;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("damaged archive", Assert.Throws<DataFormatException>(() => IdxFile.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Floating_point_values_are_no_classes()
        => Assert.Contains("expected integers", Assert.Throws<DataFormatException>(() => IdxFile.Read(Write("x", Idx(0x0D, [1], 0, 0, 0, 0))).ToInts()).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_is_found_plain_or_compressed_and_its_absence_is_told()
    {
        var plain = Write("one");
        var compressed = Write("two.gz");
        Assert.Equal(plain, DataFile.Find(folder, "one"));
        Assert.Equal(compressed, DataFile.Find(folder, "two"));
        Assert.Contains("neither three nor three.gz", Assert.Throws<FileNotFoundException>(() => DataFile.Find(folder, "three")).Message, StringComparison.Ordinal);
        Assert.Contains("no such folder", Assert.Throws<FileNotFoundException>(() => DataFile.Find(folder + "/none", "three")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_of_numbers_gives_features_and_classes()
    {
        var table = CsvTable.Read(WriteCompressed("t.csv.gz", Encoding.UTF8.GetBytes("1,2.5,0\n\n-3e1, 4 ,9\n")));
        Assert.Equal((2, 3), (table.Rows, table.Columns));
        Assert.Equal([2f, 5f, -60f, 8f], table.Floats(0, 2, scale: 2));
        Assert.Equal([0, 9], table.Ints(2));
    }

    [Fact]
    public void A_header_names_the_columns()
    {
        var table = CsvTable.Read(Write("t.csv", Encoding.UTF8.GetBytes("width, height\n1,2\n")), header: true);
        Assert.Equal(["width", "height"], table.Names.AsEnumerable());
        Assert.Equal(1, table.Rows);
    }

    [Theory]
    [InlineData("1,2\n3\n", "expected 2 values in line 2, as in the first, but found 1")]
    [InlineData("1,2\n3,x\n", "expected a finite number in line 2, column 2, but found 'x'")]
    [InlineData("1,NaN\n", "expected a finite number in line 1, column 2, but found 'NaN'")]
    [InlineData("1\r\n1e999", "expected a finite number in line 2, column 1, but found '1e999'")]
    [InlineData("1,2,\n", "expected a finite number in line 1, column 3, but found ''")]
    [InlineData("1,\"2\n", "expected a closing quotation mark in line 1, column 2, but found the end of the line")]
    [InlineData("1,\"2\"3\n", "expected a comma after the quotation mark in line 1, column 2, but found '3'")]
    [InlineData("\uFEFF\n \n", "expected rows of numbers, but found none")]
    [InlineData("", "expected rows of numbers, but found none")]
    public void A_wrong_table_is_refused_by_line_and_reason(string text, string message)
    {
        var path = Write("t.csv", Encoding.UTF8.GetBytes(text));
        Assert.Equal($"{path}: {message}.", Assert.Throws<DataFormatException>(() => CsvTable.Read(path)).Message);
    }

    [Fact]
    public void Lines_end_in_any_way_and_quotation_marks_hold_commas()
    {
        var table = CsvTable.Read(Write("t.csv", Encoding.UTF8.GetBytes("\uFEFF\"a, b\",\"say \"\"x\"\"\" ,c\r\n1,\"2\" , 3\r\r\n4,5,6\n7,8,9")), header: true);
        Assert.Equal(["a, b", "say \"x\"", "c"], table.Names.AsEnumerable());
        Assert.Equal(Enumerable.Range(1, 9).Select(i => (float)i), table.Floats(0, 3));
        var many = string.Join("\n", Enumerable.Range(0, 30_000).Select(i => $"{i},{-i}"));
        Assert.Equal(Enumerable.Range(0, 30_000).Select(i => -i), CsvTable.Read(Write("u.csv", Encoding.UTF8.GetBytes(many))).Ints(1));
    }

    [Fact]
    public void Numbers_beyond_32_bits_are_refused_where_32_bits_are_asked_for()
    {
        var table = CsvTable.Read(Write("t.csv", "1,1e300\n"u8.ToArray()));
        Assert.Contains("a 32-bit number in row 1, column 2, but found 1E+300 times 1", Assert.Throws<DataFormatException>(() => table.Floats(0, 2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Floats(int.MaxValue, 1));
        var pixels = IdxFile.Read(Write("x", Idx(0x0D, [2], 0x3F, 0xC0, 0, 0, 0x7F, 0xC0, 0, 0)));
        Assert.Contains("a finite 32-bit number as value 2 of 2, but found NaN", Assert.Throws<DataFormatException>(() => pixels.ToFloats()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_archive_cut_anywhere_or_damaged_anywhere_is_refused()
    {
        var idx = Idx(0x08, [300], [.. Enumerable.Range(0, 300).Select(i => (byte)(i * i))]);
        var bytes = File.ReadAllBytes(WriteCompressed("x.gz", idx));
        for (var length = 2; length < bytes.Length; length++)
        {
            var path = Write("cut", bytes[..length]);
            Assert.Contains("a damaged archive", Assert.Throws<DataFormatException>(() => IdxFile.Read(path)).Message, StringComparison.Ordinal);
        }
        for (var at = bytes.Length - 8; at < bytes.Length; at++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[at] ^= 1;
            Assert.Throws<DataFormatException>(() => IdxFile.Read(Write("sum", damaged)));
        }
        Assert.Throws<DataFormatException>(() => IdxFile.Read(Write("longer", [.. bytes, 0])));
        using var whole = DataFile.Open(Write("twice", [.. bytes, .. bytes]));
        using var both = new MemoryStream();
        whole.CopyTo(both);
        Assert.Equal([.. idx, .. idx], both.ToArray()); // two members are one file (RFC 1952)
    }

    [Fact]
    public void A_bomb_ends_at_the_limit()
    {
        var bomb = WriteCompressed("bomb.gz", new byte[8 << 20]);
        Assert.InRange(new FileInfo(bomb).Length, 1, 100_000);
        var idx = WriteCompressed("idx.gz", Idx(0x08, [8 << 20], new byte[8 << 20]));
        var limits = new DataLimits { Bytes = 1 << 20 };
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("at most 1048576 bytes, decompressed (DataLimits.Bytes), but found more", Assert.Throws<DataFormatException>(() => CsvTable.Read(bomb, limits: limits)).Message, StringComparison.Ordinal);
        Assert.Contains("DataLimits.Bytes", Assert.Throws<DataFormatException>(() => DataFile.ReadText(bomb, limits)).Message, StringComparison.Ordinal);
        Assert.Contains("DataLimits.Bytes", Assert.Throws<DataFormatException>(() => IdxFile.Read(idx, limits)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 32 << 20);
        Assert.Contains("DataLimits.Bytes", Assert.Throws<DataFormatException>(() => DataFile.Open(Write("plain", new byte[100]), new() { Bytes = 99 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_endless_line_and_too_many_numbers_end_at_their_limits()
    {
        var line = WriteCompressed("line.gz", Encoding.UTF8.GetBytes(new string('1', 4 << 20)));
        Assert.Contains("at most 65536 characters in line 1 (DataLimits.LineCharacters), but found more", Assert.Throws<DataFormatException>(() => CsvTable.Read(line, limits: new() { LineCharacters = 1 << 16 })).Message, StringComparison.Ordinal);
        Assert.Contains("at most 3 characters in line 2", Assert.Throws<DataFormatException>(() => CsvTable.Read(Write("s.csv", "1\n1234\n"u8.ToArray()), limits: new() { LineCharacters = 3 })).Message, StringComparison.Ordinal);
        Assert.Contains("at most 5 numbers (DataLimits.Values), but found more in line 3", Assert.Throws<DataFormatException>(() => CsvTable.Read(Write("n.csv", "1,2\n3,4\n5,6\n"u8.ToArray()), limits: new() { Values = 5 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused()
    {
        Assert.Contains("a text in UTF-8, but found the bytes FF", Assert.Throws<DataFormatException>(() => CsvTable.Read(Write("t.csv", 0x31, 0xFF, 0x0A))).Message, StringComparison.Ordinal);
        Assert.Contains("a text in UTF-8", Assert.Throws<DataFormatException>(() => DataFile.ReadText(Write("t.txt", 0x31, 0xFF, 0x0A))).Message, StringComparison.Ordinal);
        Assert.Equal("é", DataFile.ReadText(WriteCompressed("t.gz", Encoding.UTF8.GetBytes("\uFEFFé"))));
        Assert.Throws<ArgumentException>(() => new CharacterVocabulary("a\ud800b"));
        Assert.Throws<ArgumentException>(() => new CharacterVocabulary("a\uFFFD").Encode("a\udc00"));
    }

    [Fact]
    public void A_pipe_a_device_or_a_folder_is_no_data_file()
    {
        Assert.Contains("this is a folder", Assert.Throws<FileNotFoundException>(() => DataFile.Open(folder)).Message, StringComparison.Ordinal);
        if (!OperatingSystem.IsLinux()) return;
        Assert.Equal(0, MakePipe(Path.Combine(folder, "pipe"), 0b110_000_000));
        foreach (var path in new[] { Path.Combine(folder, "pipe"), "/dev/zero" })
            Assert.Contains("expected a file, but found a pipe or a device", Assert.Throws<DataFormatException>(() => CsvTable.Read(path)).Message, StringComparison.Ordinal);
    }

    [DllImport("libc", EntryPoint = "mkfifo")]
    static extern int MakePipe([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

    [Fact]
    public void A_fraction_is_no_class()
    {
        var table = CsvTable.Read(Write("t.csv", "0,1\n0,1.5\n"u8.ToArray()));
        Assert.Contains("an integer in row 2, column 2, but found 1.5", Assert.Throws<DataFormatException>(() => table.Ints(1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Floats(1, 2));
    }

    [Fact]
    public void The_handwritten_digits_are_1797_pictures_of_ten_classes()
    {
        var table = CsvTable.Read(Path.Combine(Repository.Root, "Examples", "Digits", "Data", "digits.csv.gz"));
        Assert.Equal((1797, 65), (table.Rows, table.Columns));
        Assert.All(table.Floats(0, 64), pixel => Assert.InRange(pixel, 0, 16));
        Assert.Equal([178, 182, 177, 183, 181, 182, 181, 179, 174, 180], table.Ints(64).CountBy(digit => digit).OrderBy(pair => pair.Key).Select(pair => pair.Value));
    }

    [Fact]
    public void Characters_become_tokens_by_code_point_and_back()
    {
        var vocabulary = new CharacterVocabulary("hello 😀");
        Assert.Equal(" ehlo😀", vocabulary.Characters);
        Assert.Equal([2, 1, 3, 3, 4, 5], vocabulary.Encode("hello😀"));
        Assert.Equal("hole 😀", vocabulary.Decode(vocabulary.Encode("hole 😀")));
        Assert.Equal(vocabulary.Characters, new CharacterVocabulary(vocabulary.Characters).Characters);
    }

    [Fact]
    public void A_character_outside_the_vocabulary_is_named()
        => Assert.Contains("'z' (U+007A)", Assert.Throws<ArgumentException>(() => new CharacterVocabulary("abc").Encode("az")).Message, StringComparison.Ordinal);
}
