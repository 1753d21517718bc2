namespace Graph.Compiler.Targets.Ptx;

/// <summary>To whom of a launch an operand or size belongs.</summary>
public enum PtxPart
{
    /// <summary>The kernel itself.</summary>
    Kernel,
    /// <summary>What makes the first operand.</summary>
    MakesA,
    /// <summary>What makes the second operand.</summary>
    MakesB,
    /// <summary>The epilogue.</summary>
    Epilogue,
}

/// <summary>What a parameter of an emitted kernel stands for. All of them take 64 bits.</summary>
/// <param name="Name">Its name in the text.</param>
public abstract record PtxArgument(string Name)
{
    /// <summary>The address of an operand: by its number among those of a part.</summary>
    public sealed record Operand(string Name, PtxPart Part, int Index) : PtxArgument(Name);

    /// <summary>A size that the launch says: by its number among those of a part.</summary>
    public sealed record Size(string Name, PtxPart Part, int Index) : PtxArgument(Name);

    /// <summary>What divides by a size or count (<see cref="PtxReciprocal"/>).</summary>
    public sealed record Reciprocal(PtxArgument Divisor) : PtxArgument(PtxReciprocal.NameOf(Divisor.Name));

    /// <summary>Arguments, and behind them what divides by those that are sizes and counts.</summary>
    public static System.Collections.Generic.IEnumerable<PtxArgument> WithReciprocals(System.Collections.Generic.IReadOnlyCollection<PtxArgument> arguments) =>
        System.Linq.Enumerable.Concat(arguments, System.Linq.Enumerable.Select(System.Linq.Enumerable.Where(arguments, a => a is Size or Count), a => new Reciprocal(a)));

    /// <summary>1 or 0: whether something holds of the launch.</summary>
    public sealed record Flag(string Name) : PtxArgument(Name);

    /// <summary>A number that follows from how the launch is cut into blocks, or where a table of segments begins.</summary>
    public sealed record Count(string Name) : PtxArgument(Name);
}
