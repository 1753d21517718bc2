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
            Compute(session, derive);
            copiesVersion = Version;
            Volatile.Write(ref derivedVersion, Version);
        }
    }

    /// <summary>Sees to it, before a training step, that the working copies of parameters are those of the numbers that are there. The caller has the gate alone.</summary>
    /// <inheritdoc cref="Derive"/>
    internal void DeriveCopies(Session session, CompiledFunction derive)
    {
        if (root != this)
        {
            root.DeriveCopies(session, derive);
            return;
        }
        if (copiesVersion == Version) return;
        Compute(session, derive);
        (copiesVersion, derivedVersion) = (Version, Version);
    }

    /// <summary>Says that a training step has written parameters and working copies together: the copies are of the version that it made. What else is derived is not, if there is anything else.</summary>
    internal void CopiesAreWritten()
    {
        root.copiesVersion = root.Version;
        if (root.OnlyCopies) Volatile.Write(ref root.derivedVersion, root.Version);
    }

    bool OnlyCopies => onlyCopies ??= declarations.Where(d => d.Kind == StateKind.Derived).All(d => WorkingCopies.ParameterOf(d.Path) is var path && declarations.Any(p => p.Path == path && p.Kind == StateKind.Parameter));

    void Compute(Session session, CompiledFunction derive)
    {
        if (!contents.All.Any(t => t.Kind == StateKind.Derived)) contents = new(contents.All.AddRange(Make(Of(d => d.Kind == StateKind.Derived), "derived states", null)), IsTraining);
        derivedVersion = copiesVersion = -1; // until it is done: one that fails is no version
        session.Run(derive, default, []);
        derivedWidth = Machine.Current.Width;
        Derivations++;
    }
}
