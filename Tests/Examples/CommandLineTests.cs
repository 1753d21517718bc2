using System;
using System.IO;
using System.Linq;
using System.Reflection;
using Graph.Examples.Digits;
using Graph.Examples.Gpt;
using Graph.Runtime.Checkpoints;
using Xunit;

namespace Graph.Tests.Examples;

/// <summary>The examples' exit codes: 0 done, 1 something the user can mend, 2 a wrong command line. An exception that leaves Main fails the test.</summary>
public sealed class CommandLineTests
{
    static int Run(Type member, params string[] args)
    {
        try
        {
            return (int)member.Assembly.EntryPoint!.Invoke(null, [args])!;
        }
        catch (TargetInvocationException e)
        {
            throw e.InnerException!;
        }
    }

    [Theory]
    [InlineData("--steps", "abc")]
    [InlineData("--steps", "0")]
    [InlineData("--epochs", "1.5")]
    [InlineData("--threads", "-1")]
    [InlineData("--device", "tpu")]
    [InlineData("--seed", "-1")]
    [InlineData("--bogus")]
    [InlineData("--accept", "everything")]
    [InlineData("--accept", "7")]
    [InlineData("--accept", "")]
    public void Wrong_options_are_refused(params string[] args)
    {
        Assert.Equal(2, Run(typeof(DigitReader), args));
        Assert.Equal(2, Run(typeof(CharacterGpt), args));
    }

    /// <summary>A card that is not there is something to mend: a message says what is missing, and nothing was trained.</summary>
    [Theory]
    [InlineData(typeof(DigitReader))]
    [InlineData(typeof(CharacterGpt))]
    public void A_card_that_is_not_there_ends_with_a_message(Type example)
    {
        var folder = Directory.CreateTempSubdirectory("graph");
        var error = Console.Error;
        try
        {
            using var said = new StringWriter();
            Console.SetError(said);
            Assert.Equal(1, Run(example, "--device", "cuda:63", "--out", folder.FullName, "--steps", "1"));
            Assert.Contains("was asked for, but there", said.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            Console.SetError(error);
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("--sample", "-1")]
    [InlineData("--sample", "x")]
    [InlineData("--temperature", "0")]
    [InlineData("--temperature", "NaN")]
    public void Wrong_options_of_sampling_are_refused(params string[] args) => Assert.Equal(2, Run(typeof(CharacterGpt), args));

    [Fact]
    public void What_a_model_takes_in_memory_is_said_without_training()
    {
        var folder = Directory.CreateTempSubdirectory("graph");
        try
        {
            Assert.Equal(0, Run(typeof(DigitReader), "--memory", "--precision", "fp16", "--out", folder.FullName));
            Assert.Equal(0, Run(typeof(CharacterGpt), "--memory", "--out", folder.FullName));
            Assert.DoesNotContain(folder.GetFiles(), f => f.Name.EndsWith(".safetensors", StringComparison.Ordinal));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Data_and_checkpoints_that_cannot_be_used_end_with_a_message()
    {
        var folder = Directory.CreateTempSubdirectory("graph");
        try
        {
            Assert.Equal(1, Run(typeof(DigitReader), "--data", Path.Combine(folder.FullName, "nothing"), "--out", folder.FullName));
            File.WriteAllText(Path.Combine(folder.FullName, "gpt.safetensors"), "no checkpoint");
            File.WriteAllText(Path.Combine(folder.FullName, "text.txt"), new string('a', 5000));
            Assert.Equal(1, Run(typeof(CharacterGpt), "--resume", "--data", Path.Combine(folder.FullName, "text.txt"), "--out", folder.FullName, "--steps", "1", "--threads", "1"));
            // Found before the training, not after it.
            Assert.Equal(1, Run(typeof(DigitReader), "--out", folder.FullName, "--metrics", Path.Combine(folder.FullName, "text.txt", "metrics.json")));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void What_would_be_lost_after_the_training_is_found_before_it()
    {
        var folder = Directory.CreateTempSubdirectory("graph");
        try
        {
            string In(params string[] parts) => Path.Combine([folder.FullName, .. parts]);
            File.WriteAllText(In("text"), string.Concat(Enumerable.Repeat("all the world's a stage ", 500)));
            foreach (var program in new[] { typeof(DigitReader), typeof(CharacterGpt) })
            {
                int Run(Type member, params string[] args) => CommandLineTests.Run(member, member == typeof(CharacterGpt) ? ["--data", In("text"), .. args] : args);
                Assert.Equal(1, Run(program, "--resume", "--out", In("nothing"))); // no checkpoint
                foreach (var output in new[] { "report.html", program == typeof(DigitReader) ? "digits.safetensors" : "gpt.safetensors" })
                {
                    Directory.CreateDirectory(In("place", output));
                    Assert.Equal(1, Run(program, "--out", In("place"), "--steps", "1"));
                    Directory.Delete(In("place", output));
                }
                Assert.Equal(1, Run(program, "--out", In("place"), "--metrics", folder.FullName));
                File.WriteAllText(In("file"), "");
                Assert.Equal(1, Run(program, "--out", In("file")));
                using (RunLock.OfFolder(In("place"))) Assert.Equal(1, Run(program, "--out", In("place"), "--steps", "1"));
                Assert.Empty(Directory.GetFiles(In("place")));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Help_is_no_error()
    {
        Assert.Equal(0, Run(typeof(DigitReader), "--help"));
        Assert.Equal(0, Run(typeof(CharacterGpt), "--help"));
    }
}
