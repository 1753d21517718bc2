using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

sealed partial class Evaluator
{
    object? Call(CallExpression call, Scope scope)
    {
        var target = Object(Evaluate(call.Target, scope), call.Target.Location);
        return Call(target, call.Owner, call.Method, call.IsVirtual, Evaluate(call.Arguments, scope), call.Location);
    }

    object? Call(Instance target, string owner, string id, bool isVirtual, object?[] arguments, Location location)
    {
        if (definitions.Method(isVirtual ? target.Type.Name : owner, id) is not var (method, type))
        {
            // What an interface or a base class declares as a property may be a field where it is implemented.
            if (id.StartsWith("get_", StringComparison.Ordinal) && arguments.Length == 0 && definitions.Chain(target.Type.Name).FirstOrDefault(c => target.Has(c.Name, Property(id))) is { } holder)
                return target[holder.Name, Property(id)];
            throw Unknown(owner, id, location);
        }
        return Call(method, target, type.Name, type.IsOwn, arguments, location);
    }

    static string Property(string getter) => getter.Substring(4, getter.Length - 6);

    // A record's methods are published with the modules that call them, so one of another assembly can be without the method that is asked for.
    ElaborationException Unknown(string owner, string id, Location location) => Fail(DiagnosticIds.Missing, location, definitions.Class(owner) is { IsModule: false, IsOwn: false }
        ? $"The body of {DefinitionName.FullName(owner)}.{id} is in another assembly and not published, because no module there uses it. Use it in a module of that assembly, or compute the value here."
        : $"The definition of {DefinitionName.FullName(owner)}.{id} is not known. Was its assembly built with the Graph generator?");

    /// <summary>Calls a method with a body.</summary>
    public object? Call(MethodDef method, Instance? self, string className, bool isOwn, object?[] arguments, Location location)
    {
        if (!method.Failure.IsEmpty) throw Unbound($"{Short(className)}.{method.Name}", method.Failure, isOwn, location);
        if (method.Body is null) throw Fail(DiagnosticIds.Missing, location, $"{DefinitionName.FullName(className)}.{method.Name} has no body.");
        if (arguments.Length != method.Parameters.Count)
            throw Fail(DiagnosticIds.Missing, location, $"{DefinitionName.FullName(className)}.{method.Id} takes {method.Parameters.Count} arguments, but is given {arguments.Length}.");
        var scope = new Scope(null);
        for (var i = 0; i < arguments.Length; i++) scope.Declare(method.Parameters[i].Name, arguments[i]);
        var name = Short(className) + "." + method.Name;
        var build = function;
        var remembering = Remembering(self);
        if (remembering is not null && TryRepeat(remembering, (className, method.Id), name, self!, isOwn, arguments, location, out var repeated)) return repeated;
        var before = build is null ? default : TracesOf(build);
        var result = Call(name, self, className, isOwn, method.Body, scope, location);
        if (self is null || build is null || build.Builder.Nodes.Count == before.First) return result;
        var call = new MethodCall(name, self.Path ?? frame.Path, Own(location), before.First, build.Builder.Nodes.Count);
        if (remembering is not null) Record(remembering, (className, method.Id), self, arguments, call, before, result);
        build.Calls.Add(call);
        return result;
    }

    /// <summary>A member that does not bind is reported where the model reaches it, with the reasons; in the model's own assembly the reasons are errors at their own places too.</summary>
    ElaborationException Unbound(string member, EquatableArray<Reason> reasons, bool isOwn, Location location)
    {
        if (isOwn)
            foreach (var reason in reasons) Reached.Add(new(reason.Id, reason.Location, reason.Message));
        // What C# most likely reports itself stays with C#.
        var id = reasons.All(r => r.Id == DiagnosticIds.NoMeaning) ? DiagnosticIds.NoMeaning : DiagnosticIds.NotBound;
        return Fail(id, location, $"{member} cannot be compiled into a model: {string.Join("; ", reasons.Select(r => $"{r.Message.TrimEnd('.')} ({r.Location})"))}.");
    }

    /// <summary>The mistakes in members that do not have to bind, but were reached.</summary>
    public List<GraphDiagnostic> Reached { get; } = [];

    object? Call(FunctionCallExpression call, Scope scope) => Call(call.Owner, call.Method, Evaluate(call.Arguments, scope), call.Location);

    object? Call(string owner, string id, object?[] arguments, Location location)
    {
        if (definitions.Function(owner, id) is not var (method, isOwn))
            throw Unknown(owner, id, location);
        return Call(method, null, owner, isOwn, arguments, location);
    }

    object? Call(LocalCallExpression call, Scope scope) =>
        Invoke(scope.Function(call.Function) ?? throw Fail(DiagnosticIds.Missing, call.Location, $"The local function {call.Function} is not known here."), Evaluate(call.Arguments, scope), call.Location);

    /// <summary>Calls a value.</summary>
    object? Invoke(object? function, object?[] arguments, Location location)
    {
        switch (function)
        {
            case Closure closure:
                if (closure.Parameters.Count != arguments.Length)
                    throw Fail(DiagnosticIds.Missing, location, $"{closure.Name} takes {closure.Parameters.Count} arguments, but is given {arguments.Length}.");
                var scope = new Scope(closure.Scope);
                for (var i = 0; i < arguments.Length; i++) scope.Declare(closure.Parameters[i], arguments[i]);
                return Call(closure.Name, closure.Frame.This, closure.Frame.Class, closure.Frame.IsOwn, closure.Body, scope, location);
            case MethodValue { Target: null } method:
                return Call(method.Owner, method.Method, arguments, location);
            case MethodValue method:
                return Call(Object(method.Target, location), method.Owner, method.Method, method.IsVirtual, arguments, location);
            case null:
                throw WouldThrow(location, "The function is null.");
            default:
                throw Fail(DiagnosticIds.Unsupported, location, $"{Describe(function)} cannot be called.");
        }
    }
}
