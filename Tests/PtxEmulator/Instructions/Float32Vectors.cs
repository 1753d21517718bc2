using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.PtxEmulator;

/// <summary>What products consist of, eight lanes at a time where all lanes run: fma, add, sub and mul of f32 to the nearest.</summary>
sealed unsafe class Float32Vectors(Float32Vectors.Operation operation, int d, int a, int b, int c) : Instruction
{
    public enum Operation { Fma, Add, Sub, Mul }

    static readonly Vector256<float> NaN = Vector256.Create(0x7FFFFFFFu).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint lanes)
    {
        var pd = (float*)warp.Write(d);
        var pa = (float*)warp.Read(a);
        var pb = (float*)warp.Read(b);
        var pc = (float*)warp.Read(c);
        if (lanes == uint.MaxValue)
        {
            for (var i = 0; i < 32; i += 8)
            {
                var x = Vector256.Load(pa + i);
                var y = Vector256.Load(pb + i);
                var value = operation switch
                {
                    Operation.Fma => Vector256.FusedMultiplyAdd(x, y, Vector256.Load(pc + i)),
                    Operation.Add => x + y,
                    Operation.Sub => x - y,
                    _ => x * y,
                };
                Vector256.Store(Vector256.ConditionalSelect(Vector256.Equals(value, value), value, NaN), pd + i);
            }
            return;
        }
        for (; lanes != 0; lanes &= lanes - 1)
        {
            var i = BitOperations.TrailingZeroCount(lanes);
            pd[i] = operation switch
            {
                Operation.Fma => Float32.Fma(pa[i], pb[i], pc[i], Rounding.Nearest),
                Operation.Add => Float32.Add(pa[i], pb[i], Rounding.Nearest),
                Operation.Sub => Float32.Add(pa[i], -pb[i], Rounding.Nearest),
                _ => Float32.Mul(pa[i], pb[i], Rounding.Nearest),
            };
        }
    }
}
