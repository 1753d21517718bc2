using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Modules.Elaboration;

namespace Graph;

/// <summary>What stands in a parameter's place: a module (<see cref="ModuleAttribute"/>) that computes from the parameter's numbers, and from parameters of its own, what the module that holds the parameter reads.</summary>
public interface IParametrization
{
    /// <summary>What is read instead of the parameter: of its shape.</summary>
    /// <param name="value">The parameter's own numbers.</param>
    Tensor Forward(Tensor value);
}

/// <summary>
/// Puts something in a parameter's place inside of modules that are not changed: low-rank adaptation, weight normalization, masks. The parameter keeps its name and its numbers, in the model and in files; whoever reads it reads what
/// the parametrization makes of them.
/// </summary>
/// <remarks>As torch.nn.utils.parametrize, for all parameters that fit a pattern.</remarks>
public static class Parametrize
{
    /// <summary>Puts a parametrization in the place of each parameter of a module that fits a pattern, and gives the module.</summary>
    /// <param name="module">The module; in its own constructor, <c>this</c>.</param>
    /// <param name="pattern">
    /// Paths below the module: <c>head.weight</c> is one parameter, <c>head</c> all of that module, <c>*</c> any part of a name, <c>**</c> any number of names: <c>"blocks.*.attention.weight"</c>. Those of parametrizations do not
    /// count.
    /// </param>
    /// <param name="make">Makes the parametrization of a parameter.</param>
    /// <param name="name">
    /// What its own parameters are under, below the parameter: <c>blocks.0.attention.weight.lora.a</c> for <c>lora</c>. The class's name with a small letter when left out.
    /// </param>
    /// <returns>The module. A parameter that has a parametrization gets another one behind it.</returns>
    /// <exception cref="ArgumentException">No parameter fits. In a model that is an error under the pattern.</exception>
    public static T Register<T>(T module, string pattern, Func<Parameter, IParametrization> make, string? name = null)
        where T : class
    {
        if (make is null) throw new ArgumentNullException(nameof(make));
        if (module is not IModule of) throw new ArgumentException($"{module?.GetType().ToString() ?? "null"} is no module.", nameof(module));
        var found = new Parameters(new ParameterPattern(pattern ?? throw new ArgumentNullException(nameof(pattern))));
        of.Visit(found, "");
        if (found.Fitting.Count == 0)
            throw new ArgumentException($"No parameter of {module.GetType().Name} fits {pattern}; it has {string.Join(", ", found.All.Take(8))}{(found.All.Count > 8 ? ", …" : "")}.", nameof(pattern));
        foreach (var parameter in found.Fitting)
        {
            var made = make(parameter) ?? throw new ArgumentException("A parametrization is null.", nameof(make));
            parameter.Substitutes = [.. parameter.Substitutes ?? [], new(name ?? NameOf(made.GetType().Name), made)];
        }
        return module;
    }

    // As the compiler names it: the class without its namespace.
    internal static string NameOf(string type) => char.ToLowerInvariant(type[0]) + type.Substring(1);

    sealed class Parameters(ParameterPattern pattern) : IModuleVisitor
    {
        readonly HashSet<object> seen = [];

        public List<string> All { get; } = [];

        public List<Parameter> Fitting { get; } = [];

        public bool Enter(string path, IModule module) => module is not IParametrization && seen.Add(module);

        public void Visit(string path, Parameter parameter)
        {
            if (!seen.Add(parameter)) return;
            All.Add(path);
            if (pattern.Fits(path)) Fitting.Add(parameter);
        }

        public void Visit(string path, State state)
        {
        }
    }
}

/// <summary>What stands in a parameter's place.</summary>
/// <param name="Name">What its own parameters are under, below the parameter.</param>
/// <param name="Module">What computes it.</param>
sealed record Substitute(string Name, IParametrization Module);
