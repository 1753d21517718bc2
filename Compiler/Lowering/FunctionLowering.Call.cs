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

    void Call(Node node)
    {
        if (depth > 0) throw new InvalidOperationException("The body of a loop or branch has no calls: they are inlined.");
        var callee = called[CallOperation.CalleeName(node)!];
        var mapped = new Dictionary<Buffer, Placement>();
        for (var i = 0; i < node.Inputs.Length; i++) mapped[callee.Arguments[i]] = DenseCopy(node.Inputs[i], node);
        for (var i = 0; i < node.Outputs.Length; i++) mapped[callee.Results[i]] = PlaceOf(node.Outputs[i]);
        foreach (var buffer in callee.Buffers)
            if (buffer.Kind == BufferKind.Arena) mapped[buffer] = new(NewBuffer(buffer.Name, BufferKind.Arena, buffer.DType, buffer.Elements), Dim.Zero, []);
        var path = node.Origins.IsEmpty ? "" : node.Origins[0].Path;
        foreach (var launch in callee.Launches)
            launches.Add(launch with
            {
                Origins = [.. launch.Origins.Select(o => o.Under(path))],
                Operands = [.. launch.Operands.Select(o => new Operand(mapped[o.Buffer].Buffer, mapped[o.Buffer].Offset + o.Offset, o.IsWritten))],
                // What it reads of the callee's arguments is from before the call.
                Incoming = [.. launch.Operands.Where(o => !o.IsWritten && o.Buffer.Kind == BufferKind.Argument).Select(o => mapped[o.Buffer].Buffer).Where(b => b.Kind == BufferKind.State).Select(b => b.Name).Distinct()],
            });
    }

    // Whether a result may lie over operands: the callee writes it when it has read them, or with the kernel that reads them element by element.
    bool WritesBehindReads(Node call, int result, ISet<Value> operands)
    {
        var callee = called[CallOperation.CalleeName(call)!];
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
