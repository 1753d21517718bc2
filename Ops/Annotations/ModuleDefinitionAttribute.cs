using System;
using System.ComponentModel;

namespace Graph;

/// <summary>A module of this assembly in the form that other assemblies' models are compiled from. The generator writes it.</summary>
/// <param name="version">The version of the text's format.</param>
/// <param name="name">The module's full name.</param>
/// <param name="text">The module.</param>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ModuleDefinitionAttribute(int version, string name, string text) : Attribute
{
    /// <summary>The version of the text's format.</summary>
    public int Version { get; } = version;

    /// <summary>The module's full name.</summary>
    public string Name { get; } = name;

    /// <summary>The module.</summary>
    public string Text { get; } = text;

    /// <summary>Where its nodes stand: file, member and line within the member, so that moving a member as a whole changes nothing here.</summary>
    public string Places { get; set; } = "";
}
