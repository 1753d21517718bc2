using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>A model at some stage of the compiler: named dimensions, states and functions. What every pass takes and gives back.</summary>
/// <param name="Name">The model's name.</param>
/// <param name="Dims">The named dimensions with their bounds.</param>
/// <param name="States">Parameters, buffers and optimizer states.</param>
/// <param name="Functions">Entries, losses, training steps and the functions they call.</param>
/// <param name="Operations">The operations that nodes refer to.</param>
public sealed record Program(string Name, ImmutableArray<DimSymbol> Dims, ImmutableArray<StateDecl> States, ImmutableArray<Function> Functions, OperationSet Operations)
{
    /// <summary>Version of the text form; a reader refuses another one.</summary>
    public const int FormatVersion = 1;

    /// <summary>What the functions need of the named dimensions.</summary>
    public ImmutableArray<Requirement> Requirements { get; init; } = [];

    /// <summary>What the functions need of arguments that pick classes and rows.</summary>
    public ImmutableArray<IndexRange> Ranges { get; init; } = [];

    /// <summary>The ways to train it.</summary>
    public ImmutableArray<TrainingProgram> Training { get; init; } = [];

    /// <summary>The modules that compute in another precision than the programs train in.</summary>
    public ImmutableArray<ModulePrecision> Precisions { get; init; } = [];

    /// <summary>The entries that compute operation by operation what is written: nothing is folded into their weights.</summary>
    public ImmutableArray<string> Exact { get; init; } = [];

    /// <summary>The paths of the modules whose calls keep nothing of their inside for the backward pass.</summary>
    public ImmutableArray<string> Checkpoints { get; init; } = [];

    public Function? Find(string name) => Functions.FirstOrDefault(f => f.Name == name);

    public StateDecl? FindState(string path) => States.FirstOrDefault(s => s.Path == path);

    /// <summary>The name; <c>ProgramPrinter</c> writes the text form and <c>ProgramParser</c> reads it back.</summary>
    public override string ToString() => "program " + Name;
}
