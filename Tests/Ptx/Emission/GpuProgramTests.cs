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
            Assert.Equal(0, Run("--device", "2", "--count", "3", "--first", "5", "--out", path, "device", "functions", "kernels", "programs", "load", "occupancy", "models", "profile", "speed", "tensor"));
            Assert.Equal(2, asked);
            var findings = File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement).ToList();
            Assert.All(findings, f => Assert.True(f.GetProperty("ok").GetBoolean(), f.ToString()));
            Assert.Equal([("device", 1), ("functions", 9), ("kernels", 4), ("programs", 4), ("load", 2), ("occupancy", 3), ("models", 3), ("profile", 4), ("speed", 4), ("tensor", 6)], findings.GroupBy(f => f.GetProperty("section").GetString()!).Select(g => (g.Key, g.Count())));
        }
        finally
        {
            CudaDrivers.Substitute = null;
            File.Delete(path);
        }
    }

    static System.Collections.Generic.List<JsonElement> Findings(Func<int, ICudaDriver>? open, int expected, params string[] args)
    {
        var path = Path.Combine(Path.GetTempPath(), Guid.NewGuid() + ".json");
        CudaDrivers.Substitute = open;
        try
        {
            Assert.Equal(expected, Run([.. args, "--out", path]));
            return [.. File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement)];
        }
        finally
        {
            CudaDrivers.Substitute = null;
            File.Delete(path);
        }
    }

    /// <summary>A card that has tensor cores runs kernels in both variants, each with bits that do not depend on how it adds up; an older one says that it has none.</summary>
    [Fact]
    public void Kernels_run_in_each_variant_that_the_card_has()
    {
        (string, bool, int)[] Kernels(int capability) => [.. Findings(_ => new EmulatedDriver(new LaunchOptions { Strict = false }) { Capability = capability }, 0, "--count", "3", "kernels")
            .Where(f => f.TryGetProperty("variant", out var _)).Select(f => (f.GetProperty("name").GetString() + " " + f.GetProperty("variant").GetString(), f.TryGetProperty("skipped", out var _), f.TryGetProperty("on_tensor_cores", out var n) ? n.GetInt32() : 0))];
        Assert.Equal([("maps sm_70", false, 0), ("products sm_70", false, 0), ("products sm_80", false, 3)], Kernels(86));
        Assert.Equal([("maps sm_70", false, 0), ("products sm_70", false, 0), ("products sm_80", true, 0)], Kernels(75));
        // On tensor cores, too, a fault is found.
        var wrong = Findings(_ => new EmulatedDriver(new LaunchOptions { Strict = false }) { Capability = 86, Rewrite = text => text.Replace("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", StringComparison.Ordinal) }, 1, "--count", "3", "kernels");
        Assert.False(wrong.Single(f => f.TryGetProperty("variant", out var v) && v.GetString() == "sm_80").GetProperty("ok").GetBoolean());
    }

    /// <summary>NVIDIA's tool is started with words that it knows, around this program, with guards; what it says is counted, and whatever keeps it from saying it is a failure. A script stands in for it.</summary>
    [Fact]
    public void The_sanitizer_section_believes_nothing_but_a_summary_of_nothing()
    {
        if (OperatingSystem.IsWindows()) return;
        var folder = Directory.CreateTempSubdirectory("graph-sanitizer-").FullName;
        var (tool, log) = (Path.Combine(folder, "tool"), Path.Combine(folder, "log"));
        System.Collections.Generic.List<JsonElement> Of(string script, int expected, params string[] args)
        {
            File.WriteAllText(tool, $"#!/bin/sh\necho \"$GRAPH_CUDA_DEBUG $*\" >> '{log}'\n{script}\n");
            File.SetUnixFileMode(tool, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            File.Delete(log);
            return Findings(_ => throw new InvalidOperationException("The section opens no card."), expected, [.. args, "--device", "3", "sanitizer"]);
        }
        const string Clean = "echo '{\"section\":\"kernels\",\"ok\":true}'; case $2 in memcheck) echo '========= COMPUTE-SANITIZER'; echo '========= ERROR SUMMARY: 0 errors';; *) echo '========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)';; esac";
        Environment.SetEnvironmentVariable("COMPUTE_SANITIZER", tool);
        try
        {
            var fine = Of(Clean, 0);
            Assert.Equal(["memcheck kernels", "memcheck --count 10 programs", "racecheck --count 10 programs", "memcheck --count 10 models", "racecheck --count 10 models", "all"], fine.Select(f => f.GetProperty("name").GetString()));
            Assert.All(File.ReadLines(log).Zip(["memcheck", "memcheck", "racecheck", "memcheck", "racecheck"]), l => Assert.Matches($"^guards --tool {l.Second} --error-exitcode 9 --print-limit 20 [^ ]+( [^ ]+Graph\\.Gpu\\.dll)? --device 3 --seconds [0-9]+ ", l.First));
            // Errors by the exit code and the summary, hazards that are only warnings, a program that says nothing or fails, a tool that could not begin, one that is killed in the middle.
            foreach (var (script, findings, exit) in new (string, string, int)[]
            {
                ("echo '{}'; echo '========= Invalid __global__ write of size 4 bytes'; echo '========= ERROR SUMMARY: 1 error'; exit 9", "1", 9),
                ("echo '{}'; echo '========= ERROR SUMMARY: 12 errors'", "12", 0),
                ("echo '{}'; echo '========= RACECHECK SUMMARY: 3 hazards displayed (0 errors, 3 warnings)'", "3", 0),
                ("echo '========= ERROR SUMMARY: 0 errors'", "0", 0),
                ("echo '{}'; echo '========= ERROR SUMMARY: 0 errors'; exit 1", "0", 1),
                ("echo '========= Error: No attachable process found. compute-sanitizer timed-out.'; exit 255", "the tool said none of its summaries", 255),
                ("echo '{}'", "the tool said none of its summaries", 0),
                ("kill -9 $$", "the tool said none of its summaries", 137),
            })
            {
                var said = Of(script, 1);
                Assert.All(said.SkipLast(1), f => Assert.Equal((false, findings, exit), (f.GetProperty("ok").GetBoolean(), f.GetProperty("findings").ToString(), f.GetProperty("exit").GetInt32())));
            }
            // Out of time: nothing is begun, and that is no success.
            var late = Assert.Single(Of(Clean, 1, "--seconds", "0"));
            Assert.Equal((0, 5, false), (late.GetProperty("made").GetInt32(), late.GetProperty("asked").GetInt32(), late.GetProperty("ok").GetBoolean()));
            File.Delete(tool);
            Assert.Contains("cannot be started", Findings(null, 1, "sanitizer")[0].GetProperty("error").GetString(), StringComparison.Ordinal);
            Environment.SetEnvironmentVariable("COMPUTE_SANITIZER", null);
            if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/local/cuda/bin").Any(f => File.Exists(Path.Combine(f, "compute-sanitizer"))))
                Assert.Contains("not installed", Assert.Single(Findings(null, 0, "sanitizer")).GetProperty("skipped").GetString(), StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("COMPUTE_SANITIZER", null);
            Directory.Delete(folder, recursive: true);
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
            // As it is published and started where there is no card.
            CudaDrivers.Substitute = null;
            if (!System.Runtime.InteropServices.NativeLibrary.TryLoad(LibCuda.FileName, out var _)) Assert.Equal(3, Run("--seconds", "10"));
        }
        finally
        {
            CudaDrivers.Substitute = null;
        }
    }
}
