using System;
using System.Numerics;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

// Attention: operands by their roles, each where it lies.
sealed unsafe partial class LaunchTableBuilder
{
    void WriteAttention(AttentionLaunch launch, LaunchEntry* entry)
    {
        var kernel = launch.Kernel;
        if (kernel.Tiles != Numerics.Attention) throw new NotSupportedException($"{model.Name}: the processor cuts {launch.Title} by {Numerics.Attention.Text}, but it was compiled for {kernel.Tiles.Text}.");
        var call = memory.Take<AttentionCall>(1);
        call->Sizes = launch.Sizes(Evaluate);
        (call->IsCausal, call->Scale, call->Dropout) = (kernel.IsCausal, kernel.Scale, kernel.Dropout);
        (call->KeyTile, call->QueryTile) = kernel.Kind == AttentionKind.Forward ? (kernel.Tiles.Keys, 0) : (kernel.Tiles.GradientKeys, kernel.Tiles.GradientQueries);
        call->PartCount = kernel.Tiles.Parts(call->Sizes);
        Number(AttentionRole.Parts, &call->Parts);
        call->Scratch = pool.ScratchTable;
        View(AttentionRole.Query, &call->Query);
        View(AttentionRole.Key, &call->Key);
        View(AttentionRole.Value, &call->Value);
        View(AttentionRole.Mask, &call->Mask);
        View(AttentionRole.Output, &call->Output);
        View(AttentionRole.Normalizer, &call->Normalizer);
        View(AttentionRole.OutputGradient, &call->OutputGradient);
        View(AttentionRole.QueryGradient, &call->QueryGradient);
        View(AttentionRole.KeyGradient, &call->KeyGradient);
        View(AttentionRole.ValueGradient, &call->ValueGradient);
        call->MaskIsBool = TypeOf(AttentionRole.Mask) == DType.Bool;
        Number(AttentionRole.Lengths, &call->Lengths);
        if (launch.Strides(AttentionRole.Lengths) is { } strides) call->LengthsStride = Evaluate(strides[0]);
        call->LengthsAreLong = TypeOf(AttentionRole.Lengths) == DType.I64;
        Number(AttentionRole.Position, &call->Position);
        call->PositionIsLong = TypeOf(AttentionRole.Position) == DType.I64;
        Number(AttentionRole.Seed, (void**)&call->Seed);
        Number(AttentionRole.Stream, (void**)&call->Stream);
        Number(AttentionRole.Iteration, (void**)&call->Iteration);
        entry->Kind = LaunchKind.Library;
        entry->Call = call;
        var needed = TypeOf(AttentionRole.Query) switch
        {
            DType.F32 => Run<Float32Elements, float, float, Float32Attention>(),
            DType.F64 => Run<Float64Elements, double, double, Float64Attention>(),
            DType.F16 => Run<Float16Elements, ushort, float, Float32Attention>(),
            DType.BF16 => Run<BFloat16Elements, ushort, float, Float32Attention>(),
            var other => throw new NotSupportedException($"The processor has no kernel for {launch.Title} of {other?.Name()}."),
        };
        var planned = launch.ThreadBytes(plan.Binding);
        if (needed > planned) throw new InvalidOperationException($"{model.Name}: the processor needs {needed} bytes a thread for {launch.Title}, but its kernel plans {planned}.");
        scratchBytes = Math.Max(scratchBytes, needed);

        long Run<E, T, C, M>() where E : IElement<T, C> where T : unmanaged where C : unmanaged, IFloatingPointIeee754<C> where M : struct, IAttentionMath<C>, IAttentionMachine<M>
        {
            entry->Library = Attention<E, T, C, M>.Kernel(kernel.Kind);
            return Attention<E, T, C, M>.ScratchBytes(kernel.Kind, call);
        }

        DType? TypeOf(AttentionRole role) => kernel.Find(role)?.Type;

        void Number(AttentionRole role, void** slot)
        {
            if (kernel.Find(role) is { } access) Resolve(launch.Operands[access.Pointer], slot);
        }

        void View(AttentionRole role, AttentionView* view)
        {
            if (launch.Strides(role) is not { } strides) return;
            Number(role, &view->At);
            (view->Batch, view->Head, view->Row, view->Column) = (Evaluate(strides[0]), Evaluate(strides[1]), Evaluate(strides[2]), Evaluate(strides[3]));
        }
    }
}
