using System;
using System.Numerics;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

// Attention: operands by their roles, each where it lies.
sealed unsafe partial class LaunchTableBuilder
{
    void WriteAttention(LaunchEntry* entry)
    {
        var kind = (AttentionKind)Next();
        var tiles = new AttentionTiles(NextInt(), NextInt(), NextInt(), NextInt());
        if (tiles != Numerics.Attention) throw new NotSupportedException($"{model.Name}: the processor cuts {Title} by {Numerics.Attention.Text}, but it was compiled for {tiles.Text}.");
        var call = memory.Take<AttentionCall>(1);
        call->Sizes = new(Next(), Next(), Next(), Next(), Next(), Next(), Next());
        (call->IsCausal, call->Scale, call->Dropout) = (NextBool(), NextReal(), NextReal());
        (call->KeyTile, call->QueryTile) = kind == AttentionKind.Forward ? (tiles.Keys, 0) : (tiles.GradientKeys, tiles.GradientQueries);
        call->PartCount = tiles.Parts(call->Sizes);
        call->Scratch = pool.ScratchTable;
        var type = DType.Token;
        for (var count = Next(); count > 0; count--) Role((AttentionRole)Next(), call, ref type);
        entry->Kind = LaunchKind.Library;
        entry->Call = call;
        var needed = type switch
        {
            DType.F32 => Run<Float32Elements, float, float, Float32Attention>(),
            DType.F64 => Run<Float64Elements, double, double, Float64Attention>(),
            DType.F16 => Run<Float16Elements, ushort, float, Float32Attention>(),
            DType.BF16 => Run<BFloat16Elements, ushort, float, Float32Attention>(),
            _ => throw new NotSupportedException($"The processor has no kernel for {Title} of {type.Name()}."),
        };
        if (needed > threadBytes) throw new InvalidOperationException($"{model.Name}: the processor needs {needed} bytes a thread for {Title}, but its kernel plans {threadBytes}.");
        scratchBytes = Math.Max(scratchBytes, needed);

        long Run<E, T, C, M>() where E : IElement<T, C> where T : unmanaged where C : unmanaged, IFloatingPointIeee754<C> where M : struct, IAttentionMath<C>, IAttentionMachine<M>
        {
            entry->Library = Attention<E, T, C, M>.Kernel(kind);
            return Attention<E, T, C, M>.ScratchBytes(kind, call);
        }
    }

    // An operand: its number, its type and its strides.
    void Role(AttentionRole role, AttentionCall* call, ref DType element)
    {
        var (operand, type, strides) = (NextInt(), (DType)Next(), NextInt());
        switch (role)
        {
            case AttentionRole.Query:
                element = type;
                View(&call->Query);
                break;
            case AttentionRole.Key:
                View(&call->Key);
                call->Key.Kept = Kept(element);
                break;
            case AttentionRole.Value:
                View(&call->Value);
                call->Value.Kept = Kept(element);
                break;
            case AttentionRole.Mask:
                call->MaskIsBool = type == DType.Bool;
                View(&call->Mask);
                break;
            case AttentionRole.Output: View(&call->Output); break;
            case AttentionRole.Normalizer: View(&call->Normalizer); break;
            case AttentionRole.OutputGradient: View(&call->OutputGradient); break;
            case AttentionRole.QueryGradient: View(&call->QueryGradient); break;
            case AttentionRole.KeyGradient: View(&call->KeyGradient); break;
            case AttentionRole.ValueGradient: View(&call->ValueGradient); break;
            case AttentionRole.Lengths:
                call->LengthsAreLong = type == DType.I64;
                if (strides > 0) call->LengthsStride = code[at];
                Number(&call->Lengths);
                break;
            case AttentionRole.Position:
                call->PositionIsLong = type == DType.I64;
                Number(&call->Position);
                break;
            case AttentionRole.Seed: Number((void**)&call->Seed); break;
            case AttentionRole.Stream: Number((void**)&call->Stream); break;
            case AttentionRole.Iteration: Number((void**)&call->Iteration); break;
            case AttentionRole.First: Number((void**)&call->FirstWeight); break;
            case AttentionRole.Parts: Number(&call->Parts); break;
            default: throw new NotSupportedException($"{model.Name} has an attention with an operand of the unknown role {role}.");
        }

        KeptElement Kept(DType query) => type == query ? KeptElement.Own : type == DType.F16 ? KeptElement.Half : KeptElement.BFloat16;

        void Number(void** slot)
        {
            Resolve(operand, slot);
            at += strides;
        }

        void View(AttentionView* view)
        {
            Resolve(operand, &view->At);
            (view->Batch, view->Head, view->Row, view->Column) = (Next(), Next(), Next(), Next());
        }
    }
}
