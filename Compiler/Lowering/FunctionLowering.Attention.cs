using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Lowering;

// Attention and its gradient: everything is read and written where it lies.
sealed partial class FunctionLowering
{
    void Attention(Node node, AttentionForm form)
    {
        var tiles = target.Attention ?? throw new System.NotSupportedException($"{target.Title} has no kernel for {node.Name}.");
        var operands = ImmutableArray.CreateBuilder<Operand>();
        var views = ImmutableArray.CreateBuilder<AttentionOperand>();
        var arguments = new DimTable(0);
        void View(AttentionRole role, Value value, Placement place, bool isWritten)
        {
            // Over batch, heads, rows, columns; the result has its rows before its heads.
            var axes = role is AttentionRole.Output or AttentionRole.OutputGradient ? [0, 2, 1, 3] : Enumerable.Range(0, value.Shape.Rank);
            operands.Add(new(place.Buffer, place.Offset, isWritten));
            views.Add(new(role, new(operands.Count - 1, value.DType, isWritten, [.. axes.Select(axis => value.Shape[axis].Is(1) ? Extent.Zero : arguments.Fixed(place.Strides[axis]))])));
        }
        void Read(AttentionRole role, int operand)
        {
            if (operand != AttentionForm.None) View(role, node.Inputs[operand], places[node.Inputs[operand]], false);
        }
        var (q, k, v) = (node.Inputs[AttentionForm.Query], node.Inputs[AttentionForm.Key], node.Inputs[AttentionForm.Value]);
        ImmutableArray<Extent> sizes = [.. new[] { q.Shape[0], q.Shape[1], k.Shape[1], q.Shape[2], k.Shape[2], q.Shape[3], v.Shape[3] }.Select(arguments.Fixed)];
        Read(AttentionRole.Query, AttentionForm.Query);
        Read(AttentionRole.Key, AttentionForm.Key);
        Read(AttentionRole.Value, AttentionForm.Value);
        Read(AttentionRole.Mask, form.Mask);
        Read(AttentionRole.Lengths, form.Lengths);
        Read(AttentionRole.Position, form.Position);
        if (form.Dropout > 0)
        {
            Read(AttentionRole.Seed, form.Draw);
            Read(AttentionRole.Stream, form.Draw + 1);
            Read(AttentionRole.Iteration, form.Draw + 2);
            Read(AttentionRole.First, form.First);
        }
        if (form.IsGradient)
        {
            Read(AttentionRole.Output, form.Output);
            Read(AttentionRole.Normalizer, form.Normalizer);
            Read(AttentionRole.OutputGradient, form.OutputGradient);
        }
        var written = form.IsGradient ? new[] { AttentionRole.QueryGradient, AttentionRole.KeyGradient, AttentionRole.ValueGradient } : [AttentionRole.Output, AttentionRole.Normalizer];
        for (var i = 0; i < written.Length; i++) View(written[i], node.Outputs[i], PlaceOf(node.Outputs[i]), true);
        if (form.IsGradient)
        {
            operands.Add(new(NewBuffer("workspace", BufferKind.Arena, q.DType.Accumulator(), Dim.Zero), Dim.Zero, true));
            views.Add(new(AttentionRole.Parts, new(operands.Count - 1, q.DType.Accumulator(), true, [])));
        }
        var kernel = kernels.Add(new AttentionKernel(
            "", form.IsGradient ? AttentionKind.Gradient : AttentionKind.Forward, q.DType.Accumulator(), sizes, form.IsCausal, form.Scale, form.Dropout, views.ToImmutable(), tiles), "attention");
        Add(node, new AttentionLaunch(node.Origins, operands.ToImmutable(), kernel, arguments.Dims)
        {
            Flops = node.Operation.Flops(node),
            // A mask that is broadcast is read as it lies.
            Traffic = node.Inputs.Where((_, i) => i != form.Mask).Concat(node.Outputs).Aggregate(Dim.Zero, (sum, x) => sum + x.Type.Bytes),
        });
    }
}
