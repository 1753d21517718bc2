using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Parameters;

/// <summary>The weights of a model without its parametrizations: what stands in a parameter's place under the parameter's name, and nothing of what it was computed from.</summary>
static class MergedWeights
{
    /// <summary>A store of its own with these weights, all of one version. Nobody trains the model meanwhile.</summary>
    /// <param name="store">The model's.</param>
    /// <param name="module">The model.</param>
    public static ParameterStore Of(ParameterStore store, IModule module)
    {
        var parametrized = new Parametrized();
        module.Visit(parametrized, "");
        var merged = new ParameterStore([.. store.Declarations.Where(d => d.Kind.IsWeight() && !parametrized.Holds(d.Path)).Select(d => d with { Init = InitSpec.Zeros })], store.Seed);
        for (long version = store.Version - 1; version != store.Version;)
        {
            version = store.Version;
            using (store.Gate.Share())
            {
                store.ThrowIfDisposed();
                foreach (var tensor in merged) store[tensor.Path].CopyTo(tensor);
            }
            foreach (var (path, parameter) in parametrized.Parameters) ((IParameterSource)merged).Write(path, parameter.ToDoubles());
        }
        return merged;
    }

    sealed class Parametrized : IModuleVisitor
    {
        readonly HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
        readonly List<string> below = [];

        public List<(string Path, Parameter Parameter)> Parameters { get; } = [];

        /// <summary>Whether a tensor belongs to what stands in a parameter's place.</summary>
        public bool Holds(string path) => below.Any(b => path.StartsWith(b, StringComparison.Ordinal));

        public bool Enter(string path, IModule module) => seen.Add(module);

        public void Visit(string path, Parameter parameter)
        {
            if (!seen.Add(parameter) || !parameter.IsParametrized) return;
            Parameters.Add((path, parameter));
            below.AddRange(parameter.ParametrizationNames.Select(name => path + "." + name + "."));
        }

        public void Visit(string path, State state)
        {
        }
    }
}
