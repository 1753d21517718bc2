using System;
using System.Diagnostics;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets.Ptx;

namespace Graph.Gpu;

/// <summary>How long the driver takes to make a model's kernels ready: a text that it has never seen, and the same text again, which it finds in its cache.</summary>
static class LoadSection
{
    public static void Run(Card card)
    {
        var made = 0;
        foreach (var model in ModelsSection.Models)
        {
            if (!card.HasTime || (card.IsShort && model.Name != "mlp")) continue;
            // What nobody has compiled before.
            var text = $"// {Guid.NewGuid():N}\n{PtxTarget.Emit(ModelsSection.Lower(model, Precisions.Float32))}";
            double Load()
            {
                using var driver = card.Open();
                var clock = Stopwatch.StartNew();
                var module = driver.Load(text);
                var seconds = clock.Elapsed.TotalSeconds;
                driver.Unload(module);
                return seconds;
            }
            card.Report(new(model.Name, true, ("bytes", text.Length), ("cold_s", Load()), ("cached_s", Load())));
            made++;
        }
        card.ReportAll(made, card.IsShort ? 1 : ModelsSection.Models.Count());
    }
}
