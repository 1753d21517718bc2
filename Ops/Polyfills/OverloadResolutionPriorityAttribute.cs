#if NETSTANDARD2_0
namespace System.Runtime.CompilerServices;

using System.ComponentModel;

/// <summary>Tells the C# compiler which overload to prefer.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Constructor | AttributeTargets.Property, Inherited = false)]
sealed class OverloadResolutionPriorityAttribute(int priority) : Attribute
{
    public int Priority { get; } = priority;
}
#endif
