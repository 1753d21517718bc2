using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading.Tasks;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>What a machine's driver may answer, and what a user reads then: the program that finds out on a card, started with a library that answers so in the driver's place.</summary>
public sealed class DriverErrorTests
{
    static readonly bool canStandIn = OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    // What the program ends with, and all that it says.
    static async Task<(int Exit, string Said)> Run(StandInDriver driver, params string[] arguments)
    {
        var folder = Directory.CreateTempSubdirectory("graph-driver-");
        try
        {
            driver.Write(folder.FullName);
            var root = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
            var start = new ProcessStartInfo(Path.Combine(root, "dotnet"), [Path.Combine(AppContext.BaseDirectory, "Graph.Gpu.dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["LD_LIBRARY_PATH"] = folder.FullName;
            start.Environment["DOTNET_TieredPGO"] = "0";
            using var process = Process.Start(start)!;
            var texts = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            return (process.ExitCode, string.Concat(texts));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    static async Task Says(StandInDriver driver, int exit, string section, params string[] parts)
    {
        if (!canStandIn) return;
        var (ended, said) = await Run(driver, "--count", "1", section);
        Assert.True(ended == exit, $"{ended}: {said}");
        Assert.All(parts, part => Assert.Contains(part, said, StringComparison.Ordinal));
    }

    static StandInDriver Driver(int version = 12040, int major = 9, int minor = 0) => new(version, major, minor);

    [Fact]
    public Task A_card_has_its_name() => Says(Driver(), 0, "device", "\"device\":\"Toy\"");

    [Fact]
    public Task A_driver_without_a_card() => Says(Driver().Set("cuInit", StandInDriver.Return(100)), 3, "device", "cuda:0 was asked for, but the driver knows no NVIDIA card.");

    [Fact]
    public Task A_driver_that_does_not_start() => Says(Driver().Set("cuInit", StandInDriver.Return(999)), 1, "device", "The CUDA driver could not start the CUDA driver: THE_NAME, the words.");

    [Fact]
    public Task A_driver_that_is_too_old() => Says(Driver(version: 10020), 3, "device", "The CUDA driver is of version 10.2; 11.0 or newer is needed.");

    [Fact]
    public Task Fewer_cards_than_asked_for() => Says(Driver().Set("cuDeviceGetCount", [.. StandInDriver.Number(0, 0), .. StandInDriver.Return(0)]), 3, "device", "cuda:0 was asked for, but there are 0 cards.");

    [Fact]
    public Task A_card_that_is_too_old() => Says(Driver(major: 6, minor: 1), 3, "device", "Toy is of compute capability 6.1; kernels are written for 7.0 and newer.");

    [Fact]
    public Task Kernels_that_the_driver_does_not_compile() => Says(Driver().Set("cuModuleLoadDataEx", StandInDriver.FailedCompilation("line", 218)), 1, "load", "The CUDA driver could not compile the kernels for Toy: THE_NAME, the words. line");

    [Fact]
    public Task A_kernel_that_fails_takes_the_card_along() =>
        Says(Driver().Set("cuStreamSynchronize", StandInDriver.Return(700)), 1, "functions", "could not wait for Toy: THE_NAME, the words.", "what was on the card is lost: start the program again. With GRAPH_CUDA_DEBUG=kernels it says which one.");

    [Fact]
    public Task No_memory() => Says(
        Driver().Set("cuMemAlloc_v2", StandInDriver.Return(2)).Set("cuMemGetInfo_v2", [.. StandInDriver.Number(0, 1000), .. StandInDriver.Number(1, 2000), .. StandInDriver.Return(0)]),
        1, "functions", "There is no memory on Toy for ", " bytes are needed, 1,000 of 2,000 are free.");

    [Fact]
    public Task A_call_that_fails_otherwise() => Says(Driver().Set("cuModuleGetFunction", StandInDriver.Return(500)), 1, "functions", "The CUDA driver could not find the kernel p0_", ": THE_NAME, the words.");
}
