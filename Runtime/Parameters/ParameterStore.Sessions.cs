using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Runtime.Execution;

namespace Graph;

// What a session has for itself: copies of the states that entries assign, and states whose sizes are the session's own.
public sealed partial class ParameterStore
{
    ImmutableArray<StoredTensor> own = [];

    // The named dimensions of the session's states, as soon as they are known: they never change.
    readonly Dictionary<string, long> sizes = new(StringComparer.Ordinal);

    ParameterStore(ParameterStore root, ImmutableArray<string> states, IReadOnlyDictionary<string, long> sizes)
    {
        declarations = root.declarations;
        this.root = root;
        Gate = root.Gate;
        own = Make(Of(d => states.Contains(d.Path) && d.Type.Shape.IsConstant), "a session's states", null);
        foreach (var tensor in own) root[tensor.Path].CopyTo(tensor);
        contents = Over(root.contents);
        foreach (var (name, size) in sizes) this.sizes[name] = size;
        MakeSized();
    }

    /// <summary>
    /// A store for a session: the same numbers, and copies of the given states, as the model has them now, that nobody else sees. Those whose shapes have named dimensions are made, with their first values, once these are known.
    /// </summary>
    /// <param name="states">Their paths.</param>
    /// <param name="sizes">The named dimensions that are known by now.</param>
    internal ParameterStore ForSession(ImmutableArray<string> states, IReadOnlyDictionary<string, long> sizes)
    {
        if (states.IsEmpty) return root;
        using var inside = Gate.Share();
        ThrowIfDisposed();
        return new(root, states, sizes);
    }

    Contents Over(Contents basis) =>
        new([.. basis.All.Select(t => own.FirstOrDefault(o => o.Path == t.Path) ?? t), .. own.Where(o => !o.Declaration.Type.Shape.IsConstant)], basis.IsTraining, basis);

    /// <summary>
    /// The dimensions of the states that a call uses: what its arguments say has to be what the session has, and what they do not say is what the session has.
    /// </summary>
    /// <param name="function">The function that is called.</param>
    /// <param name="values">The values of its symbols; those that no argument gives are filled in.</param>
    /// <exception cref="ArgumentException">An argument is of another size than the session.</exception>
    /// <exception cref="InvalidOperationException">Nothing says how large a state is.</exception>
    internal void Settle(CompiledFunction function, Span<long> values)
    {
        foreach (var (at, name, argument) in function.StateSizes)
            if (!sizes.TryGetValue(name, out var size))
            {
                if (argument is null)
                    throw new InvalidOperationException($"{function.Name}: nothing says how large {name} of {Sized(name)} is. Make the session with it: NewSession(sizes: [(\"{name}\", …)]), or first call an entry that has an argument with {name}.");
            }
            else if (argument is null) values[at] = size;
            else if (values[at] != size)
                throw new ArgumentException($"{function.Name}: {name} is {values[at]} by the length of {argument}, but this session has {name} = {size}: expected what {Sized(name)} was made with. A session keeps its sizes: make one for each with NewSession().", argument);
    }

    /// <summary>Makes the states of a call, which <see cref="Settle"/> has let through and nothing else has refused.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for them; the session is as before.</exception>
    internal void MakeStates(CompiledFunction function, ReadOnlySpan<long> values)
    {
        if (root == this) return;
        foreach (var (at, name, _) in function.StateSizes) sizes[name] = values[at];
        MakeSized();
    }

    void MakeSized()
    {
        if (sizes.Count == 0) return;
        var binding = new DimBinding(sizes);
        var ready = Of(d => !d.Type.Shape.IsConstant && d.Type.Shape.All(s => s.Symbols.All(sizes.ContainsKey)) && own.All(o => o.Path != d.Path));
        if (ready.Length == 0) return;
        own = own.AddRange(Make(ready, "a session's states", null, binding));
        contents = Over(root.contents);
    }

    string Sized(string name) => declarations.First(d => d.Type.Shape.Any(s => s.Symbols.Contains(name))) is var state ? $"the state {state.Path} {state.Type.Shape}" : "";
}
