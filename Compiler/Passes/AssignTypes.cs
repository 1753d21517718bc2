using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Typing;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// Of a model of 16 bits: gives each operation the types that its row of the table says (<see cref="TypePolicy"/>), before anything is differentiated, so that the backward pass computes in the types of the forward one. Where a
/// product reads a parameter it reads the parameter's working copy (<see cref="WorkingCopies"/>).
/// </summary>
/// <remarks>
/// Flows in: a program in 32 bits. Flows out: the same with casts, each of which says why it is there, and states for the copies, which <see cref="DerivedStates.Function"/> computes. Arguments and results that callers see, parameters, buffers
/// and what the source casts itself keep their types. Programs of 32 and 64 bits come through untouched.
/// </remarks>
public sealed record AssignTypes() : Pass("AssignTypes")
{
    /// <summary>The 16-bit type that a program trains in; null for others.</summary>
    public static DType? Narrow(Program program) => program.Training.Select(t => t.Narrow).FirstOrDefault(t => t is not null);

    public override Program Run(Program program, CancellationToken cancel = default)
    {
        if (Narrow(program) is not { } narrow) return program;
        var called = Callees.Of(program);
        var scope = new TypeScope(program, narrow);
        foreach (var function in program.Functions)
        {
            cancel.ThrowIfCancellationRequested();
            if (TrainingSignature.IsRule(program, function.Name)) scope.Keep(function); // of masters, in 32 bits
            else if (!called.Contains(function.Name)) scope.Entry(function);
        }
        var copies = scope.Copies.ToList();
        if (copies.Count == 0) return scope.Program;
        program = scope.Program with { States = scope.Program.States.AddRange(copies) };
        var b = new Builder(program, DerivedStates.Function);
        var derive = b.Build([], [.. copies.Select(c => new StateUpdate(c.Path, b.Cast(b.State(program.FindState(WorkingCopies.ParameterOf(c.Path))!), c.Type.DType)))]);
        return program with { Functions = program.Functions.Add(derive) };
    }
}
