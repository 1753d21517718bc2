using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Tests.Lowering;
using Xunit;

namespace Graph.Tests.Calls;

/// <summary>Calls in lowered programs and in their text: the launches of a called function are said once.</summary>
public sealed class CallTextTests
{
    static LoweredProgram Lower(string source) => Lowerer.Lower(CompilerPipeline.Run(CallModels.Elaborated(source), KnownTargets.Cpu));

    static int Lines(string text, string beginning) => text.Split('\n').Count(line => line.StartsWith(beginning, StringComparison.Ordinal));

    /// <summary>One more layer is a line for each call, one for its buffers, what names its states, and one for each of its weights that entries read packed.</summary>
    [Fact]
    public void A_layer_more_says_no_launch_again()
    {
        string four = LoweredText.Write(Lower(CallModels.Gpt(4))), eight = LoweredText.Write(Lower(CallModels.Gpt(8)));
        int Packings(string text) => Lines(text[text.IndexOf("function " + DerivedStates.Function, StringComparison.Ordinal)..], "  use ");
        Assert.InRange(Packings(eight), Packings(four) + 4, 2 * Packings(four));
        foreach (var once in new[] { "body ", "  run ", "  segments ", "kernel " }) Assert.Equal((once, Lines(four, once)), (once, Lines(eight, once)));
        Assert.Equal(Lines(four, "  use ") - Packings(four), Lines(eight, "  use ") - Packings(eight));
        Assert.InRange(Lines(eight, "origin ") - Lines(four, "origin "), 0, 2 * (Packings(eight) - Packings(four))); // what is packed, and what for
        foreach (var each in new[] { "  call \"Block.Forward/packed\" ", "  call \"Block.Forward\" ", "  call \"Block.Forward/forward\" ", "  call \"Block.Forward/backward\" " })
        {
            Assert.Contains(Lines(four, each), new[] { 3, 4, 8 }); // the first block's gradient is a function of its own where fewer are wanted of it
            Assert.Equal((each, Lines(four, each) * 2), (each, Lines(eight, each)));
        }
        Assert.Equal(Lines(four, "  call "), Lines(four, "  of "));
    }

    /// <summary>A start names only the places of what a layer more runs, and reads back what was bound.</summary>
    [Fact]
    public void A_layer_more_starts_with_places_alone()
    {
        static (StartProgram Program, string Text) Start(int layers)
        {
            var lowered = Lower(CallModels.Gpt(layers));
            var program = StartProgram.Of(lowered, [.. lowered.Functions.Select(f => Planner.PlanTypical(f, lowered.Dims))]);
            return (program, StartText.Write(program));
        }
        var (six, twelve) = (Start(6), Start(12));
        foreach (var once in new[] { "    loop ", "    product ", "    library ", "    attention " }) Assert.Equal((once, Lines(six.Text, once)), (once, Lines(twelve.Text, once)));
        Assert.True(Lines(twelve.Text, "    again ") > 2 * Lines(six.Text, "    again "));
        var read = StartText.Read(twelve.Text);
        foreach (var (expected, actual) in twelve.Program.Functions.Zip(read.Functions))
        {
            Assert.Equal(expected.Assigned.ToArray(), actual.Assigned.ToArray());
            var (bound, again) = (expected.Typical!.Read(), actual.Typical!.Read());
            Assert.Equal(bound.Names, again.Names);
            Assert.Equal(bound.Launches, again.Launches);
        }
    }

    [Fact]
    public void Programs_with_calls_read_back_equal()
    {
        foreach (var source in new[] { CallModels.Gpt(4), CallModels.Gpt(5, dropout: 0.25), OutlineTests.Nested }) LoweredTextTests.ReadsBackEqual(Lower(source));
        for (var seed = 0; seed < 6; seed++) LoweredTextTests.ReadsBackEqual(Lower(RandomBlocks.Source(seed)));
    }

    [Fact]
    public void Calls_within_called_functions_are_lines_of_bodies()
    {
        var lowered = Lower(OutlineTests.Nested);
        var text = LoweredText.Write(lowered);
        Assert.True(text.IndexOf("body Inner.Forward\n", StringComparison.Ordinal) is >= 0 and var inner && text.IndexOf("body Block.Forward\n", StringComparison.Ordinal) > inner);
        Assert.Contains(lowered.Functions.SelectMany(f => f.Calls), call => call.Body.Calls.Length == 4);
    }

    /// <summary>The launches that a function is said to have are the ones that it has.</summary>
    [Fact]
    public void Calls_are_the_launches_from_their_first_on()
    {
        foreach (var function in Lower(CallModels.Gpt(4, dropout: 0.25)).Functions.Where(f => f.Name != DerivedStates.Function)) // which packs each weight for itself
        {
            Assert.True(function.Calls.Length >= 4);
            foreach (var call in function.Calls)
                for (var i = 0; i < call.Body.Launches.Length; i++)
                {
                    var (made, of) = (function.Launches[call.First + i], call.Body.Launches[i]);
                    Assert.Equal((of.GetType(), of.Title, of.Operands.Length), (made.GetType(), made.Title, made.Operands.Length));
                    Assert.All(made.Origins, o => Assert.StartsWith(call.Path, o.Path, StringComparison.Ordinal));
                }
        }
    }

    /// <summary>Who puts other launches into a function gets a text with these, and the fingerprint is that of the launches, however they came about.</summary>
    [Fact]
    public void Other_launches_are_those_of_no_calls()
    {
        var lowered = Lower(CallModels.Gpt(4));
        var changed = lowered with { Functions = [.. lowered.Functions.Select(f => f with { Launches = f.Launches })] };
        Assert.All(changed.Functions, f => Assert.Empty(f.Calls));
        Assert.Equal(0, Lines(LoweredText.Write(changed), "  call "));
        LoweredTextTests.ReadsBackEqual(changed);
        Assert.Equal(KernelFingerprint.OfPlan(lowered, ""), KernelFingerprint.OfPlan(changed, ""));
    }

    [Theory]
    [InlineData("call \"Block.Forward\"", "call \"Block.Backward\"", "there is no body Block.Backward")]
    [InlineData("  of \"Block.Forward\"\n", "  of \"Block.Forward/backward\"\n", "has no buffers for this call")]
    [InlineData("body Block.Forward\n", "body Block.Before\n", "there is no body Block.Forward")]
    public void A_call_of_nothing_is_refused(string from, string to, string message)
    {
        var body = SealedText.Open("lowered", LoweredText.Version, LoweredText.Write(Lower(CallModels.Gpt(4))));
        Assert.Contains(from, body, StringComparison.Ordinal);
        var wrong = SealedText.Seal("lowered", LoweredText.Version, body.Replace(from, to, StringComparison.Ordinal));
        Assert.Contains(message, Assert.Throws<FormatException>(() => LoweredText.Read(wrong)).Message, StringComparison.Ordinal);
    }
}
