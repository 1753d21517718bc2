using System.Collections.Immutable;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels;

/// <summary>
/// Brings an operand into the form in which the target's products or convolutions work with it, once, so that they need not in each call. What the form is is the target's business, as it is how it packs in a launch: it
/// says how many bytes are enough on each of its machines (<see cref="PackingModel"/>). A target without machines that differ may keep rows as they are.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Form">What the operand is of.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Sizes">Of a convolution's weight filters, channels of a group, height and width of the window; of a product's right operand the summed extent and the columns.</param>
/// <param name="Groups">Of a convolution; 1 for a product.</param>
/// <param name="From">Where its elements lie, over (filter, channel, row, column) or (k, n).</param>
/// <param name="To">Where the packed form goes.</param>
/// <param name="Sums">How the sums are cut that it goes into.</param>
/// <param name="Packing">How it is packed.</param>
public sealed record PackKernel(string Name, PackedOperands Form, DType Type, ImmutableArray<Extent> Sizes, int Groups, Access From, Access To, ProductSums Sums, PackingModel Packing) : Kernel(Name)
{
    string? text;

    public override bool IsGenerated => false;

    public override string Text => text ??= Print();

    string Print()
    {
        var text = new StringBuilder();
        text.Append("pack ").Append(Form == PackedOperands.ProductRight ? "right" : "weight").Append(' ').Append(Type.Name()).Append('\n');
        text.Append("  sizes ").Append(string.Join(",", Sizes)).Append('\n');
        text.Append("  groups ").Append(Groups).Append('\n');
        text.Append("  from ").Append(From).Append('\n');
        text.Append("  to ").Append(To).Append('\n');
        text.Append("  sums ").Append(Sums.Text).Append('\n');
        text.Append("  packing ").Append(Packing.Text).Append('\n');
        return text.ToString();
    }
}

/// <summary>Packs an operand: the first of the two is read, the other written.</summary>
/// <param name="Origins">Where what reads it came from.</param>
/// <param name="Operands">Both.</param>
/// <param name="Kernel">What it packs.</param>
/// <param name="Dims">The kernel's arguments.</param>
public sealed record PackLaunch(ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, PackKernel Kernel, ImmutableArray<Dim> Dims) : Launch(Origins, Operands, [])
{
    public override string Title => Kernel.Name;
}
