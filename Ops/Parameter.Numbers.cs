using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph;

/// <summary>How a parameter or state finds its numbers.</summary>
/// <param name="Source">The store.</param>
/// <param name="Path">Its path in the store.</param>
sealed record NumberSource(IParameterSource Source, string Path)
{
    public TensorData Read(int[] shape) => new(DType.F32, [.. shape.Select(d => (long)d)], Source.Read(Path));
}

public sealed partial class Parameter
{
    NumberSource? source;

    /// <summary>Its path in the model, or its name, with shape and numbers as far as they are known.</summary>
    public override string ToString() => (source?.Path ?? Name) is { } name ? name + ": " + base.ToString() : base.ToString();

    bool substituting;

    internal bool HasNumbers => source is not null;

    /// <summary>What stands in its place, first to last; null for nothing.</summary>
    internal Substitute[]? Substitutes { get; set; }

    internal override TensorData Numbers
    {
        get
        {
            var own = source?.Read(Shape) ?? throw new InvalidOperationException("The parameter has no numbers: its model was not created.");
            if (Substitutes is null) return own;
            if (substituting) throw new InvalidOperationException($"What stands in the place of {source.Path} reads it: it is given its numbers as an argument.");
            substituting = true;
            try
            {
                var value = Substitutes.Aggregate(new Tensor(own), (value, substitute) => substitute.Module.Forward(value));
                return value.Shape.SequenceEqual(Shape) ? value.Numbers : throw new InvalidOperationException($"What stands in the place of {source.Path} [{string.Join(", ", Shape)}] gives a tensor of shape [{string.Join(", ", value.Shape)}].");
            }
            finally
            {
                substituting = false;
            }
        }
    }

    /// <summary>Says where the numbers live; generated code calls it when a model is created.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public void Attach(IParameterSource store, string path) => source = new(store, path);
}

public sealed partial class State
{
    NumberSource? source;

    /// <summary>Its path in the model, or its name, with shape and numbers as far as they are known.</summary>
    public override string ToString() => (source?.Path ?? Name) is { } name ? name + ": " + base.ToString() : base.ToString();

    internal bool HasNumbers => source is not null;

    internal override TensorData Numbers => source?.Read(Shape) ?? throw new InvalidOperationException("The state has no numbers: its model was not created.");

    /// <summary>Says where the numbers live; generated code calls it when a model is created.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public void Attach(IParameterSource store, string path) => source = new(store, path);

    void Write(Tensor value)
    {
        var to = source ?? throw new InvalidOperationException("The state has no numbers: its model was not created.");
        if (!value.Shape.SequenceEqual(Shape)) throw new ArgumentException($"A state of shape [{string.Join(", ", Shape)}] cannot take a value of shape [{string.Join(", ", value.Shape)}].", nameof(value));
        to.Source.Write(to.Path, value.ToDoubles());
    }
}
