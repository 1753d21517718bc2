using System;
using System.Collections.Generic;
using System.Threading;
using Graph.Compiler.Modules.Elaboration;
using Graph.Generators.Diagnostics;
using Graph.Generators.Emission;

namespace Graph.Generators.Caching;

/// <summary>The compiled models of late: the analyzer asks for what the generator has just made, and an undone edit costs nothing.</summary>
static class EmissionCache
{
    const int Capacity = 32;
    static readonly object Gate = new();
    static readonly LinkedList<(ModelInput Input, EmittedModel Output)> Recent = new();

    /// <summary>Compiles a model or remembers it. Never throws but for cancellation.</summary>
    public static EmittedModel Emit(ModelInput input, CancellationToken cancellation)
    {
        lock (Gate)
        {
            for (var node = Recent.First; node is not null; node = node.Next)
            {
                if (!node.Value.Input.Equals(input)) continue;
                Recent.Remove(node);
                Recent.AddFirst(node);
                return node.Value.Output;
            }
        }
        var output = Guarded(input, cancellation);
        lock (Gate)
        {
            Recent.AddFirst((input, output));
            if (Recent.Count > Capacity) Recent.RemoveLast();
        }
        return output;
    }

    static EmittedModel Guarded(ModelInput input, CancellationToken cancellation)
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
        new(input.Class, null, null, [new DiagnosticInfo(id, input.Model.Location, new Compiler.EquatableArray<string>(arguments))], []);
}
