using System;
using System.Collections.Generic;
using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>Colours from coordinates by way of sines and cosines, as NeRF does: build-time loops over powers of two, a list of tensors.</summary>
[Model]
[Dim("B", Max = 64, Typical = 32)]
public sealed partial class RadianceField
{
    const int Frequencies = 3;

    readonly Linear first = new(4 * Frequencies, 64), second = new(64, 64), last = new(64, 3);

    static Tensor Encode(Tensor x)
    {
        var parts = new List<Tensor>();
        for (var f = 0; f < Frequencies; f++)
        {
            parts.Add((x * Math.Pow(2, f)).Sin());
            parts.Add((x * Math.Pow(2, f)).Cos());
        }
        return Tensor.Concat([.. parts], -1);
    }

    [Entry]
    public Tensor Colour([Shape("B", 2)] Tensor place) => last.Forward(second.Forward(first.Forward(Encode(place)).Relu()).Relu()).Sigmoid();

    [Loss]
    public Tensor Loss([Shape("B", 2)] Tensor place, [Shape("B", 3)] Tensor colour) => Losses.Huber(Colour(place), colour, 0.1);

    [Train]
    static AdamW Optimizer() => new(learningRate: 5e-3);
}
