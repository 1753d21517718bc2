using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary><c>Parametrize.Register</c>: modules that stand in the place of parameters of modules that do not know of them.</summary>
sealed partial class Evaluator
{
    // Parameters whose substitutes are being computed.
    readonly HashSet<Handle> substituting = [];

    object Register(object?[] arguments, LibraryCallExpression call)
    {
        if (arguments[0] is not Instance { Type.IsModule: true } module) throw Fail(DiagnosticIds.Unsupported, call.Location, $"Parametrize.Register goes through the parameters of a module, but is given {Describe(arguments[0])}.");
        if (arguments[1] is not string text) throw WouldThrow(call.Arguments[1].Location, "The pattern is null.");
        if (function is not null) throw Fail(DiagnosticIds.MutatedModule, call.Location, "Parametrize.Register is called where a function of the model is computed. What stands in a parameter's place is said once: in a constructor or a field.");
        var (pattern, parameters) = (new ParameterPattern(text), ParametersOf(module, "", []).ToList());
        var fitting = parameters.Where(p => pattern.Fits(p.Path)).ToList();
        if (fitting.Count == 0)
        {
            var known = ParameterPattern.Known(parameters.Select(p => p.Path)).Take(9).ToList();
            throw Fail(DiagnosticIds.NothingParametrized, call.Arguments[1].Location,
                $"\"{text}\" fits no parameter of {module.Type.ShortName}, which has {(known.Count == 0 ? "none" : string.Join(", ", known.Take(8)) + (known.Count > 8 ? ", …" : ""))}.");
        }
        foreach (var (path, handle) in fitting)
        {
            if (Invoke(arguments[2], [handle], call.Arguments[2].Location) is not Instance { Type.IsModule: true } made)
                throw Fail(DiagnosticIds.Parametrization, call.Arguments[2].Location, $"What stands in the place of {path} is no module: mark its class [Module].");
            var forward = definitions.Chain(made.Type.Name).SelectMany(c => c.Methods).FirstOrDefault(m => m.Name == "Forward" && m.Parameters.Count == 1 && !m.IsStatic)
                ?? throw Fail(DiagnosticIds.Missing, call.Arguments[2].Location, $"{made.Type.ShortName} has no method Forward(Tensor).");
            handle.Substitutes.Add(new(arguments[3] as string ?? char.ToLowerInvariant(made.Type.ShortName[0]) + made.Type.ShortName.Substring(1), made, forward.Id, Own(call.Location)));
        }
        return module;
    }

    // As StateWalk goes through them, but before the model is complete, and without those of what stands in the place of others.
    IEnumerable<(string Path, Handle Handle)> ParametersOf(object? value, string path, HashSet<object> seen)
    {
        switch (value)
        {
            case Handle { Kind: Ir.StateKind.Parameter } handle when seen.Add(handle):
                yield return (path, handle);
                break;
            case Instance { Type.IsModule: true } module when seen.Add(module):
                foreach (var type in definitions.Chain(module.Type.Name).Reverse())
                    foreach (var field in type.Fields)
                        if (!field.IsStatic && module[type.Name, field.Name] is var held)
                            foreach (var found in ParametersOf(held, StateWalk.Join(path, held is Handle { Name: { } name } ? name : field.PathSegment), seen)) yield return found;
                break;
            case ArrayValue or ListValue or TupleValue:
                var items = value is ArrayValue array ? array.Items : value is ListValue list ? list.Items : (IReadOnlyList<object?>)((TupleValue)value).Items;
                for (var i = 0; i < items.Count; i++)
                    foreach (var found in ParametersOf(items[i], StateWalk.Join(path, i.ToString(CultureInfo.InvariantCulture)), seen)) yield return found;
                break;
        }
    }

    /// <summary>
    /// Computes what stands in the place of parameters at the beginning of the function that is built, where it is part of no call: so that methods which are called often become one function whatever stands there, and what follows from
    /// the weights alone can be taken out. What the function does not read goes with all that is not read.
    /// </summary>
    public void Substitute()
    {
        foreach (var handle in Handles.Values)
            if (handle.Substitutes.Count > 0) Read(function!, handle, handle.Substitutes[0].Location);
    }

    /// <summary>What reads of a parameter or state see: itself, or what stands in its place, which is computed once in a function, outside of its loops and branches.</summary>
    Ir.Value Read(FunctionBuild at, Handle handle, Location location)
    {
        if (handle.Substitutes.Count == 0) return at.Read(handle);
        var whole = at;
        while (whole is BodyBuild body) whole = body.Around;
        if (!whole.Substituted.TryGetValue(handle, out var value))
        {
            if (!substituting.Add(handle)) throw Fail(DiagnosticIds.Parametrization, location, $"What stands in the place of {handle.Path} reads it, and so itself. Use the argument of Forward: that is the parameter's own numbers.");
            var around = function;
            function = whole;
            try
            {
                value = whole.Read(handle);
                foreach (var substitute in handle.Substitutes)
                {
                    value = Tensor(Call(substitute.Module, substitute.Module.Type.Name, substitute.Forward, true, [value], substitute.Location), substitute.Location);
                    if (value.Shape != handle.Type.Shape || value.DType != handle.Type.DType)
                        throw Fail(DiagnosticIds.Parametrization, substitute.Location, $"{substitute.Module.Type.ShortName} gives {value.Type} for {handle.Path}, which is {handle.Type}: what stands in a parameter's place has its shape and type.");
                }
            }
            finally
            {
                function = around;
                substituting.Remove(handle);
            }
            whole.Substituted[handle] = value;
        }
        whole.Note(handle, value, isWritten: false);
        return at.Own(value);
    }
}
