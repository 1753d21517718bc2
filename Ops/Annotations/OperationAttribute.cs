using System;

namespace Graph;

/// <summary>Says which operation of the compiler a member stands for: tensor arguments are its operands in order, the others its attributes by their parameter names.</summary>
/// <param name="name">The operation's name in programs.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Property)]
public sealed class OperationAttribute(string name) : Attribute
{
    /// <summary>The operation's name in programs.</summary>
    public string Name { get; } = name;
}
