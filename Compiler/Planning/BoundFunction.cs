using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>What a launch of a <see cref="BoundFunction"/> is: the first of its numbers.</summary>
public enum BoundKind
{
    Loop,
    Segments,
    Product,
    Convolution,
    Attention,
    Library,
    Repeat,
    Branch,
    Pack,
}

/// <summary>Where an operand of a bound launch, or the source of a result, lies.</summary>
public enum BoundPlace
{
    /// <summary>In the arena.</summary>
    Arena,
    /// <summary>In the store, under the path that a name gives.</summary>
    State,
    /// <summary>In the caller's memory: an argument of the call, results after arguments.</summary>
    Caller,
}

/// <summary>
/// A function under one binding of its named dimensions as numbers alone: sizes are evaluated, buffers are places, kernels are the numbers of those that code is generated for. It is what the processor's launch table is
/// written from, with nothing of a program beside it: a model embeds those of its typical sizes (<see cref="StartText"/>), others are made from their plan. <see cref="BoundWriter"/> says what stands where.
/// </summary>
/// <param name="arenaBytes">Bytes of the arena.</param>
/// <param name="firstWrite">The first launch of a training step that writes a state; the number of launches when there is none.</param>
/// <param name="names">Paths of states, operations and attributes: what numbers cannot say.</param>
/// <param name="launches">The numbers of each launch.</param>
/// <param name="loads">Of each argument that has a place in the arena: the argument, its bytes, its place.</param>
/// <param name="copies">Of each result that lies elsewhere when the last launch is done: <see cref="BoundPlace"/>, which, the argument that it is copied to, its bytes.</param>
public sealed class BoundFunction(long arenaBytes, int firstWrite, string[] names, long[][] launches, long[][] loads, long[][] copies)
{
    public long ArenaBytes { get; } = arenaBytes;

    public int FirstWrite { get; } = firstWrite;

    public string[] Names { get; } = names;

    public long[][] Launches { get; } = launches;

    public long[][] Loads { get; } = loads;

    public long[][] Copies { get; } = copies;

    /// <summary>A function under the binding of its plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="program">The program that the function is of.</param>
    public static BoundFunction Of(MemoryPlan plan, LoweredProgram program) => new BoundWriter(plan, program).Write();

    /// <summary>Attributes of an operation, whose sizes are numbers, from one of the <see cref="Names"/>.</summary>
    public static AttributeMap Attributes(string text) => new Tokens(text).Attributes();
}
