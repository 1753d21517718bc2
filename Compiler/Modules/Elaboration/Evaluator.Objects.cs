using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>Construction and fields of modules and records.</summary>
sealed partial class Evaluator
{
    readonly Dictionary<(string, string), object?> statics = [];
    readonly HashSet<(string, string)> staticsInProgress = [];

    Instance Object(object? value, Location location) => value switch
    {
        Instance instance => instance,
        null => throw WouldThrow(location, "The object is null."),
        _ => throw Fail(DiagnosticIds.Unsupported, location, $"{Describe(value)} has no members that can be used while a model is compiled."),
    };

    object? Read(FieldExpression field, Scope scope) => Read(Object(Evaluate(field.Target, scope), field.Location), field);

    object? Read(Instance instance, FieldExpression field) => instance.Has(field.Owner, field.Field) ? Sound(instance[field.Owner, field.Field])
        : throw Fail(DiagnosticIds.Missing, field.Location, $"{instance.Type.ShortName} has no field {field.Field} declared in {DefinitionName.FullName(field.Owner)}.");

    void Write(Instance instance, FieldExpression field, object? value)
    {
        if (instance.Type.IsModule && !instance.IsOpen)
            throw Fail(DiagnosticIds.MutatedModule, field.Location,
                $"The field {field.Field} of {instance.Type.ShortName} is assigned after the module was made. A module does not change: keep what changes while training in a State and call Assign.");
        Changing(instance)[field.Owner, field.Field] = value;
    }

    object? Captured(CapturedExpression captured) =>
        frame.This is { } self && self.Captured.TryGetValue((frame.Class, captured.Name), out var value) ? value
            : throw Fail(DiagnosticIds.Missing, captured.Location, $"The constructor parameter {captured.Name} of {Short(frame.Class)} has no value here.");

    object? Static(StaticFieldExpression field)
    {
        var key = (field.Owner, field.Field);
        if (statics.TryGetValue(key, out var known)) return Sound(known);
        if (definitions.Static(field.Owner, field.Field) is not var (definition, isOwn))
            throw Fail(DiagnosticIds.Missing, field.Location, $"The definition of the static field {DefinitionName.FullName(field.Owner)}.{field.Field} is not known.");
        if (!definition.Failure.IsEmpty) throw Unbound($"{Short(field.Owner)}.{field.Field}", definition.Failure, isOwn, field.Location);
        if (!staticsInProgress.Add(key)) return Default(definition.Type);
        var caller = frame;
        Push(new(Short(field.Owner) + "." + field.Field, null, field.Owner, isOwn, field.Location, caller));
        try
        {
            var value = definition.Initializer is null ? Default(definition.Type) : Evaluate(definition.Initializer, new Scope(null));
            statics[key] = value;
            return value;
        }
        catch (Exception failure) when (GoesOn(failure))
        {
            Keep(failure);
            statics[key] = Poison.Value;
            throw new PoisonedException();
        }
        finally
        {
            frame = caller;
            staticsInProgress.Remove(key);
        }
    }

    static string Short(string name) => DefinitionName.Short(name);

    object New(NewExpression creation, Scope scope)
    {
        var arguments = Evaluate(creation.Arguments, scope);
        var instance = Construct(creation.Type.Name, creation.Constructor, arguments, creation.Location);
        foreach (var member in creation.Members) instance[member.Owner, member.Member] = TryEvaluate(member.Value, scope, out var value) ? value : Poison.Value;
        instance.IsOpen = false;
        return instance;
    }

    object With(WithExpression with, Scope scope)
    {
        var copy = Object(Evaluate(with.Value, scope), with.Location).Copy();
        foreach (var member in with.Members) copy[member.Owner, member.Member] = Evaluate(member.Value, scope);
        copy.IsOpen = false;
        return copy;
    }

    /// <summary>Makes a module or record; it stays open for an object initializer.</summary>
    public Instance Construct(string className, string constructor, object?[] arguments, Location location)
    {
        var type = definitions.Class(className)
            ?? throw Fail(DiagnosticIds.Missing, location, $"The definition of {DefinitionName.FullName(className)} is not known. Was its assembly built with the Graph generator?");
        if (!type.Failure.IsEmpty) throw Unbound(type.ShortName, type.Failure, type.IsOwn, location);
        var instance = new Instance(type) { Arguments = arguments, Constructor = constructor, Location = Own(location) };
        foreach (var ancestor in definitions.Chain(className))
            foreach (var field in ancestor.Fields)
                if (!field.IsStatic) instance[ancestor.Name, field.Name] = Default(field.Type);
        Construct(instance, type, constructor, arguments, location);
        return instance;
    }

    /// <summary>A module made again with another argument, to see what its parameters would be; null when its constructor refuses that.</summary>
    public Instance? Again(Instance instance, int position, long argument)
    {
        var arguments = (object?[])instance.Arguments.Clone();
        arguments[position] = Numbers.Convert(argument, Numbers.KindOf(arguments[position]), isChecked: false);
        var (steps, place, result, maker, spent) = (this.steps, this.place, returned, function, givenUp);
        var (reached, kept) = (Reached.Count, mistakes.Count);
        try
        {
            // Constructors compute no tensors.
            function = null;
            var other = Construct(instance.Type.Name, instance.Constructor, arguments, instance.Location);
            return mistakes.Count == kept ? other : null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return null;
        }
        finally
        {
            (this.steps, this.place, returned, function, givenUp) = (steps, place, result, maker, spent);
            Reached.RemoveRange(reached, Reached.Count - reached);
            mistakes.RemoveRange(kept, mistakes.Count - kept);
        }
    }

    void Construct(Instance instance, ClassDef type, string id, object?[] arguments, Location location)
    {
        var constructor = type.Constructors.FirstOrDefault(c => c.Id == id);
        if (constructor is null && (type.Constructors.Count > 0 || arguments.Length > 0))
            throw Fail(DiagnosticIds.Missing, location, $"{DefinitionName.FullName(type.Name)} has no constructor {id} that is known here. Build its assembly and this one from the same sources.");
        if (constructor is not null && constructor.Parameters.Count != arguments.Length)
            throw Fail(DiagnosticIds.Missing, location, $"The constructor {id} of {DefinitionName.FullName(type.Name)} takes {constructor.Parameters.Count} arguments, but is given {arguments.Length}.");
        var caller = frame;
        Push(new("new " + type.ShortName, instance, type.Name, type.IsOwn, location, caller));
        try
        {
            var scope = new Scope(null);
            for (var i = 0; i < arguments.Length; i++)
            {
                scope.Declare(constructor!.Parameters[i].Name, arguments[i]);
                if (constructor.IsPrimary) instance.Captured[(type.Name, constructor.Parameters[i].Name)] = arguments[i];
                if (constructor.IsPrimary && type.IsPositional) instance[type.Name, constructor.Parameters[i].Name] = arguments[i];
            }
            if (constructor?.ThisCall is { } chained)
                Construct(instance, type, chained.Constructor, Evaluate(chained.Arguments, scope), chained.Location);
            else
            {
                foreach (var field in type.Fields)
                    if (!field.IsStatic && field.Initializer is not null) instance[type.Name, field.Name] = TryEvaluate(field.Initializer, new Scope(scope), out var value) ? value : Poison.Value;
                ConstructBase(instance, type, constructor?.BaseCall ?? type.BaseCall, scope, constructor?.Location ?? location);
            }
            if (constructor is not null)
            {
                returned = null;
                Execute(constructor.Body, scope);
            }
        }
        catch (ElaborationException thrown) when (thrown.Diagnostic.Id == DiagnosticIds.Thrown)
        {
            Keep(thrown);
            throw new PoisonedException();
        }
        finally
        {
            frame = caller;
        }
    }

    void ConstructBase(Instance instance, ClassDef type, ConstructorCall? call, Scope scope, Location location)
    {
        if (type.Base is null) return;
        var parent = definitions.Class(type.Base)
            ?? throw Fail(DiagnosticIds.Missing, location, $"The definition of {DefinitionName.FullName(type.Base)}, the base of {type.ShortName}, is not known. Was its assembly built with the Graph generator?");
        if (call is not null) Construct(instance, parent, call.Constructor, Evaluate(call.Arguments, scope), call.Location);
        else Construct(instance, parent, parent.Constructors.FirstOrDefault(c => c.Parameters.Count == 0)?.Id ?? ".ctor()", [], location);
    }
}
