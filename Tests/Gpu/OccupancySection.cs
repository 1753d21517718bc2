using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets.Ptx;

namespace Graph.Gpu;

/// <summary>How many blocks of each of a model's kernels a multiprocessor holds: what the formulas say of the registers that the driver gave them, beside what the driver says itself.</summary>
static class OccupancySection
{
    public static void Run(Card card)
    {
        var (made, asked) = (0, 0);
        foreach (var (name, precision) in ((string, string)[])[("mlp", Precisions.Float32), ("mlp", Precisions.Float16), ("cnn", Precisions.Float32), ("nanogpt", Precisions.Float16)])
        {
            if (card.IsShort && name != "mlp") continue;
            asked++;
            if (!card.HasTime) continue;
            using var driver = card.Open();
            var lowered = ModelsSection.Lower(ModelsSection.Models.Single(m => m.Name == name), precision);
            var (kernels, different) = (0, 0);
            foreach (var variant in ((PtxVariant[])[PtxVariant.Portable, PtxVariant.TensorCores]).Where(v => v.Capability <= driver.Capability))
            {
                var functions = variant.HasTensorCores ? PtxTarget.TensorFunctions(lowered) : PtxTarget.Functions(lowered);
                if (functions.IsEmpty) continue;
                var module = driver.Load(PtxTarget.Module(functions, variant));
                foreach (var function in functions)
                {
                    var kernel = driver.Function(module, function.Name);
                    var (registers, blocks) = (driver.Registers(kernel), driver.ResidentBlocks(kernel, function.Threads, function.SharedBytes));
                    var formula = PtxOccupancy.Of(driver.Capability, registers, function.Threads, function.SharedBytes);
                    kernels++;
                    if (formula.Warps * 32 == blocks * function.Threads) continue;
                    different++;
                    card.Report(new(name, false, ("precision", precision), ("kernel", function.Name), ("registers", registers), ("threads", function.Threads), ("shared", function.SharedBytes), ("formula_warps", formula.Warps), ("driver_warps", blocks * function.Threads / 32)));
                }
                driver.Unload(module);
            }
            card.Report(new(name, different == 0, ("precision", precision), ("kernels", kernels), ("different", different)));
            made++;
        }
        card.ReportAll(made, asked);
    }
}
