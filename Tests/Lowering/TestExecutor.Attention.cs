using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Operations;

namespace Graph.Tests.Lowering;

// Attention by the reference, its operands gathered and its results scattered by their strides.
sealed unsafe partial class TestExecutor
{
    void Attention(AttentionLaunch launch, void** p)
    {
        var (kernel, s) = (launch.Kernel, launch.Sizes(d => d.Evaluate(binding)));
        long[] ShapeOf(AttentionRole role) => role switch
        {
            AttentionRole.Query or AttentionRole.QueryGradient => [s.Batch, s.Heads, s.Queries, s.Width],
            AttentionRole.Key or AttentionRole.KeyGradient => [s.Batch, s.KeyHeads, s.Keys, s.Width],
            AttentionRole.Value or AttentionRole.ValueGradient => [s.Batch, s.KeyHeads, s.Keys, s.Depth],
            AttentionRole.Mask => [s.Batch, s.Heads, s.Queries, s.Keys],
            AttentionRole.Lengths => [s.Batch],
            AttentionRole.Output or AttentionRole.OutputGradient => [s.Batch, s.Queries, s.Heads, s.Depth],
            AttentionRole.Normalizer => [s.Batch, s.Heads, s.Queries, 2],
            _ => [],
        };
        TensorType TypeOf(AttentionOperand o) => new(o.Access.Type, new(ShapeOf(o.Role).Select(d => (Dim)d)));
        byte* Place(AttentionOperand o, long element)
        {
            var (shape, strides, offset) = (ShapeOf(o.Role), launch.Strides(o.Role)!.Value, 0L);
            if (o.Role is AttentionRole.Output or AttentionRole.OutputGradient) strides = [strides[0], strides[2], strides[1], strides[3]];
            for (var axis = shape.Length - 1; axis >= 0; element /= shape[axis], axis--) offset += element % shape[axis] * strides[axis].Evaluate(binding);
            return (byte*)p[o.Access.Pointer] + offset * o.Access.Type.Size();
        }
        TensorData Gather(AttentionOperand o)
        {
            var data = new TensorData(o.Access.Type, ShapeOf(o.Role));
            for (long i = 0; i < data.Size; i++) data[i] = Load(Place(o, i), new(o.Access.Type, Shape.Of()))[0];
            return data;
        }
        var (read, written) = (kernel.Operands.Where(o => !o.Access.Written).ToArray(), kernel.Operands.Where(o => o.Access.Written && o.Role != AttentionRole.Parts).ToArray());
        var attributes = AttributeMap.Of(("causal", kernel.IsCausal), ("scale", kernel.Scale), ("dropout", kernel.Dropout),
            ("mask", kernel.Find(AttentionRole.Mask) is not null), ("lengths", kernel.Find(AttentionRole.Lengths) is not null), ("position", kernel.Find(AttentionRole.Position) is not null));
        var node = Node(kernel.Kind == AttentionKind.Forward ? "scaled_dot_product_attention" : "scaled_dot_product_attention_grad", attributes, read.Concat(written).Select(TypeOf), read.Length);
        var results = new Interpreter(new Program(program.Name, program.Dims, program.States, [], OperationTable.Set)).Evaluate(node, [.. read.Select(Gather)], binding);
        for (var i = 0; i < written.Length; i++)
            for (long e = 0; e < results[i].Size; e++) Store(new(results[i].DType, [], [results[i].Real[e]]), written[i].Access.Type, Place(written[i], e));
    }
}
