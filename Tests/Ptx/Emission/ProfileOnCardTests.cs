using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.Json;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary><c>Benchmarks profile --device cuda</c>, with the emulator for a card, and where there is none.</summary>
public sealed class ProfileOnCardTests
{
    static readonly Lazy<MethodInfo> main = new(() => System.Reflection.Assembly.LoadFrom(Path.Combine(
        Repository.Root, "Tests", "Benchmarks", "bin", AppContext.BaseDirectory.Contains(Path.DirectorySeparatorChar + "Debug" + Path.DirectorySeparatorChar) ? "Debug" : "Release", "net10.0", "Graph.Benchmarks.dll")).EntryPoint!);

    static (int Exit, string Output, string Errors) Run(params string[] arguments)
    {
        var (output, errors, before) = (new StringWriter(), new StringWriter(), (Console.Out, Console.Error));
        // Others write too.
        Console.SetOut(TextWriter.Synchronized(output));
        Console.SetError(TextWriter.Synchronized(errors));
        try
        {
            return ((int)main.Value.Invoke(null, [arguments])!, output.ToString(), errors.ToString());
        }
        finally
        {
            Console.SetOut(before.Out);
            Console.SetError(before.Error);
        }
    }

    [Fact]
    public void A_profile_on_a_card_has_its_launches_by_its_own_clock()
    {
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        CudaDrivers.Substitute = ordinal => ordinal == 1 ? driver : throw new PlatformNotSupportedException("there is one card, cuda:1");
        try
        {
            var (exit, output, errors) = Run("profile", "--device", "cuda:1", "--batch", "1", "--seconds", "0", "mlp");
            Assert.True(exit == 0, errors);
            var launches = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => l.StartsWith("{\"model\"", StringComparison.Ordinal)).Select(l => JsonDocument.Parse(l).RootElement).ToList();
            Assert.True(launches.Count > 5 && launches.All(l => l.GetProperty("model").GetString() == "mlp" && l.GetProperty("ms").GetDouble() >= 0), output);
            Assert.InRange(launches.Sum(l => l.GetProperty("share").GetDouble()), 0.99, 1.01);
            Assert.True(launches[0].GetProperty("ms").GetDouble() >= launches[^1].GetProperty("ms").GetDouble() && driver.GraphLaunches == 1 && driver.Launches > 0);
            Assert.Equal((3, true), Run("profile", "--device", "cuda", "mlp") is var none ? (none.Exit, none.Errors.Contains("error: there is one card, cuda:1", StringComparison.Ordinal)) : default);
        }
        finally
        {
            CudaDrivers.Substitute = null;
        }
        if (!System.Runtime.InteropServices.NativeLibrary.TryLoad(LibCuda.FileName, out var _)) Assert.Contains("there is no CUDA driver", Run("profile", "--device", "cuda", "mlp").Errors, StringComparison.Ordinal);
    }
}
