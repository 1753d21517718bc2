namespace Graph.Compiler.Modules.Elaboration;

/// <summary>A call of a method while a function was built: the nodes that it added, its own calls' included.</summary>
/// <param name="Method">The class and the method.</param>
/// <param name="Path">The path of the module that it is a method of.</param>
/// <param name="Location">The call, in the model's own assembly.</param>
/// <param name="First">The number of its first node.</param>
/// <param name="End">The number behind its last one.</param>
sealed record MethodCall(string Method, string Path, Location Location, int First, int End)
{
    /// <summary>Tells it from other calls, whatever becomes of its numbers and path.</summary>
    public object Identity { get; } = new();
}
