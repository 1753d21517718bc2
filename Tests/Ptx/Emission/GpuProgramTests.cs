using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>The program that finds out on a card, with the emulator for one: every section, on few programs.</summary>
public sealed class GpuProgramTests
{
    static int Run(params string[] args) => (int)System.Reflection.Assembly.Load("Graph.Gpu").EntryPoint!.Invoke(null, [args])!;

    [Fact]
    public void Every_section_ends_with_findings_that_are_fine()
    {
        var path = Path.Combine(Path.GetTempPath(), Guid.NewGuid() + ".json");
        var asked = -1;
        CudaDrivers.Substitute = ordinal =>
        {
            asked = ordinal;
            return new EmulatedDriver(new LaunchOptions { Strict = false });
        };
        try
        {
            Assert.Equal(0, Run("--device", "2", "--count", "3", "--first", "5", "--out", path, "device", "functions", "kernels", "programs", "load", "models", "profile", "speed", "tensor"));
            Assert.Equal(2, asked);
            var findings = File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement).ToList();
            Assert.All(findings, f => Assert.True(f.GetProperty("ok").GetBoolean(), f.ToString()));
            Assert.Equal([("device", 1), ("functions", 9), ("kernels", 3), ("programs", 4), ("load", 2), ("models", 3), ("profile", 4), ("speed", 4), ("tensor", 6)], findings.GroupBy(f => f.GetProperty("section").GetString()!).Select(g => (g.Key, g.Count())));
        }
        finally
        {
            CudaDrivers.Substitute = null;
            File.Delete(path);
        }
    }

    /// <summary>On a card with tensor cores the section that times them finds all of its launches there.</summary>
    [Fact]
    public void Tensor_cores_are_found_where_there_are_any()
    {
        CudaDrivers.Substitute = _ => new EmulatedDriver(new LaunchOptions { Strict = false }) { Capability = 86 };
        try
        {
            Assert.Equal(0, Run("--count", "3", "tensor"));
        }
        finally
        {
            CudaDrivers.Substitute = null;
        }
    }

    /// <summary>A kernel at fault is a finding, and the program says so by its exit code; no card is another one.</summary>
    [Fact]
    public void What_is_wrong_is_said_by_the_exit_code()
    {
        CudaDrivers.Substitute = _ => new EmulatedDriver(new LaunchOptions { Strict = false }) { Rewrite = text => text.Replace("fma.rn.f32", "fma.rz.f32") };
        try
        {
            Assert.Equal(1, Run("--count", "1", "functions"));
            CudaDrivers.Substitute = _ => throw new PlatformNotSupportedException("there is none");
            Assert.Equal(3, Run("device"));
            Assert.Equal(2, Run("--section"));
        }
        finally
        {
            CudaDrivers.Substitute = null;
        }
    }
}
