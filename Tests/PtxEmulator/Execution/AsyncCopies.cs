namespace Graph.PtxEmulator;

/// <summary>Copies under way of a warp's lanes.</summary>
sealed class AsyncCopies
{
}
