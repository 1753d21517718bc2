using System;
using System.Collections.Generic;

namespace Graph.Nn;

/// <summary>Layers that go through a sequence step by step: what <see cref="Rnn"/>, <see cref="Lstm"/> and <see cref="Gru"/> share.</summary>
/// <remarks>
/// Parameters are PyTorch's, by name, shape, order and first numbers: <c>weight_ih_l0</c> [gates · hidden, inputs], <c>weight_hh_l0</c> [gates · hidden, hidden], <c>bias_ih_l0</c>, <c>bias_hh_l0</c>, then
/// those of the other direction (<c>weight_ih_l0_reverse</c>, …) and of the next layer (<c>weight_ih_l1</c>, …), all uniform in ±1/√hidden. The inputs' products of all steps are one product before the loop.
/// </remarks>
/// <param name="inputs">The size of the last axis.</param>
/// <param name="hidden">The size of a state.</param>
/// <param name="gates">How many products of that size a step adds up.</param>
/// <param name="states">How many tensors go from step to step.</param>
/// <param name="layers">How many layers lie on each other: each goes through the outputs of the one below.</param>
/// <param name="bias">Whether products have biases.</param>
/// <param name="batchFirst">x is [batch, time, inputs] instead of [time, batch, inputs], and so is the output.</param>
/// <param name="dropout">How much of a layer's output is dropped for the next one while training.</param>
/// <param name="bidirectional">Each layer also goes from the end to the beginning, with weights of its own; the outputs of both lie side by side.</param>
[Module]
public abstract partial class Recurrent(int inputs, int hidden, int gates, int states, int layers, bool bias, bool batchFirst, double dropout, bool bidirectional)
{
    // Weights of inputs and states, then biases of both, for each layer and direction. This name adds no segment to paths.
    readonly Parameter[] _ = Weights(inputs, hidden, gates, layers, bias, bidirectional);

    static Parameter[] Weights(int inputs, int hidden, int gates, int layers, bool bias, bool bidirectional)
    {
        if (layers < 1) throw new ArgumentException($"There are {layers} layers, but at least 1 is needed.");
        var bound = 1 / Math.Sqrt(hidden);
        var weights = new List<Parameter>();
        for (var layer = 0; layer < layers; layer++)
            for (var direction = 0; direction < (bidirectional ? 2 : 1); direction++)
            {
                var suffix = $"_l{layer}{(direction == 1 ? "_reverse" : "")}";
                var width = layer == 0 ? inputs : bidirectional ? 2 * hidden : hidden;
                weights.Add(new Parameter([gates * hidden, width], Init.Uniform(bound), name: "weight_ih" + suffix));
                weights.Add(new Parameter([gates * hidden, hidden], Init.Uniform(bound), name: "weight_hh" + suffix));
                if (!bias) continue;
                weights.Add(new Parameter([gates * hidden], Init.Uniform(bound), name: "bias_ih" + suffix));
                weights.Add(new Parameter([gates * hidden], Init.Uniform(bound), name: "bias_hh" + suffix));
            }
        return weights.ToArray();
    }

    /// <summary>Whether the biases of states can be added to those of inputs before the loop.</summary>
    protected abstract bool AddsBiases { get; }

    /// <summary>One step of one layer: the next states, of which the first is the output.</summary>
    /// <param name="state">The states, each [batch, hidden].</param>
    /// <param name="wide">The inputs' products, [batch, gates · hidden].</param>
    /// <param name="deep">The first state's products, [batch, gates · hidden].</param>
    protected abstract Tensor[] Step(Tensor[] state, Tensor wide, Tensor deep);

    /// <summary>All layers over a sequence: the output, and the last states of all layers and directions, each [layers · directions, batch, hidden].</summary>
    /// <param name="x">[time, batch, inputs], or [batch, time, inputs] with batchFirst.</param>
    /// <param name="start">What the states begin with, each [layers · directions, batch, hidden]; null for zeros.</param>
    /// <param name="lengths">How long each row of the batch is; behind it is padding.</param>
    protected (Tensor Output, Tensor[] States) Run(Tensor x, Tensor?[] start, Tensor? lengths)
    {
        var time = batchFirst ? 1 : 0;
        var directions = bidirectional ? 2 : 1;
        var last = new List<List<Tensor>>();
        for (var s = 0; s < states; s++) last.Add([]);
        for (var layer = 0; layer < layers; layer++)
        {
            if (layer > 0) x = x.Dropout(dropout);
            var outputs = new List<Tensor>();
            for (var direction = 0; direction < directions; direction++)
            {
                var number = layer * directions + direction;
                var first = number * (bias ? 4 : 2);
                Tensor recurrent = _[first + 1];
                Tensor? inside = bias && !AddsBiases ? _[first + 3] : null;
                var wide = bias ? x.Linear(_[first], AddsBiases ? _[first + 2] + _[first + 3] : _[first + 2]) : x.Linear(_[first]);
                var state = new Tensor[states];
                for (var s = 0; s < states; s++) state[s] = start[s]?.Select(0, number) ?? Tensor.Zeros(x.Shape[1 - time], hidden);
                var (end, all) = Tensor.Scan(state, wide, (state, wide) =>
                {
                    var next = Step(state, wide, state[0].Linear(recurrent, inside));
                    return (next, next[0]);
                }, axis: time, reverse: direction == 1, lengths: lengths);
                outputs.Add(all);
                for (var s = 0; s < states; s++) last[s].Add(end[s]);
            }
            x = outputs.Count == 1 ? outputs[0] : Tensor.Concat([outputs[0], outputs[1]], 2);
        }
        var ends = new Tensor[states];
        for (var s = 0; s < states; s++) ends[s] = Tensor.Stack([.. last[s]], 0);
        return (x, ends);
    }
}
