using System;
using System.ComponentModel;
using Graph.Runtime.Execution;

namespace Graph;

/// <summary>A compiled model. The generator implements it for every class marked [Model]; what all models have in common are the extension members of <see cref="ModelMembers"/>.</summary>
public interface IModel : IDisposable
{
    /// <summary>The logic behind the generated members.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    ModelInstance Instance { get; }
}

/// <summary>A compiled model that can be made over existing parameters.</summary>
public interface IModel<TSelf> : IModel
    where TSelf : IModel<TSelf>
{
    /// <summary>A model of this class over an instance.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    static abstract TSelf Over(ModelInstance instance);
}
