namespace Graph.Compiler.Targets.Ptx;

/// <summary>What a module is written for: the version of PTX, and the oldest card that takes it. Which variants run is chosen when a model comes to a card, by what that card can.</summary>
/// <param name="Architecture">The target in the text.</param>
/// <param name="Version">The version of PTX.</param>
/// <param name="Capability">The least compute capability, ten times its number: 80 for 8.0.</param>
/// <param name="SharedBytes">What a block has of shared memory on every card that takes it.</param>
public sealed record PtxVariant(string Architecture, string Version, int Capability, int SharedBytes)
{
    /// <summary>Every card since Volta: all kernels, in plain instructions.</summary>
    public static PtxVariant Portable { get; } = new("sm_70", "7.0", 70, 96 * 1024);

    /// <summary>Ampere and everything after it: products, convolutions and attention of 16-bit numbers on tensor cores. What is not there, the portable module has.</summary>
    public static PtxVariant TensorCores { get; } = new("sm_80", "7.0", 80, PtxTensorTile.MostShared);

    /// <summary>The same, and products of float32 in tf32: only where a project asks for it.</summary>
    public static PtxVariant Tf32 { get; } = TensorCores with { IsTf32 = true };

    /// <summary>Whether products of float32 multiply numbers of 10 bits of fraction on tensor cores (tf32).</summary>
    public bool IsTf32 { get; private init; }

    /// <summary>A line of the module that says so.</summary>
    internal const string Tf32Line = "// products of float32 in tf32\n";

    /// <summary>The newest variant that a card runs.</summary>
    /// <param name="capability">Its compute capability, ten times its number.</param>
    public static PtxVariant Of(int capability) => capability >= TensorCores.Capability ? TensorCores : Portable;

    /// <summary>Whether 16-bit numbers are multiplied on tensor cores.</summary>
    public bool HasTensorCores => Capability >= 80;

    /// <summary>For fingerprints: what bits depend on beside the kernels.</summary>
    public string Text => this == Portable ? $"ptx {Version} {Architecture}" : $"ptx {Portable.Version} {Portable.Architecture} and {Version} {Architecture}{(IsTf32 ? " in tf32" : "")}";
}
