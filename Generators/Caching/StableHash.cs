using System;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Caching;

/// <summary>FNV-1a over the texts of tokens: 64 bits, so that two declarations with one hash are never met in practice.</summary>
struct StableHash()
{
    const ulong Prime = 1099511628211;

    public ulong Value { get; private set; } = 14695981039346656037;

    public void Add(string text, int start = 0)
    {
        var value = Value;
        for (var i = start; i < text.Length; i++) value = (value ^ text[i]) * Prime;
        Value = (value ^ 0xffff) * Prime;
    }

    public void Add(ulong number) => Value = (Value ^ number) * Prime;
}
