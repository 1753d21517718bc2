using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Scheduling;

/// <summary>
/// A new state is written over the old one. That is sound when nothing reads the old value, itself or through a view, after the node that makes the new one; <see cref="Schedule"/> sees to it.
/// </summary>
public static class Donation
{
    /// <summary>Checks a scheduled function.</summary>
    /// <exception cref="VerificationException">A node reads a state after its new value was written; the message names both.</exception>
    public static void Verify(Function function)
    {
        var storage = new Storage(function, null);
        var index = function.Nodes.SelectMany((n, i) => n.Outputs.Select(o => (o, i))).ToDictionary(p => p.o, p => p.i);
        foreach (var update in function.Updates)
        {
            if (function.States.FirstOrDefault(s => s.State == update.Path) is not { } state || Storage.Writer(update.Value) is not { } written || !index.TryGetValue(written, out var at)) continue;
            for (var i = at + 1; i < function.Nodes.Length; i++)
            {
                var node = function.Nodes[i];
                if (!storage.IsAlias(node) && node.Inputs.Any(v => storage[v] == storage[state]))
                    throw new VerificationException($"{function.Name}, node {i} ({node.Name}): reads the state {update.Path} after node {at} ({function.Nodes[at].Name}) has written its new value");
            }
            if (function.Results.Any(r => storage[r] == storage[state]))
                throw new VerificationException($"{function.Name} returns the old value of the state {update.Path}, which node {at} ({function.Nodes[at].Name}) overwrites");
        }
    }

    /// <summary>Checks every function of a scheduled program.</summary>
    public static Program Verify(Program program)
    {
        foreach (var function in program.Functions) Verify(function);
        return program;
    }
}
