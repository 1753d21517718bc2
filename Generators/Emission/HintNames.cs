using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Binding;

namespace Graph.Generators.Emission;

/// <summary>The starts of the names of generated files. C# tells classes apart by case and the host of generators does not tell files apart by it: each class gets one of its own.</summary>
sealed class HintNames
{
    readonly HashSet<string> taken = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The names that some modules have.</summary>
    public HintNames(IEnumerable<BoundModule> modules)
    {
        foreach (var module in modules)
            if (module.Class is { } declaration) taken.Add(declaration.HintName);
    }

    /// <summary>The name of a definition's class that is alone with it: its full name, in characters that a file's name may have.</summary>
    public static string Of(string definition) => string.Concat(DefinitionName.FullName(definition).Select(c => c == '+' ? '.' : char.IsLetterOrDigit(c) || c is '.' or '_' or '`' ? c : '_'));

    /// <summary>The same modules, with a number after the names of those that differ from an earlier one by case alone.</summary>
    public static EquatableArray<BoundModule> Distinct(IReadOnlyList<BoundModule> modules)
    {
        var names = new HintNames([]);
        return modules.Select(m => m.Class is { } declaration && names.Make(m.Name) is var name && name != declaration.HintName ? m with { Class = declaration with { HintName = name } } : m).ToEquatableArray();
    }

    /// <summary>A name for a class that no other one has.</summary>
    public string Make(string definition)
    {
        var name = Of(definition);
        // No class has a name that begins with a digit.
        for (var i = 2; !taken.Add(name); i++) name = Of(definition) + "." + i.ToString(CultureInfo.InvariantCulture);
        return name;
    }
}
