using System;

namespace Graph.PtxEmulator;

/// <summary>A place in PTX text: line and column count from 1, <see cref="Offset"/> counts characters from 0.</summary>
public readonly record struct Position(int Line, int Column, int Offset)
{
    public override string ToString() => $"{Line}:{Column}";
}

/// <summary>A range of characters in PTX text.</summary>
public readonly record struct Span(Position Start, int Length)
{
    public int End => Start.Offset + Length;
}

/// <summary>PTX text that cannot be understood, or that the emulator does not model: nothing is ever skipped.</summary>
public sealed class PtxSyntaxException(Position position, string message) : Exception($"PTX line {position.Line}, column {position.Column}: {message}")
{
    /// <summary>Where the text is wrong.</summary>
    public Position Position { get; } = position;
}
