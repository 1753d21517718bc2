using System;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>
/// Instructions whose result the specification only bounds: the exact result rounded, moved by a share (<see cref="LaunchOptions.ApproximationError"/>) of the bound that depends on
/// nothing but the arguments' bits.
/// </summary>
static class Approximations
{
    public static void Register()
    {
        foreach (var name in new[] { "ex2", "lg2", "sin", "cos", "rsqrt", "tanh" }) InstructionSet.Add(name, TypeKind.Float32, Unary);
    }

    public static Instruction Unary(Site site)
    {
        site.Expect("approx");
        var ftz = site.Statement.Opcode != "tanh" && site.Take("ftz");
        site.TakeType(PtxType.F32);
        site.Done(2);
        if (site.Statement.Opcode == "tanh") site.Requires(75, 7, 0);
        // Bounds of the PTX specification: relative, or absolute for lg2, sin and cos.
        (Func<double, double> exact, double relative, double absolute) = site.Statement.Opcode switch
        {
            "ex2" => ((Func<double, double>)double.Exp2, Math.ScaleB(1, -22), 0.0),
            "lg2" => (Math.Log2, 0, Math.ScaleB(1, -22)),
            "sin" => (Math.Sin, 0, Math.ScaleB(1, -21)),
            "cos" => (Math.Cos, 0, Math.ScaleB(1, -21)),
            "rsqrt" => (x => 1 / Math.Sqrt(x), Math.ScaleB(1, -23), 0),
            "sqrt" => (Math.Sqrt, Math.ScaleB(1, -23), 0),
            "rcp" => (x => 1 / x, Math.ScaleB(1, -23), 0),
            "tanh" => (Math.Tanh, Math.ScaleB(1, -11), 0),
            _ => throw site.Refuse($"'{site.Statement.Opcode}.approx' is not modelled."),
        };
        site.Builder.Program.Approximate = true;
        return new Approximate(site.Write(0, PtxType.F32), site.Read(1, PtxType.F32), null, (a, _) => exact(a), relative, absolute, ftz);
    }

    public static Instruction Divide(Site site)
    {
        site.Expect("approx", "full");
        var ftz = site.Take("ftz");
        site.TakeType(PtxType.F32);
        site.Done(3);
        site.Builder.Program.Approximate = true;
        return new Approximate(site.Write(0, PtxType.F32), site.Read(1, PtxType.F32), site.Read(2, PtxType.F32), (a, b) => a / b, Math.ScaleB(1, -22), 0, ftz);
    }

    sealed unsafe class Approximate(int d, int a, int? b, Func<double, double, double> exact, double relative, double absolute, bool ftz) : Instruction
    {
        double share;

        public override void Prepare(Launch launch) => share = launch.Options.ApproximationError;

        public override void Execute(Warp warp, uint lanes)
        {
            var pd = (float*)warp.Write(d);
            var pa = (float*)warp.Read(a);
            var pb = b is { } second ? (float*)warp.Read(second) : pa;
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                var (x, y) = ftz ? (Float32.Flush(pa[i]), Float32.Flush(pb[i])) : (pa[i], pb[i]);
                var value = exact(x, y);
                if (share != 0 && double.IsFinite(value) && value != 0)
                {
                    var hash = (BitConverter.SingleToUInt32Bits(x) * 0x9E3779B97F4A7C15UL ^ BitConverter.SingleToUInt32Bits(y)) * 0xD1B54A32D192ED03UL;
                    var within = (long)hash / 9.3e18; // -1 … 1
                    value += within * share * (Math.Abs(value) * relative + absolute);
                }
                var rounded = Float32.Canonical((float)value);
                pd[i] = ftz ? Float32.Flush(rounded) : rounded;
            }
        }
    }
}
