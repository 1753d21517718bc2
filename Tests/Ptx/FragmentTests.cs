using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>
/// Which lane holds which element, beside the pictures of the PTX ISA (8.x: 9.7.14.5.7 and 9.7.14.5.8, "Matrix Fragments for mma.m16n8k8" and "mma.m16n8k16"; 9.7.14.5.15, "ldmatrix"), written out here as pictures: a row of the matrix a line, of each place
/// the lane, and which of the lane's elements it is. Nothing of the emulator's formulas is asked.
/// </summary>
public sealed partial class FragmentTests
{
    // A picture's first row: of each group of columns the elements that its lanes hold; eight rows have lanes 0-3, 4-7 …, and further groups of eight rows have them again.
    sealed record Picture(params string[] Groups)
    {
        public Dictionary<(int Row, int Column), (int Lane, int Element)> Places()
        {
            var places = new Dictionary<(int, int), (int, int)>();
            for (var group = 0; group < Groups.Length; group++)
                for (var row = 0; row < 8; row++)
                {
                    var column = 0;
                    foreach (Match cell in Cell().Matches(Groups[group]))
                        foreach (var element in cell.Groups[2].Value.Split(','))
                            places.Add((8 * group + row, column++), (4 * row + int.Parse(cell.Groups[1].Value, CultureInfo.InvariantCulture), int.Parse(element, CultureInfo.InvariantCulture)));
                }
            return places;
        }
    }

    [GeneratedRegex(@"T(\d):([\d,]+)")]
    private static partial Regex Cell();

    // The operand b is pictured on its side here: a line is a column of the matrix.
    static readonly Picture Left16 = new("T0:0,1 T1:0,1 T2:0,1 T3:0,1 T0:4,5 T1:4,5 T2:4,5 T3:4,5", "T0:2,3 T1:2,3 T2:2,3 T3:2,3 T0:6,7 T1:6,7 T2:6,7 T3:6,7");
    static readonly Picture Right16 = new("T0:0,1 T1:0,1 T2:0,1 T3:0,1 T0:2,3 T1:2,3 T2:2,3 T3:2,3");
    static readonly Picture Left8 = new("T0:0,1 T1:0,1 T2:0,1 T3:0,1", "T0:2,3 T1:2,3 T2:2,3 T3:2,3");
    static readonly Picture Right8 = new("T0:0,1 T1:0,1 T2:0,1 T3:0,1");
    static readonly Picture LeftTf32 = new("T0:0 T1:0 T2:0 T3:0 T0:2 T1:2 T2:2 T3:2", "T0:1 T1:1 T2:1 T3:1 T0:3 T1:3 T2:3 T3:3");
    static readonly Picture RightTf32 = new("T0:0 T1:0 T2:0 T3:0 T0:1 T1:1 T2:1 T3:1");
    static readonly Picture Sums = new("T0:0,1 T1:0,1 T2:0,1 T3:0,1", "T0:2,3 T1:2,3 T2:2,3 T3:2,3");

    public static TheoryData<string, string> Shapes => new() { { "m16n8k16", "f16" }, { "m16n8k16", "bf16" }, { "m16n8k8", "f16" }, { "m16n8k8", "bf16" }, { "m16n8k8", "tf32" } };

    /// <summary>Every element of the left operand alone picks a row of the right one, all of whose elements differ.</summary>
    [Theory, MemberData(nameof(Shapes))]
    public void Products_have_the_specifications_fragments(string shape, string type)
    {
        var depth = shape == "m16n8k16" ? 16 : 8;
        var (left, right) = (type == "tf32" ? LeftTf32.Places() : depth == 16 ? Left16.Places() : Left8.Places(), type == "tf32" ? RightTf32.Places() : depth == 16 ? Right16.Places() : Right8.Places());
        var (perWord, sums) = (type == "tf32" ? 1 : 2, Sums.Places());
        var (leftWords, rightWords) = (left.Count / 32 / perWord, right.Count / 32 / perWord);
        Assert.Equal((16 * depth, 8 * depth, 128), (left.Count, right.Count, sums.Count));
        string List(string prefix, int from, int count) => "{" + string.Join(", ", Enumerable.Range(from, count).Select(i => prefix + i)) + "}";
        string Loads(int from, int count, int offset) => string.Concat(Enumerable.Range(0, count).Select(i => $"ld.global.b32 %r{from + i}, [%rd4+{128 * (offset + i)}]; "));
        var session = new Session(Snippet.Kernel(
            Loads(10, leftWords, 0) + Loads(20, rightWords, leftWords) + "mov.f32 %f0, 0f00000000; "
            + $"mma.sync.aligned.{shape}.row.col.f32.{type}.{type}.f32 {List("%f", 1, 4)}, {List("%r", 10, leftWords)}, {List("%r", 20, rightWords)}, {{%f0, %f0, %f0, %f0}}; "
            + string.Concat(Enumerable.Range(0, 4).Select(i => $"st.global.f32 [%rd5+{128 * i}], %f{1 + i}; ")), sm: 80), new LaunchOptions { Seed = 2, Strict = false });
        uint Bits(float value) => type switch { "f16" => BitConverter.HalfToUInt16Bits((Half)value), "bf16" => BitConverter.SingleToUInt32Bits(value) >> 16, _ => BitConverter.SingleToUInt32Bits(value) };
        var (x, y) = (session.Upload(new uint[32 * (leftWords + rightWords)], "x"), session.Allocate<float>(128, "y"));
        foreach (var ((row, step), (lane, element)) in left)
        {
            var words = new uint[32 * (leftWords + rightWords)];
            words[element / perWord * 32 + lane] = Bits(1) << (16 * (element % perWord));
            foreach (var ((column, k), (at, e)) in right) words[(leftWords + e / perWord) * 32 + at] |= Bits(1 + 8 * k + column) << (16 * (e % perWord));
            session.Device.Write<uint>(x, words);
            session.Launch("k", 1, 32, 0, x, y);
            var result = session.Download<float>(y, 128);
            foreach (var ((r, c), (at, e)) in sums) Assert.Equal(r == row ? 1 + 8 * step + c : 0, result[e * 32 + at]);
        }
    }

    /// <summary>The picture of one matrix of 8 × 8: row r belongs to lanes 4r to 4r + 3, two elements each; transposed, columns do.</summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(4, false)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(4, true)]
    public void Matrices_are_loaded_as_the_specification_pictures_them(int count, bool isTransposed)
    {
        // Row r of matrix i has the numbers 64 i + 8 r …; lane 8 i + r names it, at a place of its own.
        var session = new Session(Snippet.Kernel(
            "mov.u32 %r2, s; mad.lo.u32 %r3, %r1, 48, %r2; mul.lo.u32 %r4, %r1, 8; "
            + string.Concat(Enumerable.Range(0, 4).Select(i => $"mad.lo.u32 %r5, {2 * i + 1}, 65536, {2 * i}; mad.lo.u32 %r6, %r4, 65537, %r5; st.shared.b32 [%r3+{4 * i}], %r6; ")) + "bar.warp.sync -1; "
            + $"ldmatrix.sync.aligned.m8n8.x{count}{(isTransposed ? ".trans" : "")}.shared.b16 {{{string.Join(", ", Enumerable.Range(20, count).Select(i => "%r" + i))}}}, [%r3]; "
            + string.Concat(Enumerable.Range(0, count).Select(i => $"st.global.b32 [%rd5+{128 * i}], %r{20 + i}; ")), declarations: ".shared .align 16 .b8 s[1536];", sm: 80), new LaunchOptions { Seed = 5 });
        var y = session.Allocate<ushort>(64 * count, "y");
        session.Launch("k", 1, 32, 0, 0UL, y);
        var loaded = session.Download<ushort>(y, 64 * count);
        foreach (var ((row, column), (lane, element)) in new Picture("T0:0,1 T1:0,1 T2:0,1 T3:0,1").Places())
            for (var i = 0; i < count; i++) Assert.Equal(64 * i + (isTransposed ? 8 * column + row : 8 * row + column), loaded[64 * i + 2 * lane + element]);
    }
}
