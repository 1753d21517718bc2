using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Lowering;

/// <summary>
/// Turns a fused, scheduled program into kernels and launches: a pure function, which runs while the model is built.
/// </summary>
public static class Lowerer
{
    /// <summary>Lowers what every pass has gone over, for the target that it was compiled for.</summary>
    public static LoweredProgram Lower(CompiledProgram compiled, CancellationToken cancel = default) => Lower(compiled.Final, compiled.Target, cancel);

    /// <summary>Lowers every function that no other function calls.</summary>
    /// <param name="program">The fused, scheduled program.</param>
    /// <param name="target">What it was fused for.</param>
    /// <param name="cancel">Looked at now and then.</param>
    public static LoweredProgram Lower(Program program, TargetModel target, CancellationToken cancel = default)
    {
        var called = Callees.Of(program);
        var kernels = new KernelTable();
        var bodies = new CalledFunctions(program, kernels, target, cancel);
        var functions = ImmutableArray.CreateBuilder<LoweredFunction>();
        foreach (var function in program.Functions)
        {
            cancel.ThrowIfCancellationRequested();
            if (!called.Contains(function.Name)) functions.Add(new FunctionLowering(program, function, kernels, target, bodies).Lower(cancel) with { Checkpoints = program.Checkpoints });
        }
        var (lowered, states) = PackWeights.Run(program, functions.ToImmutable(), [.. program.States.Select(s => s with { Type = s.Type.Bare })], kernels, target);
        return new(program.Name, program.Dims, states, Used(kernels.Kernels, lowered), lowered) { Target = target.Text.TrimEnd('\n').Replace("\n  ", "; "), Requirements = program.Requirements, Ranges = program.Ranges, Training = [.. program.Training.Select(t => t with { Rules = [] })] };
    }

    // Without the products and convolutions whose launches run others by now.
    static ImmutableArray<Kernel> Used(ImmutableArray<Kernel> kernels, ImmutableArray<LoweredFunction> functions)
    {
        var used = new HashSet<Kernel>(functions.SelectMany(f => f.Launches).Select(l => l switch { ContractLaunch c => c.Kernel, ConvolutionLaunch c => c.Kernel, _ => default(Kernel) }).OfType<Kernel>());
        return [.. kernels.Where(k => k is not (ProductKernel or ConvolutionKernel) || used.Contains(k))];
    }
}

/// <summary>The distinct kernels of a program, named by form and number.</summary>
public sealed class KernelTable
{
    readonly Dictionary<string, Kernel> byText = new(System.StringComparer.Ordinal);
    int loops;
    readonly ImmutableArray<Kernel>.Builder kernels = ImmutableArray.CreateBuilder<Kernel>();

    public ImmutableArray<Kernel> Kernels => kernels.ToImmutable();

    /// <summary>The kernel of that text, with its name.</summary>
    public LoopKernel Add(LoopKernel kernel)
    {
        if (byText.TryGetValue(kernel.Text, out var known)) return (LoopKernel)known;
        return Append(kernel with { Name = kernel.Form.ToString().ToLowerInvariant() + (loops++).ToString(System.Globalization.CultureInfo.InvariantCulture) });
    }

    /// <summary>The kernel of that text that targets bring for themselves, with its name.</summary>
    public T Add<T>(T kernel, string kind)
        where T : Kernel =>
        byText.TryGetValue(kernel.Text, out var known) ? (T)known : Append((T)(kernel with { Name = kind + (kernels.Count - loops).ToString(System.Globalization.CultureInfo.InvariantCulture) }));

    T Append<T>(T kernel)
        where T : Kernel
    {
        byText.Add(kernel.Text, kernel);
        kernels.Add(kernel);
        return kernel;
    }
}
