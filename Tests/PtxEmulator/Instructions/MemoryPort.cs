namespace Graph.PtxEmulator;

/// <summary>An address of an instruction that is more than a load or a store, with the same checks; it reports as the instruction that it belongs to.</summary>
sealed unsafe class MemoryPort(AddressSource source) : MemoryInstruction(source)
{
    public void BelongTo(Instruction instruction)
    {
        Statement = instruction.Statement;
        Owner = instruction.Owner;
        Pc = instruction.Pc;
    }

    public ulong AddressOf(Warp warp, int lane) => Address(warp.Read(Source.Register), lane);

    public byte* At(Warp warp, int lane, ulong address, int size, AccessKind kind) => Access(warp, lane, address, size, kind);

    /// <summary>Says of written bytes that a copy to them is under way, so that reading them is a fault until it has landed.</summary>
    public void MarkPending(Warp warp, ulong address, int size)
    {
        var region = warp.Block.Shared!;
        region.Mark((long)(address - region.Base), size, Region.Pending);
    }

    public override void Execute(Warp warp, uint lanes) => throw new System.InvalidOperationException("A port is no instruction.");
}
