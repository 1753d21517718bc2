namespace Graph.PtxEmulator;

/// <summary>A special register that a program reads, kept among its registers and filled when a warp starts.</summary>
sealed unsafe class Special(string name, PtxType type, int offset)
{
    public string Name => name;
    public PtxType Type => type;
    public int Offset => offset;

    /// <summary>The type of a special register; null if it is not modelled (clocks and the like have no value that a test could rely on).</summary>
    public static PtxType? TypeOf(string name) => name switch
    {
        "%tid.x" or "%tid.y" or "%tid.z" or "%ntid.x" or "%ntid.y" or "%ntid.z" or "%ctaid.x" or "%ctaid.y" or "%ctaid.z" or "%nctaid.x" or "%nctaid.y" or "%nctaid.z"
            or "%laneid" or "%warpid" or "%nwarpid" or "%lanemask_eq" or "%lanemask_lt" or "%lanemask_le" or "%lanemask_gt" or "%lanemask_ge" or "%dynamic_smem_size" => PtxType.U32,
        _ => null,
    };

    public void Fill(Warp warp, byte* at)
    {
        var to = (uint*)at;
        for (var lane = 0; lane < 32; lane++)
        {
            var thread = warp.Thread(lane);
            var launch = warp.Launch;
            var block = warp.Block.Coordinates;
            to[lane] = name switch
            {
                "%tid.x" => (uint)thread.X,
                "%tid.y" => (uint)thread.Y,
                "%tid.z" => (uint)thread.Z,
                "%ntid.x" => (uint)launch.BlockDim.X,
                "%ntid.y" => (uint)launch.BlockDim.Y,
                "%ntid.z" => (uint)launch.BlockDim.Z,
                "%ctaid.x" => (uint)block.X,
                "%ctaid.y" => (uint)block.Y,
                "%ctaid.z" => (uint)block.Z,
                "%nctaid.x" => (uint)launch.Grid.X,
                "%nctaid.y" => (uint)launch.Grid.Y,
                "%nctaid.z" => (uint)launch.Grid.Z,
                "%laneid" => (uint)lane,
                "%warpid" => (uint)warp.Index,
                "%nwarpid" => (uint)warp.Block.Warps.Length,
                "%lanemask_eq" => 1u << lane,
                "%lanemask_lt" => (1u << lane) - 1,
                "%lanemask_le" => uint.MaxValue >> (31 - lane),
                "%lanemask_gt" => ~(uint.MaxValue >> (31 - lane)),
                "%lanemask_ge" => ~((1u << lane) - 1),
                "%dynamic_smem_size" => (uint)launch.DynamicShared,
                _ => throw new System.InvalidOperationException(name),
            };
        }
    }
}
