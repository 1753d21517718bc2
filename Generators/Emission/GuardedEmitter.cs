using System;
using System.Threading;
using Graph.Compiler;
using Graph.Compiler.Modules.Elaboration;
using Graph.Generators.Diagnostics;

namespace Graph.Generators.Emission;

/// <summary>The compilation of a model as a total function: whatever goes wrong is a diagnostic.</summary>
static class GuardedEmitter
{
    /// <summary>Never throws but for cancellation.</summary>
    public static EmittedModel Emit(ModelInput input, CancellationToken cancellation)
    {
        try
        {
            return ModelEmitter.Emit(input, cancellation);
        }
        catch (InsufficientExecutionStackException)
        {
            return Failed(input, Descriptors.TooDeep.Id, input.Class.Name);
        }
        catch (OverflowException)
        {
            return Failed(input, DiagnosticIds.TooManyElements, $"The sizes of {input.Class.Name} multiply to more than 64 bits hold, so that its work cannot be counted. Lower the upper bounds of its dimensions.");
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return Failed(input, Descriptors.InternalError.Id, input.Class.Name, exception.GetType().Name + ": " + exception.Message);
        }
    }

    static EmittedModel Failed(ModelInput input, string id, params string[] arguments) =>
        new(input.Class, null, null, null, [new DiagnosticInfo(id, input.Model.Location, new EquatableArray<string>(arguments))], []);
}
