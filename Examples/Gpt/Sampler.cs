using System;
using System.Linq;
using System.Threading;
using Graph.Data;

namespace Graph.Examples.Gpt;

/// <summary>Writes text: one character at a time, drawn from the model's distribution over the next one.</summary>
sealed class Sampler(CharacterGpt model, CharacterVocabulary vocabulary, ulong seed, float temperature)
{
    const int Context = 64, Vocabulary = 256;

    readonly Random random = new((int)(seed & int.MaxValue));
    readonly float[] logits = new float[Context * Vocabulary];

    /// <summary>So many characters that follow <paramref name="prompt"/>; unknown characters of the prompt are left out.</summary>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public string Write(string prompt, int count, CancellationToken cancel)
    {
        var known = new string([.. prompt.Where(vocabulary.Characters.Contains)]);
        var window = new int[Context];
        var length = 0;
        foreach (var token in vocabulary.Encode(known.Length > 0 ? known : vocabulary.Characters[..1]).TakeLast(Context)) window[length++] = token;
        var written = new int[count];
        for (var i = 0; i < count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            // What lies behind the last character does not reach it: attention is causal.
            model.Predict(window, logits);
            written[i] = Draw(logits.AsSpan((length - 1) * Vocabulary, vocabulary.Count));
            if (length == Context) window.AsSpan(1).CopyTo(window);
            else length++;
            window[length - 1] = written[i];
        }
        return vocabulary.Decode(written);
    }

    int Draw(ReadOnlySpan<float> scores)
    {
        var greatest = float.NegativeInfinity;
        foreach (var score in scores) greatest = Math.Max(greatest, score);
        double sum = 0;
        foreach (var score in scores) sum += Math.Exp((score - greatest) / Math.Max(temperature, 1e-4));
        var left = random.NextDouble() * sum;
        for (var i = 0; i < scores.Length; i++)
        {
            left -= Math.Exp((scores[i] - greatest) / Math.Max(temperature, 1e-4));
            if (left <= 0) return i;
        }
        return scores.Length - 1;
    }
}
