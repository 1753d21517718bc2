using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Space;

/// <summary>
/// The axes that reductions run over, in the order of their operand: runs of atoms that lie behind one another there, of which each is one axis of a loop nest. An order of summation is said in these terms.
/// </summary>
public static class ReducedRuns
{
    /// <summary>The runs that several reductions have in common; default when they differ, as those of a tensor and its transpose do.</summary>
    public static ImmutableArray<ImmutableArray<Atom>> Of(AxisMap map, IEnumerable<Node> reduces)
    {
        ImmutableArray<ImmutableArray<Atom>> common = default;
        foreach (var reduce in reduces)
        {
            var runs = Of(map, reduce);
            if (common.IsDefault) common = runs;
            else if (common.Length != runs.Length || common.Zip(runs, (a, b) => a.SequenceEqual(b)).Contains(false)) return default;
        }
        return common;
    }

    static ImmutableArray<ImmutableArray<Atom>> Of(AxisMap map, Node reduce)
    {
        var reduced = new HashSet<Atom>(map.Reduced(reduce));
        var runs = ImmutableArray.CreateBuilder<ImmutableArray<Atom>>();
        var isInside = false;
        foreach (var atom in map.Atoms(reduce.Inputs[0]))
        {
            if (!reduced.Contains(atom)) isInside = false;
            else if (isInside) runs[runs.Count - 1] = runs[runs.Count - 1].Add(atom);
            else
            {
                runs.Add([atom]);
                isInside = true;
            }
        }
        return runs.ToImmutable();
    }

    /// <summary>Whether a value passes a run as one axis: it does not vary along it, or has all of it, one atom behind the other.</summary>
    public static bool IsOneAxis(AxisMap map, Value value, ImmutableArray<Atom> run)
    {
        var atoms = map.Atoms(value);
        var first = atoms.IndexOf(run[0]);
        return first < 0 ? !run.Any(atoms.Contains) : first + run.Length <= atoms.Length && run.SequenceEqual(atoms.Skip(first).Take(run.Length));
    }
}
