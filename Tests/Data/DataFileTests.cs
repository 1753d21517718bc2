using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
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
    [InlineData("1,2\n3,x\n", "expected a number in line 2, column 2, but found 'x'")]
    [InlineData("", "expected rows of numbers, but found none")]
    public void A_wrong_table_is_refused_by_line_and_reason(string text, string message)
    {
        var path = Write("t.csv", Encoding.UTF8.GetBytes(text));
        Assert.Equal($"{path}: {message}.", Assert.Throws<DataFormatException>(() => CsvTable.Read(path)).Message);
    }

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
