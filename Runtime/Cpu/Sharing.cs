namespace Graph.Runtime.Cpu;

/// <summary>Which operand of a product is packed once for all workers; each packs for itself what it needs of the others.</summary>
enum Sharing
{
    Nothing,
    Left,
    Right,
}
