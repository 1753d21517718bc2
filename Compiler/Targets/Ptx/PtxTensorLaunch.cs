using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Which launches of a program tensor cores compute, and in which functions.</summary>
public static class PtxTensorLaunch
{
    /// <summary>Whether a variant computes a launch on tensor cores.</summary>
    public static bool Has(Launch launch, PtxVariant variant) => variant.HasTensorCores && launch switch
    {
        ContractLaunch product => PtxTensorForm.TypeOf(product.Kernel, variant) is not null,
        ConvolutionLaunch convolution => PtxTensorWindows.TypeOf(convolution.Kernel) is not null,
        AttentionLaunch attention => PtxTensorAttentionForm.Has(attention),
        _ => false,
    };

    /// <summary>All functions that a launch may start, whatever its sizes are.</summary>
    /// <param name="launch">The launch.</param>
    /// <param name="isGuarded">Whether a flag says if it runs.</param>
    /// <param name="isWide">With places of 64 bits.</param>
    /// <param name="variant">The module's; <see cref="PtxVariant.TensorCores"/> when left out.</param>
    public static IEnumerable<PtxTensorFunction> Functions(Launch launch, bool isGuarded, bool isWide, PtxVariant? variant = null)
    {
        PtxEntry Entry(string name) => new(isGuarded ? PtxTarget.Guarded(name) : name, isGuarded);
        if (launch is not AttentionLaunch { Kernel: var attention } attend)
        {
            var kernel = PtxLaunches.KernelOf(launch)!;
            return All(launch).Select(form => new PtxTensorFunction(Entry(form.NameOf(kernel)).Name, form.Tile.Intensity, () => Function(kernel, form, isGuarded, isWide)));
        }
        return from form in PtxTensorAttentionForm.All(attend)
               from of in PtxTensorAttentionForm.Parts(attention)
               let entry = Entry(form.NameOf(of.Name))
               select new PtxTensorFunction(entry.Name, form.Intensity(of.Part), () => new(
                   entry.Name, of.Part == PtxAttentionPart.Forward ? PtxTensorAttentionForward.Write(attention, form, entry, isWide) : PtxTensorAttentionGradient.Write(attention, form, of.Part, entry, isWide),
                   PtxTensorAttentionForm.Threads, form.SharedBytes(of.Part)));
    }

    /// <summary>All forms that a product or convolution may take, whatever its sizes are.</summary>
    public static IEnumerable<PtxTensorForm> All(Launch launch) => launch switch
    {
        ContractLaunch product => PtxTensorForm.All(product),
        ConvolutionLaunch convolution => PtxTensorWindows.All(convolution),
        _ => throw Unknown(launch),
    };

    /// <summary>The form that it takes under a binding.</summary>
    public static PtxTensorForm Of(Launch launch, DimBinding binding) => launch switch
    {
        ContractLaunch product => PtxTensorForm.Of(product, binding),
        ConvolutionLaunch convolution => PtxTensorWindows.Of(convolution, binding),
        _ => throw Unknown(launch),
    };

    /// <summary>What it starts in one of its forms.</summary>
    public static IEnumerable<PtxLaunch> Start(Launch launch, DimBinding binding, PtxTensorForm form, PtxVariant variant) => launch switch
    {
        ContractLaunch product => PtxLaunches.OnTensorCores(product, binding, form, variant),
        ConvolutionLaunch convolution => PtxLaunches.OnTensorCores(convolution, binding, form, variant),
        _ => throw Unknown(launch),
    };

    /// <summary>A product or convolution for tensor cores in one of its forms.</summary>
    public static PtxTarget.Function Function(Kernel kernel, PtxTensorForm form, bool isGuarded, bool isWide)
    {
        var name = form.NameOf(kernel);
        var entry = new PtxEntry(isGuarded ? PtxTarget.Guarded(name) : name, isGuarded);
        var text = kernel switch
        {
            ProductKernel product => PtxTensorProduct.Write(product, form, entry, isWide),
            ConvolutionKernel convolution => PtxTensorConvolution.Write(convolution, form, entry, isWide),
            _ => throw new NotSupportedException($"Tensor cores compute no {kernel.GetType().Name} ({kernel.Name})."),
        };
        return new(entry.Name, text, form.Tile.Threads, form.Tile.SharedBytes);
    }

    static NotSupportedException Unknown(Launch launch) => new($"Tensor cores compute no {launch.Title}.");
}

/// <summary>A function of a launch on tensor cores.</summary>
/// <param name="Name">Its name in the module.</param>
/// <param name="Intensity">Multiply-adds for each byte that a block reads: what its tile allows at most, wherever operands lie.</param>
/// <param name="Write">Writes it.</param>
public sealed record PtxTensorFunction(string Name, double Intensity, Func<PtxTarget.Function> Write);
