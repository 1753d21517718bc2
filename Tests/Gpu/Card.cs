using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;

namespace Graph.Gpu;

/// <summary>Something that was found out.</summary>
/// <param name="Name">What of.</param>
/// <param name="IsFine">Whether it is as it should be.</param>
/// <param name="Facts">What there is to say.</param>
sealed record Finding(string Name, bool IsFine, params (string Name, object Value)[] Facts)
{
    /// <summary>One line.</summary>
    public string Json(string section, TimeSpan at)
    {
        var line = new Dictionary<string, object> { ["section"] = section, ["name"] = Name, ["ok"] = IsFine, ["seconds"] = Math.Round(at.TotalSeconds, 3) };
        foreach (var (name, value) in Facts) line[name] = value is double number && !double.IsFinite(number) ? number.ToString(System.Globalization.CultureInfo.InvariantCulture) : value;
        return JsonSerializer.Serialize(line);
    }
}

/// <summary>What a section works with.</summary>
/// <param name="open">Opens the card; who opens it disposes it.</param>
/// <param name="time">How long the section may take.</param>
/// <param name="device">The card's number.</param>
/// <param name="first">The seed of the first program by chance.</param>
/// <param name="count">How many of them.</param>
/// <param name="report">Takes a finding.</param>
sealed class Card(Func<ICudaDriver> open, TimeSpan time, int device, int first, int count, Action<Finding> report)
{
    readonly Stopwatch clock = Stopwatch.StartNew();

    public int Device => device;

    public int First => first;

    public int Count => count;

    /// <summary>Little of each section: where few programs are asked for, as those do who look whether it runs at all.</summary>
    public bool IsShort => count < 100;

    /// <summary>Says how much of a section was made: one that ran out of time is no success.</summary>
    public void ReportAll(int made, int asked) => report(new("all", made == asked, ("made", made), ("asked", asked)));

    /// <summary>Whether there is time for more.</summary>
    public bool HasTime => clock.Elapsed < time;

    /// <summary>How much time there is; none where it is over.</summary>
    public TimeSpan Left => clock.Elapsed < time ? time - clock.Elapsed : TimeSpan.Zero;

    public void Report(Finding finding) => report(finding);

    public ICudaDriver Open() => open();

    /// <summary>A program as it is compiled for cards.</summary>
    public static LoweredProgram Lower(Compiler.Ir.Program program) => Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Ptx));

    /// <summary>A model on the card.</summary>
    public ModelInstance Model(LoweredProgram lowered, ulong seed)
    {
        var model = new CompiledModel(lowered.Name, lowered, _ => 0);
        var driver = Open();
        try
        {
            return new(model, _ => new CudaDevice(driver, model, PtxTarget.Emit(lowered)), seed, threads: 1);
        }
        catch
        {
            driver.Dispose();
            throw;
        }
    }
}
