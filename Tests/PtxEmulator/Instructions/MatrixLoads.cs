using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>
/// ldmatrix: one, two or four matrices of 8 x 8 halves from shared memory. Lane 8 i + r names row r of matrix i (16 bytes); lane l gets elements 2 (l % 4) and the next of row l / 4,
/// or with .trans of the transposed matrix (PTX ISA, "Warp-level matrix load instruction: ldmatrix").
/// </summary>
static class MatrixLoads
{
    public static void Register() => InstructionSet.Add("ldmatrix", Decode);

    static Instruction Decode(Site site)
    {
        site.Expect("sync");
        site.Expect("aligned");
        site.Expect("m8n8");
        var count = site.Expect("x1", "x2", "x4")[1] - '0';
        var transposed = site.Take("trans");
        var space = LoadsAndStores.Space(site.TakeAny("shared", "shared::cta"));
        site.TakeType(PtxType.B16);
        site.Done(2);
        site.Requires(75, 6, 5);
        var elements = Site.Elements(site[0]);
        if (elements.Count != count) throw site.Refuse($"{count} registers are expected, not {elements.Count}.");
        var to = new int[count];
        for (var i = 0; i < count; i++) to[i] = site.Write(elements[i], PtxType.B32);
        return new MatrixLoad(new MemoryPort(MemoryInstruction.Decode(site, site[1], space)), to, transposed);
    }

    sealed unsafe class MatrixLoad(MemoryPort from, int[] to, bool transposed) : Collective
    {
        public override bool Aligned => true;
        public override uint Members(Warp warp, int lane) => uint.MaxValue;
        public override void Prepare(Launch launch) => from.BelongTo(this);

        public override void Execute(Warp warp, uint lanes)
        {
            var rows = stackalloc ushort*[32];
            for (var lane = 0; lane < 8 * to.Length; lane++) rows[lane] = (ushort*)from.At(warp, lane, from.AddressOf(warp, lane), 16, AccessKind.Read);
            for (var i = 0; i < to.Length; i++)
                for (var lane = 0; lane < 32; lane++)
                {
                    var (row, column) = (lane / 4, 2 * (lane % 4));
                    var (low, high) = transposed ? (rows[8 * i + column][row], rows[8 * i + column + 1][row]) : (rows[8 * i + row][column], rows[8 * i + row][column + 1]);
                    ((uint*)warp.Write(to[i]))[lane] = (uint)high << 16 | low;
                }
        }
    }
}
