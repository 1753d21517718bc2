using System.Collections.Generic;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Lowering;

/// <summary>The functions that others call, lowered once each, when the first call is: its launches are what every call appends over its own buffers.</summary>
sealed class CalledFunctions(Program program, KernelTable kernels, TargetModel target, CancellationToken cancel)
{
    readonly Dictionary<string, LaunchTemplate> lowered = [];

    public LaunchTemplate this[string name]
    {
        get
        {
            if (!lowered.TryGetValue(name, out var template)) lowered.Add(name, template = new(new FunctionLowering(program, program.Find(name)!, kernels, target, this).Lower(cancel)));
            return template;
        }
    }
}
