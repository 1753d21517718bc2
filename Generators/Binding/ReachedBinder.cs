using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Microsoft.CodeAnalysis;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Binding;

/// <summary>Binds what bodies reached outside of their module, and what that reaches in turn.</summary>
sealed class ReachedBinder(BindingContext context)
{
    readonly List<RecordDef> records = [];
    readonly List<EnumDef> enums = [];
    readonly List<FunctionDef> functions = [];
    readonly List<StaticDef> statics = [];

    // A record may have methods that no model needs (printing, parsing): only those that are called are bound.
    readonly Dictionary<string, List<MethodDef>> methods = new(System.StringComparer.Ordinal);

    public void BindAll()
    {
        while (context.Next() is { } symbol)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            Bind(symbol);
        }
    }

    public EquatableArray<RecordDef> Records() =>
        records.Select(r => methods.TryGetValue(r.Name, out var own) ? r with { Methods = own.ToEquatableArray() } : r).ToEquatableArray();

    public EquatableArray<EnumDef> Enums() => enums.ToEquatableArray();

    public EquatableArray<FunctionDef> Functions() => functions.ToEquatableArray();

    public EquatableArray<StaticDef> Statics() => statics.ToEquatableArray();

    void Bind(ISymbol symbol)
    {
        switch (symbol)
        {
            case INamedTypeSymbol { TypeKind: Microsoft.CodeAnalysis.TypeKind.Enum } type:
                enums.Add(Enum(type));
                break;
            case INamedTypeSymbol type:
                var record = Record(type);
                records.Add(record);
                if (!record.Failure.IsEmpty) break;
                foreach (var member in Dispatched(type)) context.Reach(member);
                break;
            case IMethodSymbol { IsStatic: false } method:
                var owner = SymbolNames.FullName(method.ContainingType);
                if (!methods.TryGetValue(owner, out var own)) methods.Add(owner, own = []);
                own.Add(new MemberBinder(context, method.ContainingType).Reached(method));
                context.Reach(method.ContainingType);
                break;
            case IMethodSymbol method:
                functions.Add(new(SymbolNames.FullName(method.ContainingType), new MemberBinder(context, method.ContainingType).Reached(method)));
                break;
            case IFieldSymbol or IPropertySymbol:
                statics.Add(new(SymbolNames.FullName(symbol.ContainingType), new MemberBinder(context, symbol.ContainingType).Static(symbol)));
                break;
        }
    }

    /// <summary>The members that calls may come to through a base class or an interface of the user's: which ones, only the value at hand tells.</summary>
    static IEnumerable<IMethodSymbol> Dispatched(INamedTypeSymbol type)
    {
        foreach (var member in type.GetMembers())
        {
            if (member is not IMethodSymbol { IsStatic: false, IsAbstract: false, MethodKind: MethodKind.Ordinary or MethodKind.PropertyGet } method || !MemberBinder.IsUserWritten(method.AssociatedSymbol ?? method)) continue;
            if (method.AssociatedSymbol is IPropertySymbol property && (property.IsIndexer || KnownTypes.IsAuto(property))) continue;
            var root = method;
            while (root.OverriddenMethod is { } overridden) root = overridden;
            var implements = type.AllInterfaces.Where(i => !KnownTypes.IsSystem(i)).SelectMany(i => i.GetMembers()).Any(m => SymbolEqualityComparer.Default.Equals(type.FindImplementationForInterfaceMember(m), method));
            if (implements || (method.IsOverride && root.ContainingType.SpecialType != SpecialType.System_Object && !root.IsImplicitlyDeclared && !KnownTypes.IsSystem(root))) yield return method;
        }
    }

    EnumDef Enum(INamedTypeSymbol type)
    {
        using var _ = context.Within(SymbolNames.FullName(type));
        var members = type.GetMembers().OfType<IFieldSymbol>().Where(f => f.HasConstantValue).Select(f => new EnumMember(f.Name, EnumValues.ToInt64(f.ConstantValue)));
        return new(SymbolNames.FullName(type), members.ToEquatableArray(), context.At(type));
    }

    RecordDef Record(INamedTypeSymbol type)
    {
        var name = SymbolNames.FullName(type);
        using var _ = context.Within(name);
        var at = context.At(type);
        var (record, failure) = context.Attempt(() => Record(type, at), at, isModelling: true);
        return failure.IsEmpty && record is not null ? record : new(name, null, [], [], [], false, null, at, failure);
    }

    RecordDef Record(INamedTypeSymbol type, Location at)
    {
        var members = new MemberBinder(context, type);
        string? based = null;
        if (type.BaseType is { SpecialType: not (SpecialType.System_Object or SpecialType.System_ValueType) } parent)
        {
            new TypeBinder(context).Bind(parent, at);
            based = SymbolNames.FullName(parent);
        }
        var isPositional = type.IsRecord && type.InstanceConstructors.Any(MemberBinder.IsPrimary);
        return new(SymbolNames.FullName(type), based, members.Constructors(), members.Fields(withStatic: false), [], isPositional, based is null ? null : members.PrimaryBaseCall(), at);
    }
}
