using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Lowering;

/// <summary>Distributes reductions and stores over passes along the row, and keeps in scratch what is dear and needed by more than one pass.</summary>
public sealed class KernelStages(ScalarPool pool, List<Source> sources, bool mayCache, TargetModel target)
{
    /// <summary>The stages, in order.</summary>
    public ImmutableArray<KernelStage> Result { get; private set; } = [];

    /// <summary>Makes the stages.</summary>
    /// <param name="reductions">With the number of reductions that each stands on.</param>
    /// <param name="stores">Access, value and depth of stores that vary along the row.</param>
    /// <param name="varies">Whether an expression varies along the row.</param>
    public void Make(List<(Reduction Reduction, int Depth)> reductions, List<(int Access, Scalar Value, int Depth)> stores, Func<Scalar, bool> varies)
    {
        var count = Math.Max(reductions.Select(r => r.Depth + 1).DefaultIfEmpty(0).Max(), stores.Select(s => s.Depth + 1).DefaultIfEmpty(0).Max());
        var stages = Enumerable.Range(0, count).Select(depth => new KernelStage(
            [.. reductions.Where(r => r.Depth == depth).Select(r => r.Reduction)], [], [.. stores.Where(s => s.Depth == depth).Select(s => new Store(s.Access, s.Value))])).ToList();
        Result = [.. (mayCache && target.Memory.RowBytes > 0 && count > 1 ? Cache(stages, varies) : stages).Where(s => s.Reductions.Length + s.Stores.Length > 0)];
    }

    List<KernelStage> Cache(List<KernelStage> stages, Func<Scalar, bool> varies)
    {
        var uses = new Dictionary<Scalar, List<int>>();
        for (var i = 0; i < stages.Count; i++)
            foreach (var s in Scalar.Order(Roots(stages[i])))
            {
                if (!uses.TryGetValue(s, out var list)) uses[s] = list = [];
                list.Add(i);
            }
        var dear = new HashSet<Scalar>();
        foreach (var s in Scalar.Order(stages.SelectMany(Roots)))
            if (target.IsDear(s.Op) || s.Arguments.Any(dear.Contains)) dear.Add(s);
        bool Shared(Scalar s) => uses[s].Count > 1 && dear.Contains(s) && varies(s) && s.Type == DType.F32;
        // The largest shared expressions: those that no other shared one, needed by as many stages, contains.
        var inner = new HashSet<Scalar>(uses.Keys.Where(Shared).SelectMany(s => s.Arguments.Where(a => uses[a].Count <= uses[s].Count)));
        var slots = new Dictionary<Scalar, int>();
        foreach (var s in Scalar.Order(stages.SelectMany(Roots)))
            if (Shared(s) && !inner.Contains(s)) slots[s] = slots.Count;
        if (slots.Count == 0) return stages;

        var cached = new Dictionary<Scalar, Scalar>();
        foreach (var slot in slots)
        {
            sources.Add(new Source.Cached(slot.Value));
            cached[slot.Key] = pool.Input(sources.Count - 1, DType.F32);
        }
        var result = new List<KernelStage>();
        var ready = new Dictionary<Scalar, Scalar>();
        for (var i = 0; i < stages.Count; i++)
        {
            var replace = Replacer(ready);
            var fresh = slots.Where(p => uses[p.Key][0] == i).Select(p => new CacheStore(p.Value, replace(p.Key))).ToImmutableArray();
            result.Add(new([.. stages[i].Reductions.Select(r => r with { Value = replace(r.Value) })], fresh, [.. stages[i].Stores.Select(s => s with { Value = replace(s.Value) })]));
            foreach (var pair in slots)
                if (uses[pair.Key][0] == i) ready[pair.Key] = cached[pair.Key];
        }
        return result;
    }

    Func<Scalar, Scalar> Replacer(Dictionary<Scalar, Scalar> replacements)
    {
        var done = new Dictionary<Scalar, Scalar>(replacements);
        return root =>
        {
            foreach (var s in root.Ordered())
                if (!done.ContainsKey(s)) done[s] = s.Arguments.Length == 0 ? s : pool.Make(s, [.. s.Arguments.Select(a => done[a])]);
            return done[root];
        };
    }

    static IEnumerable<Scalar> Roots(KernelStage stage) => stage.Reductions.Select(r => r.Value).Concat(stage.Stores.Select(s => s.Value));
}
