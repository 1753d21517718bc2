using System;

namespace Graph;

/// <summary>Whether a fit begins where its checkpoint ends.</summary>
public enum ResumeMode
{
    /// <summary>It begins anew; its first checkpoint replaces the file, which is kept as <c>NAME.previous.EXT</c>.</summary>
    Never,

    /// <summary>It goes on from the checkpoint if there is one: for programs that are started again and again until they are done.</summary>
    IfPresent,

    /// <summary>It goes on from the checkpoint; that there is none is an error.</summary>
    Always,
}

/// <summary>In what a run may differ from the one that its checkpoint is of.</summary>
[Flags]
public enum RunChanges
{
    /// <summary>In nothing but its length.</summary>
    None = 0,

    /// <summary>The class of the model; its tensors have to fit in any case.</summary>
    Model = 1,

    /// <summary>The compiled program: another version of Graph, or another source. The bits may differ from those of a run that never stopped.</summary>
    Plan = 2,

    /// <summary>The seed: dropout and other random operations draw other numbers from here on.</summary>
    Seed = 4,

    /// <summary>The rows of a batch, or the number of batches. Training goes on at the start of an epoch.</summary>
    Batches = 8,

    /// <summary>The learning rate's schedule.</summary>
    Schedule = 16,

    /// <summary>The data, or the order of their rows. Training goes on at the start of an epoch.</summary>
    Data = 32,

    /// <summary>What <see cref="FitOptions.Facts"/> say.</summary>
    Facts = 64,

    /// <summary>The checkpoint does not say what it is of: an older version of Graph wrote it. Nothing can be compared then.</summary>
    Unrecorded = 128,

    /// <summary>In anything.</summary>
    All = Model | Plan | Seed | Batches | Schedule | Data | Facts | Unrecorded,
}
