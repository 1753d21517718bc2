using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Reflection;
using Graph.Compiler.Modules.Elaboration;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Diagnostics;

/// <summary>Every diagnostic. Each has a page of its ID in <c>docs/diagnostics</c>.</summary>
/// <remarks>
/// GR0xxx: the generator itself. GR1xxx: what the modelling language takes. GR2xxx: shapes and element types. GR3xxx: entries,
/// losses and training.
/// </remarks>
public static class Descriptors
{
    /// <summary>Where the pages are: the repository's address, which the build writes into the assembly.</summary>
    static string HelpFolder { get; } = typeof(Descriptors).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(a => a.Key == nameof(HelpFolder)).Value!;

    const string Generator = "Graph.Generator";
    const string Language = "Graph.Language";
    const string Shapes = "Graph.Shapes";
    const string Training = "Graph.Training";

    public static readonly DiagnosticDescriptor InternalError = Error("GR0001", Generator, "The compiler has a defect", "{0} could not be compiled because of a defect in the model compiler: {1}");
    public static readonly DiagnosticDescriptor UnreadableDefinition = Error("GR0002", Generator, "A referenced module cannot be read", "The definition of module {0} in {1} cannot be read: {2}. Build {1} and this project with the same version of Graph.");
    public static readonly DiagnosticDescriptor MissingDefinition = Error("GR0003", Generator, "A referenced module has no definition", "Module {0} needs {1}, but no referenced assembly holds its definition. Was the assembly built without the Graph generator?");

    public static readonly DiagnosticDescriptor BadBudget = Error("GR2121", Shapes, "Not a number of bytes", "The memory budget of {0} is \"{1}\", expected a number of bytes with a unit, such as 4GB or 512 MiB");
    public static readonly DiagnosticDescriptor UnknownTarget = Error("GR2070", Generator, "There is no such target", "{0} cannot be compiled for {1}, which the project names in GraphTargets: no target has this name. Those that there are: {2}.");

    public static readonly DiagnosticDescriptor NotPartial = Error("GR1001", Language, "A module must be partial", "{0} must be declared partial, because code is generated into it");
    public static readonly DiagnosticDescriptor Unsupported = Error("GR1002", Language, "Not part of the modelling language", "{0} is not part of the modelling language");
    public static readonly DiagnosticDescriptor UnsupportedCall = Error("GR1003", Language, "The method cannot be called while a model is compiled", "{0} cannot be called in a module: neither its body nor a rule for it is known to the compiler");
    public static readonly DiagnosticDescriptor NotClosed = Error("GR1004", Language, "A model needs every hyper-parameter", "Model {0} cannot be compiled: its constructor parameter {1} has no default value. Give it one, or derive a model from a [Module] with arguments.");
    public static readonly DiagnosticDescriptor BaseNotModule = Error("GR1005", Language, "The base class is no module", "{0} derives from {1}, which is not marked [Module]");
    public static readonly DiagnosticDescriptor UnsupportedType = Error("GR1006", Language, "Not a type of the modelling language", "{0} is not a type of the modelling language");
    public static readonly DiagnosticDescriptor Generic = Error("GR1007", Language, "Modules and their methods cannot be generic", "{0} is generic; the modelling language has no type parameters");
    public static readonly DiagnosticDescriptor ContainerNotPartial = Error("GR1008", Language, "The class around a module must be partial", "{0} must be declared partial, because the module {1} inside it is extended by generated code");
    public static readonly DiagnosticDescriptor ByReference = Error("GR1009", Language, "Nothing is passed by reference", "{0} is passed by reference; return a tuple instead");
    public static readonly DiagnosticDescriptor NotAnOperation = Error("GR1010", Language, "Not an operation", "{0} is not an operation of the compiler, so it has no place in a graph{1}");
    public static readonly DiagnosticDescriptor NotReadOnly = Error("GR1020", Language, "A static field must be read-only", "The static field {0} can change while the program runs, so a model cannot be compiled from it; declare it readonly or const");
    public static readonly DiagnosticDescriptor NoBody = Error("GR1021", Language, "The function's body is in another assembly", "The body of {0} is in assembly {1} and not published; mark its static class [Module] there");
    public static readonly DiagnosticDescriptor BadShape = Error("GR1013", Language, "Not a dimension", "A dimension in [Shape] is a size of at least 1 or the name of a dimension, but {0} is neither");
    public static readonly DiagnosticDescriptor UnknownDim = Error("GR1014", Language, "The dimension is not declared", "The dimension \"{0}\" is not declared; add [Dim(\"{0}\", Max = …)] to {1}");
    public static readonly DiagnosticDescriptor BadDim = Error("GR1015", Language, "The dimension's bounds make no sense", "The dimension \"{0}\" {1}");
    public static readonly DiagnosticDescriptor TooDeep = Error("GR1016", Language, "The code is nested too deeply", "{0} is nested too deeply to be compiled");
    public static readonly DiagnosticDescriptor NoShape = Error("GR1017", Language, "An argument needs a shape", "The tensor {0} comes from outside of the model and needs a [Shape]");
    public static readonly DiagnosticDescriptor AssignedLate = Error("GR1018", Language, "Fields are set while constructing", "{0} is assigned outside of a constructor; a module does not change after it is made (running statistics are a State)");
    public static readonly DiagnosticDescriptor NotMarked = Error("GR1019", Language, "A class with parameters must be a module", "{0} is used by a module and holds parameters or modules, but is not marked [Module]");

    /// <summary>What C# is believed to report itself. The analyzer reports it where C# finds no error once generated code is there.</summary>
    public static readonly DiagnosticDescriptor NoMeaning = Error("GR1060", Language, "C# gives this code no meaning while models are compiled", "C# gives this code no meaning while models are compiled: it has an error, or uses members that are generated from models (such as Create, or an entry that takes spans); use those outside of what entries, losses and constructors reach");
    public static readonly DiagnosticDescriptor NotMade = Error("GR1061", Language, "A model is made without arguments", "{0} cannot be made by its Create: {1}");
    public static readonly DiagnosticDescriptor NameClash = Error("GR1025", Language, "A generated member has this name", "{0} has the name of a member that is generated into {1}, {2}; rename it");

    public static readonly DiagnosticDescriptor TrainWithoutLoss = Error("GR3001", Training, "There is nothing to train", "{0} returns an optimizer, but {1} has no method marked [Loss]");
    public static readonly DiagnosticDescriptor LossResult = Error("GR3002", Training, "A loss returns a tensor", "The loss {0} returns {1}, but a loss returns a Tensor with one element");
    public static readonly DiagnosticDescriptor TrainSignature = Error("GR3003", Training, "The optimizer's method has the wrong form", "{0} is marked [Train], so it must be static, have no parameters, and return a module with a method Update");
    public static readonly DiagnosticDescriptor AmbiguousLoss = Error("GR3004", Training, "Which loss is trained?", "{1} has several losses; say which one {0} makes small: [Train(Loss = nameof(…))]");
    public static readonly DiagnosticDescriptor EntryResult = Error("GR3005", Training, "An entry returns tensors", "The entry {0} returns {1}, but an entry returns a Tensor or a tuple of tensors");
    public static readonly DiagnosticDescriptor UnknownLoss = Error("GR3006", Training, "There is no such loss", "{0} names the loss {1}, but {2} has no method of that name marked [Loss]");
    public static readonly DiagnosticDescriptor OutsideModel = Error("GR3007", Training, "Only models have entries, losses and optimizers", "{0} is marked [{1}], but {2} is not marked [Model], so nothing is generated for it");
    public static readonly DiagnosticDescriptor EntryForm = Error("GR3008", Training, "An entry or loss is an instance method with tensor parameters", "{0} cannot be called on a model: {1}");
    public static readonly DiagnosticDescriptor BadTraining = Error("GR3009", Training, "The training setting makes no sense", "{0}: {1}");
    public static readonly DiagnosticDescriptor TwoRoles = Error("GR3011", Training, "A method has one role", "{0} is marked [{1}] and [{2}], but a method has one role; write a second method that calls the first");

    static readonly ImmutableArray<DiagnosticDescriptor> Written =
    [
        InternalError, UnreadableDefinition, MissingDefinition, UnknownTarget, BadBudget,
        NotPartial, Unsupported, UnsupportedCall, NotClosed, BaseNotModule, UnsupportedType, Generic, ContainerNotPartial, ByReference, NotAnOperation,
        BadShape, UnknownDim, BadDim, TooDeep, NoShape, AssignedLate, NotMarked, NotReadOnly, NoBody, NameClash, NoMeaning, NotMade,
        TrainWithoutLoss, LossResult, TrainSignature, AmbiguousLoss, EntryResult, UnknownLoss, OutsideModel, EntryForm, BadTraining, TwoRoles,
    ];

    // What the compiler finds without knowing Roslyn brings its whole message; some of it is what binding finds in source too.
    static readonly Dictionary<string, DiagnosticDescriptor> Messages = Operations.Diagnostics.All.Concat(DiagnosticIds.All).Concat(Written.Select(w => (w.Id, Title: w.Title.ToString(CultureInfo.InvariantCulture))))
        .GroupBy(item => item.Id, StringComparer.Ordinal)
        .ToDictionary(group => group.Key, group => (DiagnosticIds.Warnings.Contains(group.Key) ? Warning : DiagnosticIds.Hints.Contains(group.Key) ? Info : (Maker)Error)(group.Key, Category(group.Key), group.First().Title, "{0}"), StringComparer.Ordinal);

    /// <summary>One for each ID, in order.</summary>
    public static readonly ImmutableArray<DiagnosticDescriptor> All =
        [.. Written.Concat(Messages.Values.Where(m => Written.All(w => w.Id != m.Id))).OrderBy(d => d.Id, StringComparer.Ordinal)];

    static readonly Dictionary<string, DiagnosticDescriptor> ById = Written.ToDictionary(d => d.Id, StringComparer.Ordinal);

    /// <summary>The descriptor of what binding reports.</summary>
    public static DiagnosticDescriptor Find(string id) => ById.TryGetValue(id, out var descriptor) ? descriptor : Whole(id);

    /// <summary>The descriptor of what comes with its whole message; that of a defect for an ID that nobody announced.</summary>
    public static DiagnosticDescriptor Whole(string id) =>
        Messages.TryGetValue(id, out var descriptor) ? descriptor : Messages[DiagnosticIds.Internal];

    static string Category(string id) => id[2] switch { '0' => Generator, '1' => Language, '2' => Shapes, _ => Training };

    static DiagnosticDescriptor Error(string id, string category, string title, string message) =>
        new(id, title, message, category, DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: HelpFolder + id + ".md", customTags: WellKnownDiagnosticTags.NotConfigurable);

    static DiagnosticDescriptor Warning(string id, string category, string title, string message) =>
        new(id, title, message, category, DiagnosticSeverity.Warning, isEnabledByDefault: true, helpLinkUri: HelpFolder + id + ".md");

    static DiagnosticDescriptor Info(string id, string category, string title, string message) =>
        new(id, title, message, category, DiagnosticSeverity.Info, isEnabledByDefault: true, helpLinkUri: HelpFolder + id + ".md");

    delegate DiagnosticDescriptor Maker(string id, string category, string title, string message);
}
