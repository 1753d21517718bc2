namespace Graph;

/// <summary>Where the numbers of a created model's parameters and states live. Eager code reads and writes the same numbers as compiled code.</summary>
public interface IParameterSource
{
    /// <summary>The numbers of a parameter or state, row-major.</summary>
    /// <param name="path">Its path in the model, such as <c>head.weight</c>.</param>
    double[] Read(string path);

    /// <summary>Replaces the numbers of a parameter or state.</summary>
    /// <param name="path">Its path in the model.</param>
    /// <param name="values">As many as its shape says, row-major.</param>
    void Write(string path, double[] values);
}
