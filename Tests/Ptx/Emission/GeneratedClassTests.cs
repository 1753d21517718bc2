using System;
using System.IO;
using System.Linq;
using Graph.Examples.Digits;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>A class that the generator wrote for cards, made by its user's call and run through the emulated driver.</summary>
public sealed class GeneratedClassTests
{
    /// <summary>Every example's model is compiled for cards in each of its precisions, and the emulator takes its module.</summary>
    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.Float16)]
    [InlineData(Precision.BFloat16)]
    public void Every_example_comes_to_a_card_in_every_precision(Precision precision)
    {
        CudaDrivers.Substitute = _ => new EmulatedDriver(new LaunchOptions { Strict = false });
        try
        {
            using var digits = DigitReader.Create(precision, Device.Cuda());
            using var gpt = Graph.Examples.Gpt.CharacterGpt.Create(precision, Device.Cuda());
            Assert.True(digits.Parameters.ParameterCount > 0 && gpt.Parameters.ParameterCount > 0);
        }
        finally
        {
            CudaDrivers.Substitute = null;
        }
    }

    [Fact]
    public void A_built_class_trains_predicts_and_saves_on_a_card_as_on_the_processor()
    {
        var path = Path.Combine(Path.GetTempPath(), Guid.NewGuid() + ".safetensors");
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        CudaDrivers.Substitute = ordinal => ordinal == 1 ? driver : throw new PlatformNotSupportedException($"cuda:{ordinal} is not the emulator.");
        try
        {
            Assert.Throws<PlatformNotSupportedException>(() => DigitReader.Create(Device.Cuda(0), seed: 42));
            var random = new Random(3);
            float[] images = [.. Enumerable.Range(0, 3 * 64).Select(_ => random.NextSingle())];
            int[] labels = [1, 7, 4];
            float[] expected = new float[30], actual = new float[30];
            using (var card = DigitReader.Create(Device.Parse("cuda:1"), seed: 42))
            using (var processor = DigitReader.Create(Device.Cpu, seed: 42, threads: 1))
            {
                for (var step = 1; step <= 2; step++)
                {
                    var (ours, theirs) = (card.TrainStep(images, labels), processor.TrainStep(images, labels));
                    Assert.InRange(ours.Loss, theirs.Loss - 1e-4, theirs.Loss + 1e-4);
                    Assert.Equal(step, ours.Step);
                }
                card.Predict(images, actual);
                processor.Predict(images, expected);
                for (var i = 0; i < actual.Length; i++) Assert.InRange(actual[i], expected[i] - 1e-3f, expected[i] + 1e-3f);
                card.Save(path);
            }
            Assert.True(driver.IsDisposed && driver.GraphLaunches >= 3 && driver.Launches == 0);
            using var loaded = DigitReader.Create(Device.Cpu, seed: 1, threads: 1);
            loaded.Load(path);
            loaded.Predict(images, expected);
            for (var i = 0; i < actual.Length; i++) Assert.InRange(actual[i], expected[i] - 1e-4f, expected[i] + 1e-4f);
        }
        finally
        {
            CudaDrivers.Substitute = null;
            File.Delete(path);
        }
    }
}
