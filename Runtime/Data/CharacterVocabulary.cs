using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;

namespace Graph.Data;

/// <summary>Takes the distinct characters of a text, ordered by code point, as tokens 0, 1, 2, …</summary>
public sealed class CharacterVocabulary
{
    readonly ImmutableArray<Rune> characters;
    readonly Dictionary<Rune, int> tokens;

    /// <summary>The vocabulary of the characters that occur in <paramref name="text"/>.</summary>
    /// <exception cref="ArgumentException">The text is empty, or holds half of a surrogate pair.</exception>
    public CharacterVocabulary(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        CheckPairs(text);
        characters = [.. text.EnumerateRunes().Distinct().Order()];
        tokens = characters.Select((rune, token) => (rune, token)).ToDictionary(pair => pair.rune, pair => pair.token);
    }

    /// <summary>How many characters it knows.</summary>
    public int Count => characters.Length;

    /// <summary>All characters in the order of their tokens; a vocabulary made from it is the same one.</summary>
    public string Characters => string.Concat(characters);

    /// <summary>The tokens of a text, one a character.</summary>
    /// <exception cref="ArgumentException">A character is not in the vocabulary, or half of a surrogate pair.</exception>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        CheckPairs(text);
        var result = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
            result.Add(tokens.TryGetValue(rune, out var token)
                ? token
                : throw new ArgumentException($"The vocabulary of {Count} characters does not hold '{rune}' (U+{rune.Value:X4}).", nameof(text)));
        return [.. result];
    }

    // Half a pair would quietly become U+FFFD, a character of its own.
    static void CheckPairs(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                throw new ArgumentException($"The text holds half of a surrogate pair (U+{(int)text[i]:X4}) at place {i}, which is no character.", nameof(text));
            i++;
        }
    }

    /// <summary>The text of some tokens.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A token is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> sequence)
    {
        var text = new StringBuilder(sequence.Length);
        foreach (var token in sequence)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)token, (uint)Count, nameof(sequence));
            text.Append(characters[token].ToString());
        }
        return text.ToString();
    }
}
