using System;

namespace Graph;

/// <summary>What became of the checkpoint of a fit that failed.</summary>
public static class FitFailure
{
    internal const string Key = "Graph.CheckpointFailure";

    extension(Exception failure)
    {
        /// <summary>Why the checkpoint that a failing <c>FitAsync</c> ends with could not be written; null when it was, or when there was none to write. The fit throws its own failure, not this one.</summary>
        public Exception? CheckpointFailure => failure.Data[Key] as Exception;
    }
}
