using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Runtime.Execution;

namespace Graph;

// What entries compute from the store's numbers alone: merged, cast or normalized weights. Made when an entry first needs it, and anew when an entry needs it of another version.
public sealed partial class ParameterStore
{
    readonly Lock deriving = new();
    long derivedVersion = -1;

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
        if (Volatile.Read(ref derivedVersion) == Version) return;
        lock (deriving)
        {
            if (derivedVersion == Version) return;
            if (!contents.All.Any(t => t.Kind == StateKind.Derived)) contents = new(contents.All.AddRange(Make(declarations.Where(d => d.Kind == StateKind.Derived), "derived states", null)), IsTraining);
            derivedVersion = -1; // until it is done: one that fails is no version
            session.Run(derive, [], []);
            Derivations++;
            Volatile.Write(ref derivedVersion, Version);
        }
    }
}
