using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>Carries a diagnostic out of the evaluation; never leaves the elaborator.</summary>
sealed class ElaborationException(GraphDiagnostic diagnostic) : Exception(diagnostic.Message)
{
    public GraphDiagnostic Diagnostic { get; } = diagnostic;
}

/// <summary>How a statement ended.</summary>
enum Completion
{
    Normal,
    Break,
    Continue,
    Return,
}

/// <summary>
/// Evaluates expressions and statements as C# would, except that tensors are values of the function being built.
/// Bounded in steps, depth and size, so that it ends on every input.
/// </summary>
sealed partial class Evaluator(Definitions definitions, OperationSet operations, IReadOnlyDictionary<string, DimSymbol> dims, IReadOnlyList<TargetModel> targets, CancellationToken cancel)
{
    /// <summary>Expressions and statements that may be evaluated: GPT-2 takes some ten thousand.</summary>
    const int Fuel = 2_000_000;

    /// <summary>Calls within calls.</summary>
    const int MaximumDepth = 200;

    /// <summary>Operands of one operation.</summary>
    const int MaximumOperands = 10_000;

    /// <summary>Nodes of one function.</summary>
    const int MaximumNodes = 200_000;

    readonly List<Location> origins = [];
    readonly Dictionary<Location, int> entries = [];
    int steps;
    Frame frame = null!;
    object? returned;

    /// <summary>What is being evaluated, for errors that do not know their place.</summary>
    Location place = Location.None;

    /// <summary>The model's parameters and states by path, once it is constructed.</summary>
    public IReadOnlyDictionary<string, Handle> Handles { get; set; } = new Dictionary<string, Handle>();

    public Handle? HandleAt(string path) => Handles.TryGetValue(path, out var handle) ? handle : null;

    /// <summary>Why a target has no tensors of this element type; null when all have.</summary>
    public string? Refuse(DType type) => Refusals(t => t.Refuse(type));

    // What the targets refuse, each reason once; null when none does.
    string? Refusals(Func<TargetModel, string?> refusal) =>
        targets.Select(refusal).OfType<string>().Distinct(StringComparer.Ordinal).ToList() is { Count: > 0 } reasons ? string.Join(". ", reasons) : null;

    /// <summary>What is too large about a tensor; null when nothing is.</summary>
    public string? TooLarge(string subject, Shape shape, bool isSeen = false) => SizeLimits.Refuse(subject, shape, dims, isSeen);

    /// <summary>A value as messages name it.</summary>
    public string Name(object? value) => Describe(value);

    /// <summary>Starts over for another function of the model, with new fuel.</summary>
    public void Enter(string callee, string className, Instance? self, Location location)
    {
        steps = 0;
        work = 0;
        givenUp = 0;
        changed.Clear();
        frame = new(callee, self, className, IsOwn: true, location, null);
        place = location;
    }

    void Step(Location location)
    {
        place = location;
        if ((++steps & 1023) == 0) cancel.ThrowIfCancellationRequested();
        if (steps > Fuel)
            throw Fail(DiagnosticIds.OutOfFuel, location, FormattableString.Invariant($"Building the model was stopped after {Fuel:N0} steps. Does a loop here never end?"));
        RuntimeHelpers.EnsureSufficientExecutionStack();
    }

    /// <summary>An error at a place: moved out to the model's own assembly if the place lies in a library.</summary>
    public ElaborationException Fail(string id, Location location, string message)
    {
        var calls = new List<CallSite>();
        for (var f = frame; f?.Caller?.Caller is not null; f = f.Caller)
        {
            calls.Add(new(f.Callee, f.CallLocation));
            if (calls.Count == 16) break;
        }
        var own = Own(location);
        return new(new(id, own, message, [.. calls], own == location ? null : location));
    }

    ElaborationException NotKnown(Location location, string message) => Fail(DiagnosticIds.NotKnown, location, message);

    ElaborationException WouldThrow(Location location, string message) => Fail(DiagnosticIds.Failed, location, message);

    /// <summary>The diagnostic for an exception that the evaluation did not foresee.</summary>
    public GraphDiagnostic Unforeseen(Exception e) => (e switch
    {
        InsufficientExecutionStackException => Fail(DiagnosticIds.TooDeep, place, "Expressions and calls nest too deeply here to be evaluated. Does a method call itself without end?"),
        OverflowException => Fail(DiagnosticIds.TooManyElements, place, "The sizes of tensors multiply here to more than 64 bits hold."),
        OutOfMemoryException => Fail(DiagnosticIds.TooLarge, place, "What is built here is larger than memory."),
        _ => Fail(DiagnosticIds.Internal, place, $"The model compiler has a defect: {e.GetType().Name}: {e.Message}"),
    }).Diagnostic;

    /// <summary>The place itself or, when the code that runs lies in a library, the innermost call from the model's own assembly.</summary>
    Location Own(Location location)
    {
        for (var f = frame; f is not null && !f.IsOwn; f = f.Caller) location = f.CallLocation;
        return location;
    }

    /// <summary>Runs a body as a call and gives what it returns.</summary>
    object? Call(string callee, Instance? self, string className, bool isOwn, BlockStatement body, Scope scope, Location location)
    {
        var caller = frame;
        Push(new(callee, self, className, isOwn, location, caller));
        try
        {
            returned = null;
            Execute(body, scope);
            var result = returned;
            returned = null;
            return Sound(result);
        }
        catch (ElaborationException thrown) when (thrown.Diagnostic.Id == DiagnosticIds.Thrown)
        {
            // The code that refuses goes no further; its callers do.
            Keep(thrown);
            throw new PoisonedException();
        }
        finally
        {
            frame = caller;
        }
    }

    void Push(Frame callee)
    {
        if (callee.Depth > MaximumDepth)
            throw Fail(DiagnosticIds.TooDeep, callee.CallLocation, FormattableString.Invariant($"More than {MaximumDepth} calls lie within each other here. Does {callee.Callee} call itself without end?"));
        frame = callee;
    }
}
