using System;
using System.Linq;
using System.Threading;
using Graph.Data;

namespace Graph.Examples.Gpt;

/// <summary>
/// Writes text: one character at a time, drawn from the model's distribution over the next one. It looks at as many as the model's context holds; when that is full, at the later half of it, and on from there.
/// </summary>
/// <param name="readsAgain">Reads all that it looks at for each character, instead of the one that is new: the same text, slower.</param>
sealed class Sampler(CharacterGpt model, CharacterVocabulary vocabulary, ulong seed, float temperature, bool readsAgain)
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
        var (length, read) = (0, 0);
        foreach (var token in vocabulary.Encode(known.Length > 0 ? known : vocabulary.Characters[..1]).TakeLast(Context)) window[length++] = token;
        var written = new int[count];
        using var session = model.NewSession(); // keys and values of what was read are its own
        for (var i = 0; i < count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            written[i] = Draw((readsAgain ? OfAll(window, length) : OfNew(session, window.AsSpan(read, length - read), read))[..vocabulary.Count]);
            read = length;
            if (length == Context)
            {
                // A character's place is part of what is kept of it, so those that move are read again.
                (length, read) = (Context / 2, 0);
                window.AsSpan(Context - length).CopyTo(window);
            }
            window[length++] = written[i];
        }
        return vocabulary.Decode(written);
    }

    // What lies behind the last character does not reach it: attention is causal.
    ReadOnlySpan<float> OfAll(int[] window, int length)
    {
        model.Predict(window, logits);
        return logits.AsSpan((length - 1) * Vocabulary, Vocabulary);
    }

    ReadOnlySpan<float> OfNew(CharacterGpt session, ReadOnlySpan<int> characters, int at)
    {
        var next = logits.AsSpan(0, Vocabulary);
        session.Next(characters, [at], next);
        return next;
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
