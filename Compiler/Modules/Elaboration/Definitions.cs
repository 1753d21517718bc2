using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>A module or record, as construction and calls see it.</summary>
/// <param name="Name">The full name.</param>
/// <param name="IsModule">False for a record.</param>
/// <param name="IsOwn">Whether it lies in the model's own assembly.</param>
/// <param name="Base">The full name of the base, or null.</param>
/// <param name="BaseCall">A primary constructor's arguments for the base.</param>
/// <param name="IsPositional">Whether the primary constructor's parameters are members.</param>
/// <param name="Constructors">All constructors.</param>
/// <param name="Fields">All fields.</param>
/// <param name="Methods">All methods.</param>
/// <param name="Failure">Why a record does not bind; empty when it does.</param>
sealed record ClassDef(
    string Name, bool IsModule, bool IsOwn, string? Base, ConstructorCall? BaseCall, bool IsPositional,
    EquatableArray<ConstructorDef> Constructors, EquatableArray<FieldDef> Fields, EquatableArray<MethodDef> Methods, EquatableArray<Reason> Failure = default)
{
    /// <summary>The name without namespace and containers.</summary>
    public string ShortName => DefinitionName.Short(Name);

    /// <summary>What [Precision] says of a module and of its fields.</summary>
    public EquatableArray<PrecisionDef> Precisions { get; init; } = [];

    /// <summary>What [Checkpoint] marks: null for the class itself, and the names of fields.</summary>
    public EquatableArray<string?> Checkpoints { get; init; } = [];
}

/// <summary>Everything that can be named from a model, by assembly and name.</summary>
sealed class Definitions
{
    readonly Dictionary<string, ClassDef> classes = [];
    readonly Dictionary<(string Owner, string Method), (MethodDef Method, bool IsOwn)> functions = [];
    readonly Dictionary<(string Owner, string Field), (FieldDef Field, bool IsOwn)> statics = [];
    readonly Dictionary<string, EnumDef> enums = [];

    public Definitions(ModuleDef model, IReadOnlyDictionary<string, ModuleDef> modules)
    {
        var assembly = DefinitionName.Assembly(model.Name);
        // The model first: what travels with it wins over what travels with others.
        Add(model, isOwn: true);
        foreach (var pair in modules.OrderBy(p => p.Key, System.StringComparer.Ordinal))
            if (pair.Key != model.Name) Add(pair.Value, DefinitionName.Assembly(pair.Key) == assembly);
    }

    void Add(ModuleDef module, bool isOwn)
    {
        if (!classes.ContainsKey(module.Name))
            classes[module.Name] = new(module.Name, true, isOwn, module.Base?.Module, module.Base?.Call, false, module.Constructors, module.Fields, module.Methods) { Precisions = module.Precisions, Checkpoints = module.Checkpoints };
        foreach (var method in module.Methods)
            if (method.IsStatic) Add(module.Name, method, isOwn);
        foreach (var field in module.Fields)
            if (field.IsStatic) Add(module.Name, field, isOwn);
        foreach (var record in module.Records)
        {
            if (!classes.TryGetValue(record.Name, out var known))
                classes[record.Name] = new(record.Name, false, isOwn, record.Base, record.BaseCall, record.IsPositional, record.Constructors, record.Fields, record.Methods, record.Failure);
            // Each module brings the methods that it calls: the record has all of them.
            else if (!known.IsModule && record.Methods.Where(m => known.Methods.All(k => k.Id != m.Id)).ToArray() is { Length: > 0 } more)
                classes[record.Name] = known with { Methods = new([.. known.Methods, .. more]) };
            foreach (var method in record.Methods)
                if (method.IsStatic) Add(record.Name, method, isOwn);
            foreach (var field in record.Fields)
                if (field.IsStatic) Add(record.Name, field, isOwn);
        }
        foreach (var function in module.Functions) Add(function.Owner, function.Method, isOwn);
        foreach (var field in module.Statics) Add(field.Owner, field.Field, isOwn);
        foreach (var type in module.Enums)
            if (!enums.ContainsKey(type.Name)) enums[type.Name] = type;
    }

    void Add(string owner, MethodDef method, bool isOwn)
    {
        if (!functions.ContainsKey((owner, method.Id))) functions[(owner, method.Id)] = (method, isOwn);
    }

    void Add(string owner, FieldDef field, bool isOwn)
    {
        if (!statics.ContainsKey((owner, field.Name))) statics[(owner, field.Name)] = (field, isOwn);
    }

    public ClassDef? Class(string name) => classes.TryGetValue(name, out var found) ? found : null;

    public (MethodDef Method, bool IsOwn)? Function(string owner, string id) => functions.TryGetValue((owner, id), out var found) ? found : null;

    public (FieldDef Field, bool IsOwn)? Static(string owner, string field) => statics.TryGetValue((owner, field), out var found) ? found : null;

    public EnumDef? Enum(string name) => enums.TryGetValue(name, out var found) ? found : null;

    /// <summary>A class and its bases, most derived first; ends at a base that is not defined or that comes again.</summary>
    public IEnumerable<ClassDef> Chain(string name)
    {
        var seen = new HashSet<string>();
        for (var type = Class(name); type is not null && seen.Add(type.Name); type = type.Base is { } parent ? Class(parent) : null) yield return type;
    }

    /// <summary>The method that a call means: the first with a body, or with reasons for none, from <paramref name="start"/> upwards.</summary>
    public (MethodDef Method, ClassDef Class)? Method(string start, string id)
    {
        foreach (var type in Chain(start))
            foreach (var method in type.Methods)
                if (method.Id == id && !method.IsStatic && (method.Body is not null || !method.Failure.IsEmpty)) return (method, type);
        return null;
    }
}
