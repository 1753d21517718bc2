using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Compiler.Lowering;

// Calls: the callee's launches, which were made once, over the call's buffers. The plan sees one flat list, so what a call makes and uses up is packed with everything else.
sealed partial class FunctionLowering
{
    static bool IsCall(Node node) => node.Operation == StructureOperations.Call;

    readonly List<LaunchCall> calls = [];

    void Call(Node node)
    {
        if (depth > 0) throw new InvalidOperationException("The body of a loop or branch has no calls: they are inlined.");
        var template = called[CallOperation.CalleeName(node)!];
        var places = new Operand[node.Inputs.Length + node.Outputs.Length];
        for (var i = 0; i < places.Length; i++)
        {
            var isWritten = i >= node.Inputs.Length;
            var place = isWritten ? PlaceOf(node.Outputs[i - node.Inputs.Length]) : DenseCopy(node.Inputs[i], node);
            places[i] = new(place.Buffer, place.Offset, isWritten);
        }
        var first = buffers.Count;
        template.AddBuffers(buffers);
        calls.Add(template.AddLaunches(launches, buffers, first, [.. places], node.Origins.IsEmpty ? "" : node.Origins[0].Path));
    }

    // Whether a result may lie over operands: the callee writes it when it has read them, or with the kernel that reads them element by element.
    bool WritesBehindReads(Node call, int result, ICollection<Value> operands)
    {
        var callee = called[CallOperation.CalleeName(call)!].Body;
        var written = callee.Results[result];
        var read = new HashSet<Buffer>();
        for (var i = 0; i < call.Inputs.Length; i++)
        {
            if (!operands.Contains(call.Inputs[i])) continue;
            if (call.Inputs[i].State is null) return false; // a view, whose elements lie elsewhere
            read.Add(callee.Arguments[i]);
        }
        var isWritten = false;
        foreach (var launch in callee.Launches)
        {
            var writes = Enumerable.Range(0, launch.Operands.Length).Where(i => launch.Operands[i].Buffer == written && launch.Operands[i].IsWritten).ToList();
            for (var i = 0; i < launch.Operands.Length; i++)
            {
                if (!read.Contains(launch.Operands[i].Buffer)) continue;
                if (isWritten || writes.Any(w => launch.Operands[w].Offset != launch.Operands[i].Offset || !launch.InPlace.Contains(new InPlace(w, i)))) return false;
            }
            isWritten |= writes.Count > 0;
        }
        return true;
    }
}
