using System;

namespace Graph.PtxEmulator;

/// <summary>
/// mma.sync of 16 x 8 results: k16 and k8 of f16 and bf16, k8 of tf32, all with f32 accumulators. Which element of a matrix a lane's registers hold is that of the PTX ISA, "Matrix
/// fragments for mma.m16n8k16 / m16n8k8": with g = lane / 4 and t = lane % 4. The order of the sums is left open there; here the launch's seed chooses it (0: in the order of k), so
/// that a comparison by bits fails for some seed.
/// </summary>
static class MatrixProducts
{
    public static void Register() => InstructionSet.Add("mma", Decode);

    static Instruction Decode(Site site)
    {
        site.Expect("sync");
        site.Expect("aligned");
        var depth = site.Expect("m16n8k16", "m16n8k8") == "m16n8k16" ? 16 : 8;
        site.Expect("row");
        site.Expect("col");
        site.TakeType(PtxType.F32);
        var type = site.TakeType(PtxType.F16, PtxType.BF16, PtxType.TF32);
        site.TakeType(type);
        site.TakeType(PtxType.F32);
        site.Done(4);
        if (type == PtxType.TF32 && depth != 8) throw site.Refuse("tf32 is multiplied 8 deep (m16n8k8); 4 deep is not modelled.");
        if (type == PtxType.F16 && depth == 8) site.Requires(75, 6, 5); else site.Requires(80, 7, 0);
        var perRegister = type == PtxType.TF32 ? 1 : 2;
        int[] Registers(int operand, int count, PtxType of, bool write)
        {
            var elements = Site.Elements(site[operand]);
            if (elements.Count != count) throw site.Refuse($"operand {operand} has {count} registers, not {elements.Count}.");
            var at = new int[count];
            for (var i = 0; i < count; i++) at[i] = write ? site.Write(elements[i], of) : site.Read(elements[i], of);
            return at;
        }
        var d = Registers(0, 4, PtxType.F32, write: true);
        var a = Registers(1, 16 * depth / 32 / perRegister, PtxType.B32, write: false);
        var b = Registers(2, 8 * depth / 32 / perRegister, PtxType.B32, write: false);
        var c = Registers(3, 4, PtxType.F32, write: false);
        site.Builder.Program.OrderDependent = true;
        return new MatrixProduct(type, depth, d, a, b, c);
    }

    /// <summary>Row and column of element i of a lane's part of a (16 x depth).</summary>
    public static (int Row, int Column) ElementOfA(PtxType type, int lane, int i)
    {
        var (g, t) = (lane / 4, lane % 4);
        return type == PtxType.TF32 ? (g + 8 * (i & 1), t + 4 * (i >> 1)) : (g + 8 * (i >> 1 & 1), 2 * t + (i & 1) + 8 * (i >> 2));
    }

    /// <summary>Row and column of element i of a lane's part of b (depth x 8).</summary>
    public static (int Row, int Column) ElementOfB(PtxType type, int lane, int i)
    {
        var (g, t) = (lane / 4, lane % 4);
        return type == PtxType.TF32 ? (t + 4 * i, g) : (2 * t + (i & 1) + 8 * (i >> 1), g);
    }

    /// <summary>Row and column of element i of a lane's part of c and d (16 x 8).</summary>
    public static (int Row, int Column) ElementOfC(int lane, int i) => (lane / 4 + 8 * (i >> 1), 2 * (lane % 4) + (i & 1));

    sealed unsafe class MatrixProduct(PtxType type, int depth, int[] d, int[] a, int[] b, int[] c) : Collective
    {
        readonly int[] order = new int[depth];

        public override bool Aligned => true;
        public override uint Members(Warp warp, int lane) => uint.MaxValue;

        public override void Prepare(Launch launch)
        {
            for (var k = 0; k < depth; k++) order[k] = k;
            if (launch.Options.Seed != 0) new Random((int)launch.Options.Seed).Shuffle(order);
        }

        public override void Execute(Warp warp, uint lanes)
        {
            var left = stackalloc float[16 * depth];
            var right = stackalloc float[depth * 8];
            var perRegister = type == PtxType.TF32 ? 1 : 2;
            for (var lane = 0; lane < 32; lane++)
            {
                for (var i = 0; i < a.Length * perRegister; i++)
                {
                    var (row, k) = ElementOfA(type, lane, i);
                    left[row * depth + k] = Value(((uint*)warp.Read(a[i / perRegister]))[lane], i % perRegister);
                }
                for (var i = 0; i < b.Length * perRegister; i++)
                {
                    var (k, column) = ElementOfB(type, lane, i);
                    right[k * 8 + column] = Value(((uint*)warp.Read(b[i / perRegister]))[lane], i % perRegister);
                }
            }
            for (var lane = 0; lane < 32; lane++)
                for (var i = 0; i < 4; i++)
                {
                    var (row, column) = ElementOfC(lane, i);
                    var sum = ((float*)warp.Read(c[i]))[lane];
                    foreach (var k in order) sum = MathF.FusedMultiplyAdd(left[row * depth + k], right[k * 8 + column], sum);
                    ((float*)warp.Write(d[i]))[lane] = Float32.Canonical(sum);
                }
        }

        float Value(uint bits, int half) => type switch
        {
            PtxType.F16 => SmallFloat<HalfFormat>.ToSingle((ushort)(bits >> (16 * half))),
            PtxType.BF16 => SmallFloat<BrainFormat>.ToSingle((ushort)(bits >> (16 * half))),
            _ => BitConverter.UInt32BitsToSingle(bits & 0xFFFFE000), // what tf32 does not hold is not looked at
        };
    }
}
