using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;
using Graph.Runtime.Cpu;
using Graph.Runtime.Execution;

namespace Graph;

// What entries and steps of 16 bits compute from the store's numbers alone: merged, cast or normalized weights. Made when an entry first needs it, and anew when an entry needs it of another version.
public sealed partial class ParameterStore
{
    readonly Lock deriving = new();
    long derivedVersion = -1, copiesVersion = -1;
    VectorWidth derivedWidth; // packed weights are laid for its register tiles
    bool? onlyCopies;

    /// <summary>How often derived states were computed.</summary>
    internal long Derivations { get; private set; }

    /// <summary>
    /// Sees to it that the derived states are those of the numbers that are there. The caller shares the gate, so that the version stays while it is inside, and nobody computes them who is not the first: whoever reads
    /// them has found them of this version, which ends with a writer that waits for all readers.
    /// </summary>
    /// <param name="session">Where they are computed: one that the caller has to itself.</param>
    /// <param name="derive">What computes them.</param>
    /// <exception cref="System.OutOfMemoryException">There is no memory for them; the next call tries again.</exception>
    internal void Derive(Session session, CompiledFunction derive)
    {
        if (root != this)
        {
            root.Derive(session, derive);
            return;
        }
        if (Volatile.Read(ref derivedVersion) == Version && derivedWidth == Machine.Current.Width) return;
        lock (deriving)
        {
            if (derivedVersion == Version && derivedWidth == Machine.Current.Width) return;
            Compute(session, derive, all: true);
            Volatile.Write(ref derivedVersion, Version);
        }
    }

    /// <summary>Sees to it, before a training step, that the working copies of parameters are those of the numbers that are there; of what else is derived nothing is made. The caller has the gate alone.</summary>
    /// <inheritdoc cref="Derive"/>
    internal void DeriveCopies(Session session, CompiledFunction derive)
    {
        if (root != this)
        {
            root.DeriveCopies(session, derive);
            return;
        }
        if (copiesVersion == Version) return;
        Compute(session, derive, all: OnlyCopies);
        if (OnlyCopies) derivedVersion = Version;
    }

    /// <summary>Says that a training step has written parameters and working copies together: the copies are of the version that it made. What else is derived is not, if there is anything else.</summary>
    internal void CopiesAreWritten()
    {
        root.copiesVersion = root.Version;
        if (root.OnlyCopies) Volatile.Write(ref root.derivedVersion, root.Version);
    }

    bool OnlyCopies => onlyCopies ??= declarations.All(d => d.Kind != StateKind.Derived || IsCopy(d));

    bool IsCopy(StateDecl state) => state.Kind == StateKind.Derived && WorkingCopies.IsOne(state.Path, declarations);

    // All that is derived, or the working copies alone: only what is computed has memory.
    void Compute(Session session, CompiledFunction derive, bool all)
    {
        var missing = Of(d => d.Kind == StateKind.Derived && (all || IsCopy(d)) && !contents.ByPath.ContainsKey(d.Path));
        if (missing.Length > 0) contents = new(contents.All.AddRange(Make(missing, "derived states", null)), IsTraining);
        derivedVersion = copiesVersion = -1; // until it is done: one that fails is no version
        session.Run(derive, default, []);
        copiesVersion = Version;
        derivedWidth = Machine.Current.Width;
        Derivations++;
    }

    /// <summary>Bytes that derived states have by now.</summary>
    internal long DerivedBytes => root.contents.All.Where(t => t.Kind == StateKind.Derived).Sum(t => t.Bytes);
}
