using System;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>What attention means, number by number: scores, their exponentials, the weighted values, and the gradients by the formulas of the softmax.</summary>
sealed class AttentionReference
{
    readonly Evaluation e;
    readonly AttentionForm form;
    readonly TensorData query, key, value;
    readonly long batches, heads, group, queries, keys, width, depth;

    public AttentionReference(Evaluation e, AttentionForm form)
    {
        (this.e, this.form) = (e, form);
        (query, key, value) = (e[AttentionForm.Query], e[AttentionForm.Key], e[AttentionForm.Value]);
        (batches, heads, queries, width) = (query.Shape[0], query.Shape[1], query.Shape[2], query.Shape[3]);
        (keys, depth) = (value.Shape[2], value.Shape[3]);
        group = key.Shape[1] == 0 ? 1 : heads / key.Shape[1];
    }

    public void Forward()
    {
        var (output, normalizer) = (e.Create(0), e.Create(1));
        ForEachRow((row, keyRow) =>
        {
            var weights = Weights(row, keyRow, out normalizer.Real[2 * row], out normalizer.Real[2 * row + 1]);
            for (long s = 0; s < keys; s++)
                if (Kept(row, s) is var kept and > 0)
                    for (long i = 0; i < depth; i++) output.Real[Result(row) * depth + i] += weights[s] * kept * value.Real[(keyRow + s) * depth + i];
        });
    }

    public void Backward()
    {
        var gradient = e[form.OutputGradient];
        var (dQuery, dKey, dValue) = (e.Create(0), e.Create(1), e.Create(2));
        var dWeights = new double[keys];
        ForEachRow((row, keyRow) =>
        {
            var weights = Weights(row, keyRow, out _, out _);
            var mean = 0.0; // of the gradients of the weights
            for (long s = 0; s < keys; s++)
            {
                dWeights[s] = 0;
                if (Kept(row, s) is not (var kept and > 0)) continue;
                for (long i = 0; i < depth; i++)
                {
                    dValue.Real[(keyRow + s) * depth + i] += weights[s] * kept * gradient.Real[Result(row) * depth + i];
                    dWeights[s] += kept * gradient.Real[Result(row) * depth + i] * value.Real[(keyRow + s) * depth + i];
                }
                mean += weights[s] * dWeights[s];
            }
            for (long s = 0; s < keys; s++)
            {
                if (weights[s] == 0) continue;
                var score = weights[s] * (dWeights[s] - mean) * form.Scale;
                for (long i = 0; i < width; i++)
                {
                    dQuery.Real[row * width + i] += score * key.Real[(keyRow + s) * width + i];
                    dKey.Real[(keyRow + s) * width + i] += score * query.Real[row * width + i];
                }
            }
        });
    }

    // Calls with the number of each query among all, and that of its first key.
    void ForEachRow(Action<long, long> run)
    {
        for (long row = 0; row < batches * heads * queries; row++)
        {
            var head = row / queries;
            run(row, (head / heads * key.Shape[1] + head % heads / group) * keys);
        }
    }

    // Where a query's weighted values stand: heads lie within queries.
    long Result(long row) => (row / queries / heads * queries + row % queries) * heads + row / queries % heads;

    // The softmax of a row of scores; zeros where no key is seen.
    double[] Weights(long row, long keyRow, out double most, out double sum)
    {
        var scores = new double[keys];
        most = double.NegativeInfinity;
        for (long s = 0; s < keys; s++)
        {
            scores[s] = IsSeen(row, s) ? Score(row, keyRow, s) : double.NegativeInfinity;
            if (scores[s] > most || double.IsNaN(scores[s])) most = scores[s];
        }
        sum = 0;
        for (long s = 0; s < keys && !double.IsNegativeInfinity(most); s++) sum += scores[s] = Math.Exp(scores[s] - most);
        for (long s = 0; s < keys; s++) scores[s] = double.IsNegativeInfinity(most) ? 0 : scores[s] / sum;
        return scores;
    }

    double Score(long row, long keyRow, long s)
    {
        var score = 0.0;
        for (long i = 0; i < width; i++) score += query.Real[row * width + i] * key.Real[(keyRow + s) * width + i];
        return score * form.Scale + (form.HasMask && e[form.Mask].Real is { } added ? added[row * keys + s] : 0);
    }

    bool IsSeen(long row, long s) =>
        (!form.IsCausal || s <= row % queries + (form.HasPosition ? e[form.Position].Int[0] : 0))
        && (!form.HasLengths || s < e[form.Lengths].Int[row / queries / heads])
        && (!form.HasMask || e[form.Mask].Int is not { } seen || seen[row * keys + s] != 0);

    // What a weight is multiplied by: the numbers that decide it are those of a dropout of all scores.
    double Kept(long row, long s)
    {
        if (form.Dropout == 0) return 1;
        long Number(int i) => e[form.Draw + i].Int[0];
        return Philox.Uniform((ulong)Number(0), Philox.Stream(Number(1), Number(2)), (ulong)(row * keys + s + (form.HasFirst ? Number(3) : 0))) >= (float)form.Dropout ? 1 / (1 - form.Dropout) : 0;
    }
}
