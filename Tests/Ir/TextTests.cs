using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ir;

public sealed class TextTests
{
    const string Sample = """
        program Digits version 1
        dim B ≤ 256 ~ 64
        param conv.weight : f32[32,1,3,3] = kaiming_normal(1.5)
        state norm.running_mean : f32[32] = zeros
        state norm.running_var : f32[32] = ones
        optimizer optimizer.m.conv.weight : f32[32,1,3,3] = zeros
        counter step : i64[] = zeros

        func loss(image: f32[B,1,8,8], label: i32[B]) -> (loss: f32[])
          %0 = conv2d image, @conv.weight {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,32,8,8]  ; Digits.cs:22 conv, Digits.cs:30
          %1, %2 = max_pool2d %0 {kernel=[2,2], padding=[0,0], stride=[2,2]} : f32[B,32,4,4]@[0,2,3,1], i32[B,32,4,4]
          %3 = sum %1 {axes=[0,1,2,3], keep=false} : f32[]
          %4 = constant {dtype="f32", value=-0.5} : f32[]
          %5 = mul %3, %4 : f32[]
          %6 = mul @norm.running_mean, %5 : f32[32]
          %7 = loop %5, %6 {carries=1, count=[3], scanned=0} : f32[]
            region(i: i64[], c: f32[], w: f32[32])
              %0 = sum w {axes=[0], keep=false} : f32[]
              %1 = add c, %0 : f32[]
              return %1
          state norm.running_mean = %6
          return %7

        """;

    static Program Parse(string text) => ProgramParser.Parse(text, OperationTable.Set);

    [Fact]
    public void A_program_prints_as_it_was_read() => Assert.Equal(Sample.ReplaceLineEndings("\n"), ProgramPrinter.Print(Parse(Sample)));

    [Fact]
    public void What_was_read_satisfies_the_verifier() => Verifier.Verify(Parse(Sample));

    [Fact]
    public void Provenance_reads_back()
    {
        var node = Parse(Sample).Find("loss")!.Nodes[0];
        Assert.Equal([new("Digits.cs:22", "conv"), new("Digits.cs:30", "")], node.Origins.ToArray());
    }

    [Fact]
    public void Provenance_by_number_is_printed_as_it_is_and_found_in_a_table()
    {
        const string Text = "program P version 1\n\nfunc f(x: f32[2]) -> (f32[2])\n  %0 = exp x : f32[2]  ; @1 conv, @2 conv, @0\n  return %0\n";
        Assert.Equal(Text, ProgramPrinter.Print(Parse(Text)));
        var node = ProgramParser.Parse(Text, OperationTable.Set, ["Digits.cs:30", "Digits.cs:22", "Digits.cs:22"]).Find("f")!.Nodes[0];
        Assert.Equal([new("Digits.cs:22", "conv"), new("Digits.cs:30", "")], node.Origins.ToArray());
    }

    [Fact]
    public void Comments_and_empty_lines_mean_nothing()
    {
        var program = Parse("; a comment\n\nprogram P version 1 ; another\nfunc f(x: f32[2]) -> f32[2]\n\n  ; inside\n  return x\n");
        Assert.Equal("program P version 1\n\nfunc f(x: f32[2]) -> (f32[2])\n  return x\n", ProgramPrinter.Print(program));
    }

    [Theory]
    [InlineData("text with \\\"quotes\\\", a ; semicolon, a \\\\ backslash and a\\nline")]
    [InlineData("blocks.0.drop#1")]
    public void Texts_keep_every_character(string stream)
    {
        var text = $"program P version 1\n\nfunc f() -> (i64[])\n  %0 = random_stream {{name=\"{stream}\"}} : i64[]\n  return %0\n";
        Assert.Equal(text, ProgramPrinter.Print(Parse(text)));
    }

    [Theory]
    [InlineData("0.1")]
    [InlineData("1E-300")]
    [InlineData("-0.0")]
    [InlineData("inf")]
    [InlineData("-inf")]
    [InlineData("nan")]
    public void Numbers_keep_every_bit(string number)
    {
        var text = $"program P version 1\n\nfunc f() -> (f64[])\n  %0 = constant {{dtype=\"f64\", value={number}}} : f64[]\n  return %0\n";
        Assert.Equal(text, ProgramPrinter.Print(Parse(text)));
    }

    const string Head = "program P version 1\ndim B ≤ 8 ~ 4\nparam w : f32[3] = zeros\nfunc f(x: f32[B,3]) -> f32[B,3]\n";

    [Theory]
    [InlineData("program P version 2", 1, "version 1")]
    [InlineData("progam P", 1, "begins no declaration")]
    [InlineData("program P\ndim B ≤ 8", 2, "expected '~'")]
    [InlineData("program P\nparam w : f33[3] = zeros", 2, "f33")]
    [InlineData("program P\nparam w : f32[3 = zeros", 2, "]")]
    [InlineData(Head + "  %0 = ad x, x : f32[B,3]\n  return %0", 5, "no operation named ad")]
    [InlineData(Head + "  %0 = add x, y : f32[B,3]\n  return %0", 5, "y is not defined")]
    [InlineData(Head + "  %0 = add x, @v : f32[B,3]\n  return %0", 5, "no state v")]
    [InlineData(Head + "  %0 = add x, x : f32[B,4]\n  return %0", 5, "the text says f32[B,4]")]
    [InlineData(Head + "  %0 = add x, x : f32[B,3]\n  %0 = add x, x : f32[B,3]\n  return %0", 6, "defined twice")]
    [InlineData(Head + "  %0, %1 = add x, x : f32[B,3], f32[B,3]\n  return %0", 5, "2 are named")]
    [InlineData(Head + "  %0 = add x : f32[B,3]\n  return %0", 5, "operands")]
    [InlineData(Head + "  %0 = reshape x {shape=[B,4]} : f32[B,4]\n  return %0", 5, "elements")]
    [InlineData(Head + "  %0 = sum x {axes=[0], keep=false : f32[3]\n  return %0", 5, "expected")]
    [InlineData(Head + "  %0 = add x, x : f32[B,3]", 5, "no return")]
    [InlineData(Head + "  %0 = sum x {axes=[0], keep=false} : f32[3]\n  return %0", 6, "declares")]
    [InlineData(Head + "  %0 = call x {callee=\"g\"} : f32[B,3]\n  return %0", 5, "no function named g")]
    public void Wrong_text_is_refused_at_its_line(string text, int line, string message)
    {
        var e = Assert.Throws<FormatException>(() => Parse(text));
        Assert.StartsWith($"line {line}: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_damage_to_a_text_makes_the_parser_fail_otherwise()
    {
        var random = new Random(5);
        for (var i = 0; i < 2000; i++)
        {
            var damaged = Sample.ToCharArray().ToList();
            for (var k = random.Next(1, 4); k > 0; k--)
            {
                var at = random.Next(damaged.Count);
                if (random.Next(2) == 0) damaged.RemoveAt(at);
                else damaged[at] = Sample[random.Next(Sample.Length)];
            }
            try
            {
                Parse(new string([.. damaged]));
            }
            catch (FormatException e)
            {
                Assert.StartsWith("line ", e.Message, StringComparison.Ordinal);
            }
        }
    }
}
