using System.Threading;

namespace Graph.Generators.Emission;

/// <summary>Compiles a model: from definitions to the source of its generated members.</summary>
public static class ModelEmitter
{
    /// <summary>A pure function of its input.</summary>
    public static EmittedModel Emit(ModelInput input, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return new EmittedModel(input.Class.HintName + ".Model.g.cs", null, []);
    }
}
