using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>A function while it is built: its builder, the states it has read and written, and the random streams it has used.</summary>
/// <param name="builder">Where its operations go.</param>
/// <param name="isTraining">Whether it is part of a training step.</param>
/// <param name="seed">Makes the argument that random operations draw from, when the first one does; null where nothing may be drawn.</param>
/// <param name="keepsStates">Whether what is assigned to states outlives a call: in training steps and entries, but not where a loss is only evaluated.</param>
class FunctionBuild(Builder builder, bool isTraining, Func<Value>? seed, bool keepsStates)
{
    /// <summary>The calls of modules' methods, each behind those that it made itself.</summary>
    public List<MethodCall> Calls { get; } = [];

    /// <summary>What can be repeated without being evaluated: calls by class and method.</summary>
    public Dictionary<(string Class, string Method), List<RecordedCall>> Recorded { get; } = [];

    /// <summary>What was read and written, in order.</summary>
    public List<Access> Accesses { get; } = [];

    /// <summary>How many streams were given names.</summary>
    public int Streams { get; private set; }

    /// <summary>The nodes that repeated calls stand for.</summary>
    public int Spared { get; set; }

    readonly HashSet<Value> own = [];
    int known; // nodes whose values it has

    /// <summary>Takes a value that no node of the function makes for its own: an argument.</summary>
    public void Give(Value value) => own.Add(value);

    /// <summary>Whether a tensor belongs to this function.</summary>
    public bool Has(Value value)
    {
        for (; known < Builder.Nodes.Count; known++) own.UnionWith(Builder.Nodes[known].Outputs);
        return own.Contains(value);
    }

    /// <summary>Notes that a parameter or state was read or written.</summary>
    public void Note(Handle handle, Value value, bool isWritten)
    {
        Accesses.Add(new(handle, value, isWritten));
        own.Add(value);
    }

    /// <summary>Values that are what others are, of another call.</summary>
    public void MadeAs(IEnumerable<(Value Known, Value Value)> values)
    {
        foreach (var (like, value) in values)
            if (makers.TryGetValue(like, out var maker)) makers[value] = maker;
    }

    /// <summary>The states' values at this point.</summary>
    protected Dictionary<Handle, Value> Current { get; } = [];

    /// <summary>What stands in the place of parameters, computed once in the function.</summary>
    public Dictionary<Handle, Value> Substituted { get; } = [];

    /// <summary>The states that were assigned, in order.</summary>
    protected List<Handle> Written { get; } = [];
    readonly Dictionary<string, int> streams = new(StringComparer.Ordinal);

    readonly Dictionary<Value, string> makers = [];

    /// <summary>The operation whose call gave a value: what the source says, where that stands for several operations.</summary>
    public virtual string? Maker(Value value) => makers.TryGetValue(value, out var maker) ? maker : null;

    public void Made(ImmutableArray<Value> results, Operation by)
    {
        // A call that changes nothing gives its operand, which keeps its own maker.
        foreach (var result in results)
            if (!makers.ContainsKey(result)) makers[result] = by.Name;
    }

    public Builder Builder { get; } = builder;
    public bool IsTraining { get; } = isTraining;

    Value? seedValue;

    /// <summary>The argument that random operations draw from; null where nothing may be drawn.</summary>
    public virtual Value? Seed => seedValue ??= seed?.Invoke();

    /// <summary>The number of the iteration in the body of a loop, i64[]: in nested loops it counts the iterations of all. Null elsewhere.</summary>
    public virtual Value? Iteration => null;

    /// <summary>What a random operation of the module at <paramref name="path"/> takes: seed, a stream of its own, iteration. Null where nothing may be drawn.</summary>
    public ImmutableArray<Value>? Draw(string path) => Seed is not { } from ? null
        : [from, Builder.Emit("random_stream", [], ("name", Stream(path))), Iteration ?? Builder.Constant(0, DType.I64)];

    /// <summary>A tensor as this function sees it: itself, and in the body of a loop what stands for one from around it.</summary>
    public virtual Value Own(Value value) => value;

    /// <summary>A state's value at this point: the incoming one, or what was assigned last.</summary>
    public virtual Value Read(Handle handle)
    {
        if (!Current.TryGetValue(handle, out var value)) Current[handle] = value = Builder.State(handle.Declaration);
        Note(handle, value, isWritten: false);
        return value;
    }

    public virtual void Write(Handle handle, Value value)
    {
        Current[handle] = value;
        Note(handle, value, isWritten: true);
        if (!Written.Contains(handle)) Written.Add(handle);
    }

    /// <summary>Whether it is the loss of a training step, which changes the model.</summary>
    public bool IsStep => IsTraining && keepsStates;

    /// <summary>The new values of the states that were assigned.</summary>
    public ImmutableArray<StateUpdate> Updates => !keepsStates ? [] : [.. Written.Select(h => new StateUpdate(h.Path!, Current[h]))];

    /// <summary>A name for the next random stream of the module at <paramref name="path"/>: the same in every build of the same model.</summary>
    public virtual string Stream(string path)
    {
        Streams++;
        streams.TryGetValue(path, out var ordinal);
        streams[path] = ordinal + 1;
        return path + "#" + ordinal.ToString(CultureInfo.InvariantCulture);
    }
}
