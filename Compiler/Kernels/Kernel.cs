namespace Graph.Compiler.Kernels;

/// <summary>What a launch computes, as a value: a loop nest that targets emit, or a product, convolution or library kernel that they bring. Two kernels with equal text are one kernel.</summary>
/// <param name="Name">Its name in generated code and in dumps, from its archetype and number: <c>map3</c>.</param>
public abstract record Kernel(string Name)
{
    /// <summary>The kernel IR as text, without the name: what kernels are compared by.</summary>
    public abstract string Text { get; }

    /// <summary>False for what a target brings for itself: no code is generated for it, but for its bodies, which are kernels of their own.</summary>
    public virtual bool IsGenerated => true;

    public sealed override string ToString() => Name + "\n" + Text;
}
