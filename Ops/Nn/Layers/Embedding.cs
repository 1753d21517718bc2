namespace Graph.Nn;

/// <summary>A table of vectors looked up by number; ids: [...] → [..., width].</summary>
/// <remarks>As torch.nn.Embedding: <c>weight</c> [count, width], normal with standard deviation 1 unless another is given.</remarks>
/// <param name="count">The number of vectors: ids are from 0 to count − 1.</param>
/// <param name="width">The size of each.</param>
/// <param name="std">The standard deviation of the first numbers.</param>
[Module]
public sealed partial class Embedding(int count, int width, double std = 1)
{
    readonly Parameter weight = new([count, width], Init.Normal(std));

    /// <summary>The table, [count, width]; a language model may use it once more to score every token.</summary>
    public Parameter Weight => weight;

    /// <summary>[...] of integers → [..., width]</summary>
    public Tensor Forward(Tensor ids) => weight.Embedding(ids);
}
