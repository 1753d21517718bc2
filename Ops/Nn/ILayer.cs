namespace Graph.Nn;

/// <summary>A module that maps one tensor to another: what a <see cref="Sequential"/> is made of.</summary>
public interface ILayer
{
    /// <summary>The layer's value at <paramref name="x"/>.</summary>
    Tensor Forward(Tensor x);
}
