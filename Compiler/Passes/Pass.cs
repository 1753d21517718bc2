using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes;

/// <summary>One step of the compiler: a pure function from a program to a program of the same meaning. Deterministic, so that the build and the runtime agree.</summary>
/// <param name="Name">What dumps and error messages call it.</param>
public abstract record Pass(string Name)
{
    /// <summary>Rewrites the program; the given one stays as it is.</summary>
    public abstract Program Run(Program program, CancellationToken cancel = default);

    /// <summary>Runs the pass and checks what it made.</summary>
    /// <exception cref="VerificationException">The result breaks an invariant of the IR; the message names the pass.</exception>
    public Program RunVerified(Program program, CancellationToken cancel = default)
    {
        var result = Run(program, cancel);
        try
        {
            return Verifier.Verify(result);
        }
        catch (VerificationException e)
        {
            throw new VerificationException($"after {Name}: {e.Message}");
        }
    }
}

/// <summary>A pass that rewrites each function by itself.</summary>
public abstract record FunctionPass(string Name) : Pass(Name)
{
    public sealed override Program Run(Program program, CancellationToken cancel = default)
    {
        // Callees stand before their callers, so a call finds the rewritten callee.
        var result = program with { Functions = [] };
        foreach (var function in program.Functions)
        {
            cancel.ThrowIfCancellationRequested();
            result = result with { Functions = result.Functions.Add(Run(function, result, cancel)) };
        }
        return result;
    }

    /// <summary>The rewritten function.</summary>
    /// <param name="function">The function as it was.</param>
    /// <param name="program">The program with the functions before this one rewritten, in which calls are resolved.</param>
    /// <param name="cancel">Looked at now and then.</param>
    public abstract Function Run(Function function, Program program, CancellationToken cancel);
}
