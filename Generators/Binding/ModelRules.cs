using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using TrainDef = Graph.Compiler.Modules.TrainDef;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Binding;

/// <summary>What a model has to be, beyond a module: closed, with declared dimensions, and entries, losses and optimizers of the right form.</summary>
static class ModelRules
{
    static readonly (string Attribute, string Name)[] Roles = [(KnownTypes.Entry, "Entry"), (KnownTypes.Loss, "Loss"), (KnownTypes.Train, "Train")];

    public static void Check(BindingContext context, INamedTypeSymbol type, bool isModel)
    {
        var methods = type.GetMembers().OfType<IMethodSymbol>().Where(MemberBinder.IsUserWritten).ToList();
        Dims(context, type);
        if (!isModel)
        {
            foreach (var method in methods)
                foreach (var (attribute, name) in Roles)
                    if (KnownTypes.Has(method, attribute)) context.Report(Descriptors.OutsideModel, context.At(method), method.Name, name, type.Name);
            return;
        }
        if (type.IsAbstract || type.IsStatic) context.Report(Descriptors.Unsupported, context.At(type), type.IsStatic ? "a static model" : "an abstract model");
        Closed(context, type);
        var dims = DimNames(type);
        foreach (var method in methods)
        {
            using var _ = context.Within(Location.MemberOf(SymbolNames.FullName(type), SymbolNames.MethodId(method)));
            if (Roles.Where(r => KnownTypes.Has(method, r.Attribute)).ToArray() is { Length: > 1 } roles)
            {
                context.Report(Descriptors.TwoRoles, context.At(method), method.Name, roles[0].Name, roles[1].Name);
                continue;
            }
            if (KnownTypes.Has(method, KnownTypes.Entry)) Entry(context, method, dims, isLoss: false);
            if (KnownTypes.Has(method, KnownTypes.Loss)) Entry(context, method, dims, isLoss: true);
            if (KnownTypes.Has(method, KnownTypes.Train)) Train(context, type, method, methods);
        }
    }

    static void Closed(BindingContext context, INamedTypeSymbol type)
    {
        var constructors = type.InstanceConstructors.Where(MemberBinder.IsUserWritten).ToList();
        var closed = constructors.Where(c => c.Parameters.All(p => p.HasExplicitDefaultValue)).OrderBy(c => c.Parameters.Length).ToList();
        if (constructors.Count > 0 && closed.Count == 0)
        {
            var open = constructors[0].Parameters.First(p => !p.HasExplicitDefaultValue);
            context.Report(Descriptors.NotClosed, context.At(open), type.Name, open.Name);
            return;
        }
        if (closed.Count > 1 && closed[0].Parameters.Length > 0)
            context.Report(Descriptors.NotMade, context.At(closed[1]), type.Name, "it has several constructors that need no arguments, and none that takes none; give all but one a parameter without a default value");
        if (closed.FirstOrDefault()?.GetAttributes().Any(a => a.AttributeClass?.Name == "SetsRequiredMembersAttribute") == true) return;
        if (Required(type) is { } member)
            context.Report(Descriptors.NotMade, context.IsHere(member) ? context.At(member) : context.At(type), type.Name, $"its member {member.Name} is required, and nothing gives it a value; set it in a constructor marked [SetsRequiredMembers], or make it a parameter of the constructor");
    }

    static ISymbol? Required(INamedTypeSymbol type)
    {
        for (var t = type; t is not null; t = t.BaseType)
            if (t.GetMembers().FirstOrDefault(m => m is IPropertySymbol { IsRequired: true } or IFieldSymbol { IsRequired: true }) is { } member) return member;
        return null;
    }

    static void Dims(BindingContext context, INamedTypeSymbol type)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var dim in AttributeReader.Dims(context, type))
        {
            var problem = dim.Name == "null" ? "is no name; give one, such as [Dim(\"B\", Max = 64)]"
                : !SyntaxFacts.IsValidIdentifier(dim.Name) ? "is not an identifier"
                : !names.Add(dim.Name) ? "is declared twice"
                : dim.Max < 1 ? "needs a Max of at least 1"
                : dim.Typical < 0 || dim.Typical > dim.Max ? FormattableString.Invariant($"has a Typical of {dim.Typical}, which is not between 1 and its Max of {dim.Max}")
                : null;
            if (problem is not null) context.Report(Descriptors.BadDim, dim.Location, dim.Name, problem);
        }
    }

    // A model may leave the declaration of its dimensions to the module that it closes.
    static HashSet<string> DimNames(INamedTypeSymbol type)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var t = type; t is not null; t = t.BaseType)
            foreach (var attribute in t.GetAttributes())
                if (KnownTypes.IsGraph(attribute.AttributeClass, KnownTypes.Dim) && attribute.ConstructorArguments is { Length: 1 } arguments && arguments[0].Value is string name) names.Add(name);
        return names;
    }

    static void Entry(BindingContext context, IMethodSymbol method, HashSet<string> dims, bool isLoss)
    {
        var at = context.At(method);
        var result = method.ReturnType;
        if (result.TypeKind == TypeKind.Error) context.Invalid(at);
        else if (isLoss && !KnownTypes.IsTensor(result)) context.Report(Descriptors.LossResult, at, method.Name, result.ToDisplayString());
        else if (!isLoss && !(KnownTypes.IsTensor(result) || (result is INamedTypeSymbol { IsTupleType: true } tuple && tuple.TupleElements.All(e => KnownTypes.IsTensor(e.Type)))))
            context.Report(Descriptors.EntryResult, at, method.Name, result.ToDisplayString());
        if (method.IsStatic) context.Report(Descriptors.EntryForm, at, method.Name, "it is static");
        if (method.IsAbstract) context.Report(Descriptors.EntryForm, at, method.Name, "it is abstract");
        foreach (var parameter in method.Parameters)
        {
            if (parameter.Type.TypeKind == TypeKind.Error) context.Invalid(context.At(parameter));
            else if (!KnownTypes.IsGraph(parameter.Type, "Tensor"))
                context.Report(Descriptors.EntryForm, context.At(parameter), method.Name, $"its parameter {parameter.Name} is no tensor");
            else if (!KnownTypes.Has(parameter, KnownTypes.Shape)) context.Report(Descriptors.NoShape, context.At(parameter), parameter.Name);
            else Shape(context, parameter, dims);
        }
    }

    static void Shape(BindingContext context, IParameterSymbol parameter, HashSet<string> dims)
    {
        if (KnownTypes.Attribute(parameter, KnownTypes.Shape) is not { ConstructorArguments: { Length: 1 } arguments } || arguments[0].Kind != TypedConstantKind.Array || arguments[0].IsNull) return;
        for (var i = 0; i < arguments[0].Values.Length; i++)
            if (arguments[0].Values[i] is { Kind: TypedConstantKind.Primitive, Value: string name } && !dims.Contains(name))
            {
                if (SyntaxFacts.IsValidIdentifier(name)) context.Report(Descriptors.UnknownDim, AttributeReader.DimAt(context, parameter, i), name, parameter.ContainingType.Name);
                else context.Report(Descriptors.BadShape, AttributeReader.DimAt(context, parameter, i), "\"" + name + "\"");
            }
    }

    static void Train(BindingContext context, INamedTypeSymbol type, IMethodSymbol method, List<IMethodSymbol> methods)
    {
        var at = context.At(method);
        if (method.ReturnType.TypeKind == TypeKind.Error) context.Invalid(at);
        else if (!method.IsStatic || method.Parameters.Length > 0 || !KnownTypes.IsModule(method.ReturnType) || !HasUpdate(method.ReturnType)) context.Report(Descriptors.TrainSignature, at, method.Name);
        var losses = methods.Where(m => KnownTypes.Has(m, KnownTypes.Loss)).Select(m => m.Name).ToList();
        var wanted = AttributeReader.Train(method);
        if (losses.Count == 0) context.Report(Descriptors.TrainWithoutLoss, at, method.Name, type.Name);
        else if (wanted?.Loss is { } loss && !losses.Contains(loss)) context.Report(Descriptors.UnknownLoss, at, method.Name, loss, type.Name);
        else if (wanted?.Loss is null && losses.Count > 1) context.Report(Descriptors.AmbiguousLoss, at, method.Name, type.Name);
        if (wanted is { ClipNorm: not (>= 0 and <= double.MaxValue) }) context.Report(Descriptors.BadTraining, at, method.Name, FormattableString.Invariant($"ClipNorm is {wanted.ClipNorm}, expected the largest norm that the gradients may have, or 0 for no clipping"));
        if (wanted is { MicroBatches: < 0 }) context.Report(Descriptors.BadTraining, at, method.Name, FormattableString.Invariant($"MicroBatches is {wanted.MicroBatches}, expected in how many equal parts a step goes through its batch, or 0 for the batch as a whole"));
        if (wanted?.MemoryBudget is { } budget && ByteSize.Parse(budget) is null) context.Report(Descriptors.BadBudget, at, method.Name, budget);
        if (wanted is not null && Precision(method, wanted, methods) is { } what) context.Report(Descriptors.BadTraining, at, method.Name, what);
    }

    // What is wrong with what it computes in; null when nothing is.
    static string? Precision(IMethodSymbol method, TrainDef train, List<IMethodSymbol> methods)
    {
        var all = train.FurtherPrecisions.Prepend(train.Precision).ToList();
        string Text(TrainDef of) => string.Join(", ", of.FurtherPrecisions.Prepend(of.Precision));
        if (all.FirstOrDefault(p => p is not (Precisions.Float32 or Precisions.Float64 or Precisions.Float16 or Precisions.BFloat16)) is { } unknown) return $"Precision {unknown} is none of Float32, Float64, Float16 and BFloat16";
        if (all.GroupBy(p => p).FirstOrDefault(g => g.Count() > 1)?.Key is { } twice) return $"Precision {twice} is named twice";
        if (all.Count > 1 && all.Contains(Precisions.Float64)) return "Float64 has other types of arguments than the other precisions, so it stands alone: make a model of its own for it";
        if (methods.FirstOrDefault(m => KnownTypes.Has(m, KnownTypes.Train)) is { } first && AttributeReader.Train(first) is { } other && (Text(other) != Text(train) || other.HasMasters != train.HasMasters || !other.WithoutMasters.Equals(train.WithoutMasters)))
            return $"{method.Name} trains in {Text(train)} and {first.Name} in {Text(other)}, but the parameters of a model have one type: give both the same Precision and Masters";
        if (train.LossScale is not (0 or -1 or (> 0 and <= 1.7e38))) return FormattableString.Invariant($"LossScale is {train.LossScale}, expected a number above 0, LossScale.Dynamic or LossScale.None");
        if (train.Moments is not ("" or Precisions.Float32 or Precisions.BFloat16))
            return $"Moments is {train.Moments}, expected Float32 or BFloat16: squares of gradients have not room enough in the range of Float16, and where they vanish a step is without bound";
        if (train.Moments == Precisions.BFloat16 && all.Contains(Precisions.Float64)) return "Moments are stored in 16 bits, but it trains in Float64";
        if (!train.HasMasters && all.FirstOrDefault(p => p != Precisions.BFloat16) is { } wide) return $"Masters is false, but it trains in {wide}: weights are stored in 16 bits alone in BFloat16 only, whose range is that of float32";
        if (train.WithoutMasters.Length > 0 && all.FirstOrDefault(p => p != Precisions.BFloat16) is { } other16) return $"WithoutMasters names parameters, but it trains in {other16}: weights are stored in 16 bits alone in BFloat16 only, whose range is that of float32";
        return train.LossScale is not (0 or 1) && all.All(p => Precisions.Narrow(p) is null) ? $"LossScale is for 16 bits, but it trains in {Text(train)}" : null;
    }

    static bool HasUpdate(ITypeSymbol type)
    {
        for (var t = type; t is not null; t = t.BaseType)
            if (t.GetMembers("Update").OfType<IMethodSymbol>().Any(m => !m.IsStatic)) return true;
        return false;
    }
}
