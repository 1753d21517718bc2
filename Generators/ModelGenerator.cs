using Microsoft.CodeAnalysis;

namespace Graph.Generators;

/// <summary>Compiles models while the C# compiler runs.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class ModelGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
    }
}
