using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Which launches of a program tensor cores compute, and in which forms.</summary>
public static class PtxTensorLaunch
{
    /// <summary>Whether tensor cores compute a launch.</summary>
    public static bool Has(Launch launch) => launch switch
    {
        ContractLaunch product => PtxTensorForm.TypeOf(product.Kernel) is not null,
        ConvolutionLaunch convolution => PtxTensorWindows.TypeOf(convolution.Kernel) is not null,
        _ => false,
    };

    /// <summary>All forms that a launch may take, whatever its sizes are.</summary>
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
    public static IEnumerable<PtxLaunch> Start(Launch launch, DimBinding binding, PtxTensorForm form) => launch switch
    {
        ContractLaunch product => PtxLaunches.OnTensorCores(product, binding, form),
        ConvolutionLaunch convolution => PtxLaunches.OnTensorCores(convolution, binding, form),
        _ => throw Unknown(launch),
    };

    /// <summary>A kernel for tensor cores in one of its forms.</summary>
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
