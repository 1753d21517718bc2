using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using Graph.Benchmarks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Operations;

namespace Graph.Gpu;

/// <summary>
/// The yardsticks, dropout on, in each precision: ten losses on the card beside those of the processor, which were recorded (<c>losses.json</c>). In float32 each is within 1e-4 of max(1, |loss|); in 16 bits they lie no
/// further from float32 than twice as far as the processor's.
/// </summary>
static class ModelsSection
{
    const int Steps = 10;

    static readonly string[] precisions = [Precisions.Float32, Precisions.Float16, Precisions.BFloat16];

    /// <summary>What the processor's losses are: by model and precision.</summary>
    public static Dictionary<string, Dictionary<string, double[]>> Recorded()
    {
        using var stream = typeof(ModelsSection).Assembly.GetManifestResourceStream("losses.json")!;
        return JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, double[]>>>(stream)!;
    }

    public static IEnumerable<Yardstick> Models => Yardstick.All.Where(y => y.Name != "nanogpt1024");

    /// <summary>A yardstick in a precision, lowered for cards.</summary>
    public static LoweredProgram Lower(Yardstick model, string precision)
    {
        var program = ProgramParser.Parse(model.Ir().Elaborated, OperationTable.Set);
        // A scale of 0 moves by itself.
        return Card.Lower(precision == Precisions.Float32 ? program : program with { Training = [.. program.Training.Select(t => t with { Precision = precision, LossScale = precision == Precisions.Float16 ? 0 : 1 })] });
    }

    public static void Run(Card card)
    {
        var (recorded, made, steps) = (Recorded(), 0, card.IsShort ? 2 : Steps);
        foreach (var precision in precisions.Take(card.IsShort ? 2 : precisions.Length))
            foreach (var model in Models)
            {
                if (!card.HasTime || (card.IsShort && model.Name != "mlp")) continue;
                var single = recorded[model.Name][Precisions.Float32][..steps];
                var actual = Losses(card, model, precision, steps);
                if (precision == Precisions.Float32)
                {
                    var worst = single.Zip(actual).Max(l => Math.Abs(l.First - l.Second) / Math.Max(1, Math.Abs(l.First)));
                    card.Report(new(model.Name, worst <= 1e-4, ("precision", precision), ("losses", actual), ("processor", single), ("worst", worst)));
                }
                else
                {
                    var expected = recorded[model.Name][precision][..steps];
                    double apart = Distance(actual, single), allowed = 2 * Distance(expected, single);
                    card.Report(new(model.Name, apart <= allowed, ("precision", precision), ("losses", actual), ("processor", expected), ("from_float32", apart), ("allowed", allowed)));
                }
                made++;
            }
        card.ReportAll(made, card.IsShort ? 2 : precisions.Length * Models.Count());
    }

    static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b).Sum(p => (p.First - p.Second) * (p.First - p.Second)));

    static double[] Losses(Card card, Yardstick model, string precision, int steps)
    {
        using var made = model.Over(card.Model(Lower(model, precision), seed: 1));
        var step = model.Step(made);
        // All are started before any is read.
        StepResult[] results = [.. Enumerable.Range(0, steps).Select(_ => step())];
        return [.. results.Select(r => r.Loss)];
    }
}

/// <summary>Where the time of a training step goes: each launch by the card's own clock, dearest first; and the time of a whole step as one graph.</summary>
static class ProfileSection
{
    public static void Run(Card card)
    {
        var made = 0;
        foreach (var model in ModelsSection.Models)
        {
            if (!card.HasTime || (card.IsShort && model.Name != "mlp")) continue;
            using var instance = model.Over(card.Model(ModelsSection.Lower(model, Precisions.Float32), seed: 1));
            var (step, session, steps) = (card.IsShort ? model.At(instance, 4) : model.Step(instance), instance.Instance.Session, card.IsShort ? 1 : 20);
            _ = step().Loss;
            var clock = System.Diagnostics.Stopwatch.StartNew();
            StepResult last = default;
            for (var i = 0; i < steps; i++) last = step();
            _ = last.Loss;
            var whole = clock.Elapsed.TotalSeconds / steps;
            session.Profiling = true;
            for (var i = 0; i < steps; i++) step();
            var (times, plan) = (session.Profile("train_step"), session.PlanOf("train_step"));
            var all = times.Sum();
            card.Report(new(model.Name, all > 0, ("step_ms", whole * 1e3), ("kernels_ms", all / steps * 1e3)));
            foreach (var i in Enumerable.Range(0, times.Length).OrderByDescending(i => times[i]).Take(card.IsShort ? 2 : 12))
            {
                var (launch, time) = (plan.Function.Launches[i], times[i] / steps);
                card.Report(new(
                    model.Name, true, ("launch", i), ("kernel", launch.Title), ("ms", time * 1e3), ("share", times[i] / all), ("gflops", launch.Flops.Evaluate(plan.Binding) / time / 1e9),
                    ("gb_per_s", launch.Traffic.Evaluate(plan.Binding) / time / 1e9), ("origin", string.Join(", ", launch.Origins.Take(3)))));
            }
            made++;
        }
        card.ReportAll(made, card.IsShort ? 1 : ModelsSection.Models.Count());
    }
}
