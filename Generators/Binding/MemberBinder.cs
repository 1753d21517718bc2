using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace Graph.Generators.Binding;

/// <summary>Binds the members of one class or record.</summary>
sealed class MemberBinder(BindingContext context, INamedTypeSymbol type)
{
    readonly TypeBinder types = new(context);

    /// <summary>True for a constructor whose parameters stand after the class's name.</summary>
    public static bool IsPrimary(IMethodSymbol constructor)
    {
        foreach (var reference in constructor.DeclaringSyntaxReferences)
            if (reference.GetSyntax() is TypeDeclarationSyntax) return true;
        return false;
    }

    /// <summary>True for members that users wrote: not the compiler's, and not this generator's (which analyzers see).</summary>
    public static bool IsUserWritten(ISymbol member) =>
        !member.IsImplicitlyDeclared && member.DeclaringSyntaxReferences.Any(reference => !GeneratedCode.IsOurs(reference.SyntaxTree));

    public EquatableArray<ConstructorDef> Constructors()
    {
        var result = new List<ConstructorDef>();
        foreach (var constructor in type.InstanceConstructors)
            if (IsUserWritten(constructor)) result.Add(Constructor(constructor));
        return new EquatableArray<ConstructorDef>(result.ToArray());
    }

    // Each member numbers its own places, its name first.
    BindingContext.Membership Within(string id) => context.Within(Compiler.Modules.Location.MemberOf(SymbolNames.FullName(type), id));

    ConstructorDef Constructor(IMethodSymbol constructor)
    {
        var id = SymbolNames.MethodId(constructor);
        using var _ = Within(id);
        var at = context.At(constructor);
        var parameters = Parameters(constructor);
        var implementation = constructor.PartialImplementationPart ?? constructor;
        if (Syntax(implementation) is not ConstructorDeclarationSyntax syntax) return new(id, true, parameters, null, null, new BlockStatement([], at), at);

        var binder = new BodyBinder(context, isConstructor: true);
        binder.Declare(constructor, implementation);
        var operation = context.Model(syntax.SyntaxTree).GetOperation(syntax, context.Cancellation) as IConstructorBodyOperation;
        var call = operation?.Initializer is { } initializer ? Call(binder, initializer) : null;
        var isThis = syntax.Initializer?.IsKind(SyntaxKind.ThisConstructorInitializer) == true;
        return new(id, false, parameters, isThis ? call : null, isThis ? null : call, binder.Body(operation, at), at);
    }

    /// <summary>What a primary constructor gives to the base class; null when it gives nothing.</summary>
    public ConstructorCall? PrimaryBaseCall()
    {
        foreach (var reference in type.DeclaringSyntaxReferences)
        {
            if (reference.GetSyntax(context.Cancellation) is not TypeDeclarationSyntax { BaseList.Types: { } bases }) continue;
            foreach (var syntax in bases)
                if (syntax is PrimaryConstructorBaseTypeSyntax && context.Model(syntax.SyntaxTree).GetOperation(syntax, context.Cancellation) is { } operation)
                    return Call(new BodyBinder(context, isConstructor: true), operation);
        }
        return null;
    }

    ConstructorCall? Call(BodyBinder binder, IOperation operation)
    {
        while (operation is IExpressionStatementOperation statement) operation = statement.Operation;
        if (operation is IInvocationOperation { TargetMethod: { } constructor } call) return new(SymbolNames.MethodId(constructor), binder.Arguments(call.Arguments), context.At(call.Syntax));
        context.Invalid(context.At(operation.Syntax));
        return null;
    }

    public EquatableArray<ParameterDef> Parameters(IMethodSymbol method) => method.Parameters.Select(Parameter).ToEquatableArray();

    ParameterDef Parameter(IParameterSymbol parameter)
    {
        var at = context.At(parameter);
        if (parameter.RefKind != RefKind.None) context.Report(Descriptors.ByReference, at, parameter.Name);
        var type = types.Bind(parameter.Type, at);
        var initial = parameter.HasExplicitDefaultValue ? new BodyBinder(context, false).Constant(parameter.Type, parameter.ExplicitDefaultValue, at) : null;
        var shape = AttributeReader.Shape(context, parameter);
        return new(parameter.Name, type, initial, shape ?? default, shape is not null, KnownTypes.Has(parameter, KnownTypes.State), at);
    }

    /// <summary>Fields and auto-properties in the order of their declarations.</summary>
    public EquatableArray<FieldDef> Fields(bool withStatic)
    {
        var result = new List<FieldDef>();
        foreach (var member in type.GetMembers())
        {
            if (!IsUserWritten(member) || (member.IsStatic && !withStatic)) continue;
            switch (member)
            {
                case IFieldSymbol { IsConst: false, AssociatedSymbol: null }:
                case IPropertySymbol { IsIndexer: false } property when KnownTypes.IsAuto(property):
                    result.Add(member.IsStatic ? Static(member) : Field(member));
                    break;
            }
        }
        return new EquatableArray<FieldDef>(result.ToArray());
    }

    /// <summary>
    /// The parameters of the primary constructor that methods use and that can hold parameters of the model, as the fields that the C# compiler makes of them.
    /// Known once the methods are bound.
    /// </summary>
    public IEnumerable<FieldDef> CapturedFields()
    {
        foreach (var parameter in type.InstanceConstructors.Where(IsPrimary).SelectMany(c => c.Parameters))
        {
            if (!context.Captured.Contains(parameter)) continue;
            using var _ = Within(parameter.Name);
            var at = context.At(parameter);
            var bound = types.Bind(parameter.Type, at);
            if (bound.MayHoldParameters) yield return new(parameter.Name, bound, new CapturedExpression(parameter.Name, at), false, at);
        }
    }

    /// <summary>A field or auto-property with its initializer.</summary>
    public FieldDef Field(ISymbol member)
    {
        using var _ = Within(member.Name);
        var at = context.At(member);
        var (memberType, isReadOnly) = member switch
        {
            IFieldSymbol field => (field.Type, field.IsReadOnly),
            IPropertySymbol property => (property.Type, property.SetMethod is null),
            _ => (null, true),
        };
        if (member.IsStatic && !isReadOnly) context.Report(Descriptors.NotReadOnly, at, member.Name);
        var bound = types.Bind(memberType, at);
        var initializer = Syntax(member) switch
        {
            VariableDeclaratorSyntax declarator => declarator.Initializer,
            PropertyDeclarationSyntax property => property.Initializer,
            _ => null,
        };
        Expression? value = null;
        if (initializer is not null)
        {
            var operation = context.Model(initializer.SyntaxTree).GetOperation(initializer, context.Cancellation);
            if (operation is ISymbolInitializerOperation { Value: { } expression }) value = new BodyBinder(context, isConstructor: true).Expression(expression);
            else context.Invalid(context.At(initializer));
        }
        return new(member.Name, bound, value, member.IsStatic, at);
    }

    /// <summary>A static field or auto-property, which has to bind only if a model reaches it.</summary>
    public FieldDef Static(ISymbol member)
    {
        using var _ = Within(member.Name);
        var at = context.At(member);
        var (field, failure) = context.Attempt(
            () =>
            {
                // Whatever it does, it may give the field another value.
                foreach (var constructor in type.StaticConstructors)
                    if (IsUserWritten(constructor)) context.Report(Descriptors.Unsupported, context.At(constructor), "a static constructor");
                return Field(member);
            },
            at, isModelling: false);
        return failure.IsEmpty && field is not null ? field : new(member.Name, TypeRef.Object, null, true, at, failure);
    }

    /// <summary>A method or function, which has to bind only if a model reaches it.</summary>
    MethodDef Optional(IMethodSymbol method, bool isModelling)
    {
        var id = SymbolNames.MethodId(method);
        using var _ = Within(id);
        var at = context.At(method.AssociatedSymbol ?? method);
        var (definition, failure) = context.Attempt(() => Method(method), at, isModelling);
        return failure.IsEmpty && definition is not null ? definition
            : new(method.Name, id, method.IsStatic, DispatchOf(method), MethodRole.None, null, [], TypeRef.Object, null, at, failure);
    }

    /// <summary>A method or function of another class, which bound code calls.</summary>
    public MethodDef Reached(IMethodSymbol method) => Optional(method, isModelling: true);

    // Code that says in its signature that it is about tensors or modules is meant for models, whether or not one reaches it yet.
    static bool IsModelling(IMethodSymbol method) => IsModelling(method.ReturnType) || method.Parameters.Any(p => IsModelling(p.Type));

    static bool IsModelling(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => IsModelling(array.ElementType),
        INamedTypeSymbol { IsTupleType: true } tuple => tuple.TupleElements.Any(e => IsModelling(e.Type)),
        _ => KnownTypes.IsTensor(type) || KnownTypes.IsModule(type),
    };

    /// <summary>Methods, operators and computed properties.</summary>
    public EquatableArray<MethodDef> Methods()
    {
        var result = new List<MethodDef>();
        foreach (var member in type.GetMembers())
        {
            if (!IsUserWritten(member)) continue;
            switch (member)
            {
                case IMethodSymbol { MethodKind: MethodKind.Ordinary or MethodKind.UserDefinedOperator or MethodKind.Conversion } method:
                    // What is called from outside has to bind, the rest if that reaches it.
                    result.Add(AttributeReader.Role(method) != MethodRole.None ? Method(method) : Optional(method, IsModelling(method)));
                    break;
                case IPropertySymbol { IsIndexer: false, GetMethod: { MethodKind: MethodKind.PropertyGet } getter } property when !KnownTypes.IsAuto(property):
                    result.Add(Optional(getter, IsModelling(getter)));
                    break;
            }
        }
        foreach (var member in type.GetMembers().OfType<IMethodSymbol>())
            if (member.ExplicitInterfaceImplementations.FirstOrDefault() is { } implemented && IsUserWritten(member) && result.All(m => m.Id != SymbolNames.MethodId(implemented)))
                result.Add(Explicit(member, implemented));
        return new EquatableArray<MethodDef>(result.ToArray());
    }

    // A call through the interface finds it under the interface's name, and says why it cannot be compiled.
    MethodDef Explicit(IMethodSymbol method, IMethodSymbol implemented)
    {
        using var _ = Within(method.Name);
        var at = context.At(method);
        var reason = new DiagnosticInfo(Descriptors.Unsupported.Id, at, ["an explicit interface implementation"]);
        return new(implemented.Name, SymbolNames.MethodId(implemented), false, Dispatch.Direct, MethodRole.None, null, [], TypeRef.Object, null, at, [new Reason(reason.Id, reason.Message, at)]);
    }

    static Dispatch DispatchOf(IMethodSymbol method) =>
        method.IsAbstract ? Dispatch.Abstract : method.IsOverride ? Dispatch.Override : method.IsVirtual ? Dispatch.Virtual : Dispatch.Direct;

    /// <summary>A method, function or getter with its body.</summary>
    public MethodDef Method(IMethodSymbol method)
    {
        var id = SymbolNames.MethodId(method);
        using var _ = Within(id);
        var at = context.At(method.AssociatedSymbol ?? method);
        if (method.IsGenericMethod) context.ReportOnce(method, Descriptors.Generic, at, method.Name);
        if (method.IsAsync) context.Report(Descriptors.Unsupported, at, "async");
        if (method.ReturnsByRef || method.ReturnsByRefReadonly) context.Report(Descriptors.ByReference, at, method.Name);
        var parameters = Parameters(method);
        var returns = types.Bind(method.ReturnType, at);
        return new(
            method.Name, id, method.IsStatic, DispatchOf(method), AttributeReader.Role(method), AttributeReader.Train(method), parameters, returns, method.IsAbstract ? null : Body(method, at), at)
        {
            IsTraining = AttributeReader.IsTraining(method),
            IsExact = AttributeReader.IsExact(method),
        };
    }

    BlockStatement Body(IMethodSymbol method, Compiler.Modules.Location at)
    {
        var binder = new BodyBinder(context, isConstructor: false);
        var implementation = method.PartialImplementationPart ?? method;
        binder.Declare(method, implementation);
        var syntax = Syntax(implementation);
        // A property with an expression body has its getter there; operations hang on the arrow.
        if (syntax is PropertyDeclarationSyntax { ExpressionBody: { } arrow }) syntax = arrow;
        if (syntax is null)
        {
            context.Invalid(at);
            return new([], at);
        }
        return binder.Body(context.Model(syntax.SyntaxTree).GetOperation(syntax, context.Cancellation), at);
    }

    SyntaxNode? Syntax(ISymbol symbol)
    {
        foreach (var reference in symbol.DeclaringSyntaxReferences)
            if (!GeneratedCode.IsOurs(reference.SyntaxTree)) return reference.GetSyntax(context.Cancellation);
        return null;
    }
}
