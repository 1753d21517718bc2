namespace Graph.Compiler.Lowering;

/// <summary>A generated kernel, as the value that targets emit. Two kernels with equal text are one kernel.</summary>
/// <param name="Name">Its name in generated code and in dumps, from its archetype and number: <c>map3</c>.</param>
public abstract record Kernel(string Name)
{
    /// <summary>The kernel IR as text, without the name: what kernels are compared by.</summary>
    public abstract string Text { get; }

    /// <summary>True for tile functions (hooks of contractions), false for kernels over a parallel extent.</summary>
    public abstract bool IsTile { get; }

    public sealed override string ToString() => Name + "\n" + Text;
}
