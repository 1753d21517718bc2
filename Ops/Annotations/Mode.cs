using System;

namespace Graph;

/// <summary>What a module's body is being evaluated for.</summary>
public static class Mode
{
    [ThreadStatic]
    static bool training;

    /// <summary>
    /// True in a training step and in an <c>[Entry(Training = true)]</c>, false in other entries and evaluation losses: a constant while a model is compiled, so <c>if (Mode.Training)</c> costs nothing.
    /// In eager code it is false until this thread sets it.
    /// </summary>
    public static bool Training
    {
        get => training;
        set => training = value;
    }
}
