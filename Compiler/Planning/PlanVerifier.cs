using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>
/// What every plan must fulfil, checked from the launches alone: buffers with a place in the arena that live at the same time lie apart (but for a declared in-place pair at its launch), inside the arena and aligned;
/// nothing is read before it is written; arguments are never written; what comes into a loop or leaves it lives through all of it; no launch reads a state's incoming value after another has written the new one.
/// </summary>
public static class PlanVerifier
{
    /// <exception cref="VerificationException">A rule is broken; the message names launch and buffer.</exception>
    public static MemoryPlan Verify(MemoryPlan plan)
    {
        Order(plan);
        Placement(plan);
        Repeats(plan);
        States(plan.Function);
        return plan;
    }

    static Exception Broken(MemoryPlan plan, int launch, string what) =>
        new VerificationException($"{plan.Function.Name} #{launch}{(launch >= 0 && launch < plan.Function.Launches.Length ? " " + plan.Function.Launches[launch].Title : "")}: {what}");

    static void Order(MemoryPlan plan)
    {
        var written = new HashSet<Kernels.Buffer>();
        for (var i = 0; i < plan.Function.Launches.Length; i++)
        {
            var operands = plan.Function.Launches[i].Operands;
            foreach (var operand in operands)
            {
                if (plan.Function.Buffers[operand.Buffer.Id] != operand.Buffer) throw Broken(plan, i, $"the buffer {operand.Buffer} is not number {operand.Buffer.Id} of the function");
                if (operand.IsWritten && operand.Buffer.Kind == BufferKind.Argument) throw Broken(plan, i, $"the argument {operand.Buffer} is written");
                if (!operand.IsWritten && operand.Buffer.Kind is (BufferKind.Arena or BufferKind.Result) && !written.Contains(operand.Buffer))
                    throw Broken(plan, i, $"{operand.Buffer} is read before anything wrote it");
            }
            foreach (var operand in operands)
                if (operand.IsWritten) written.Add(operand.Buffer);
        }
        foreach (var result in plan.Function.Results)
            if (result.Kind is BufferKind.Arena or BufferKind.Result && !written.Contains(result))
                throw Broken(plan, plan.Function.Launches.Length, $"the result {result} is never written");
    }

    static void Placement(MemoryPlan plan)
    {
        foreach (var buffer in plan.Function.Arguments.Concat(plan.Function.Results))
            if (plan.Function.IsPlanned(buffer) && plan.Offsets[buffer.Id] < 0) throw Broken(plan, 0, $"{buffer} has no place in the arena");
        var alive = plan.Function.Buffers.Where(b => plan.Lives[b.Id].Exists).OrderBy(b => plan.Lives[b.Id].First).ToArray();
        foreach (var buffer in alive)
        {
            var offset = plan.Offsets[buffer.Id];
            if (offset < 0 || offset % plan.Function.Alignment != 0 || offset + plan.Bytes[buffer.Id] > plan.ArenaBytes)
                throw Broken(plan, plan.Lives[buffer.Id].First, $"{buffer} of {plan.Bytes[buffer.Id]} bytes at {offset} is outside of the arena of {plan.ArenaBytes} or not aligned");
        }
        for (var i = 0; i < alive.Length; i++)
        {
            var a = alive[i];
            for (var j = i + 1; j < alive.Length && plan.Lives[alive[j].Id].First <= plan.Lives[a.Id].Last; j++)
            {
                var b = alive[j];
                long from = plan.Offsets[a.Id], other = plan.Offsets[b.Id];
                if (plan.Bytes[a.Id] == 0 || plan.Bytes[b.Id] == 0 || from >= other + plan.Bytes[b.Id] || other >= from + plan.Bytes[a.Id]) continue;
                if (IsDeclaredTakeover(plan, a, b) || IsDeclaredTakeover(plan, b, a)) continue;
                throw Broken(plan, plan.Lives[b.Id].First, $"{a} [{from}, {from + plan.Bytes[a.Id]}) and {b} [{other}, {other + plan.Bytes[b.Id]}) live at the same time");
            }
        }
    }

    // What comes into a loop or leaves it must not share its memory with what any iteration makes.
    static void Repeats(MemoryPlan plan)
    {
        var launches = plan.Function.Launches;
        for (var at = 0; at < launches.Length; at++)
        {
            if (launches[at] is BranchLaunch branch && at + branch.Then + branch.Else >= launches.Length) throw Broken(plan, at, $"it chooses among {branch.Then} and {branch.Else} launches, but {launches.Length - at - 1} follow");
            if (launches[at] is not RepeatLaunch repeat) continue;
            int first = at + 1, last = at + repeat.Length;
            if (repeat.Length < 0 || last >= launches.Length) throw Broken(plan, at, $"it repeats {repeat.Length} launches, but {launches.Length - first} follow");
            var inside = new HashSet<Kernels.Buffer>(launches.Skip(first).Take(repeat.Length).SelectMany(l => l.Operands).Select(o => o.Buffer));
            var outside = launches.Take(first).Concat(launches.Skip(last + 1)).SelectMany(l => l.Operands).Select(o => o.Buffer).Concat(plan.Function.Results);
            foreach (var buffer in outside.Where(b => b.Kind == BufferKind.Arena && inside.Contains(b)).Distinct())
                if (plan.Lives[buffer.Id] is var life && (life.First > first || life.Last < last)) throw Broken(plan, at, $"{buffer} is there before or after the loop, but lives from #{life.First} to #{life.Last} only");
        }
    }

    static bool IsDeclaredTakeover(MemoryPlan plan, Kernels.Buffer read, Kernels.Buffer written)
    {
        var index = plan.Lives[written.Id].First;
        if (plan.Lives[read.Id].Last != index || plan.Offsets[read.Id] != plan.Offsets[written.Id] || index >= plan.Function.Launches.Length) return false;
        var launch = plan.Function.Launches[index];
        return launch.InPlace.Any(p => launch.Operands[p.Written].Buffer == written && launch.Operands[p.Read].Buffer == read)
            && plan.Function.Buffers.Count(b => plan.TakesOver[b.Id] == read.Id) == 1;
    }

    // A later launch may read the state's memory for the new value; what it must not do is read it for the old one.
    static void States(LoweredFunction function)
    {
        var donated = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < function.Launches.Length; i++)
        {
            var launch = function.Launches[i];
            foreach (var operand in launch.Operands)
            {
                if (operand.IsWritten || operand.Buffer.Kind != BufferKind.State || !donated.TryGetValue(operand.Buffer.Name, out var writer) || writer == i) continue;
                if (launch.Incoming.Contains(operand.Buffer.Name))
                    throw new VerificationException($"{function.Name} #{i} {launch.Title} reads the state {operand.Buffer.Name} after #{writer} {function.Launches[writer].Title} has written its new value");
            }
            foreach (var operand in launch.Operands)
                if (operand.IsWritten && operand.Buffer.Kind == BufferKind.State && !donated.ContainsKey(operand.Buffer.Name)) donated.Add(operand.Buffer.Name, i);
        }
    }
}
