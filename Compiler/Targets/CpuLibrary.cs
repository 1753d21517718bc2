namespace Graph.Compiler.Targets;

/// <summary>Of the model of the CPU what its library keeps to while it runs: a program that is compiled already asks for no more.</summary>
public static class CpuLibrary
{
    /// <summary>The order of the sums of products and convolutions.</summary>
    public static ProductSums Products { get; } = new(DepthBlock: 384, SliceElements: 1 << 16, SliceLeast: 6, SliceMost: 16, SliceDeep: 12, GradientPixels: 256, GradientTasks: 16);

    /// <summary>What they work in; the tiles are those of AVX-512, AVX2 and vectors of 128 bits.</summary>
    public static PackingModel Packing { get; } = new(
        MostBytes: 16 << 20, LeastWork: 1 << 20, WorkerBytes: 4 << 20, TurnedFloats: 96 * 1024, PackedFloats: 160 * 1024, Tiles: new EquatableArray<RegisterTile>(new RegisterTile[] { new(14, 16, 32), new(6, 8, 16), new(6, 8, 8) }));

    /// <summary>How it cuts attention: a tile of scores and the products that it comes from stay in the first two caches.</summary>
    public static AttentionTiles Attention { get; } = new(Keys: 128, GradientQueries: 64, GradientKeys: 32, GradientTasks: 16);
}
