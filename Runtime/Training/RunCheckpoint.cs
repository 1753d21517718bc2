using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Graph.Runtime.Checkpoints;
using Graph.Runtime.Execution;

namespace Graph.Runtime.Training;

/// <summary>Where a fit stands in its data.</summary>
/// <param name="Steps">Steps made with this data.</param>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Batch">How many of its batches were used.</param>
readonly record struct RunPosition(long Steps, int Epoch, int Batch);

/// <summary>The file that a fit keeps what it reached in. While it exists no other run gets that file.</summary>
sealed class RunCheckpoint : IDisposable
{
    readonly ModelInstance model;
    readonly string path;
    readonly RunLock held;

    /// <summary>Takes the file.</summary>
    /// <exception cref="IOException">It cannot be written, or another run has it.</exception>
    public RunCheckpoint(ModelInstance model, string path)
    {
        this.model = model;
        this.path = path;
        held = RunLock.OfFile(path);
        AtomicFile.DeleteLeftovers(path);
    }

    /// <summary>The step that the file is of, as far as this run knows; null before it wrote or read one.</summary>
    public long? SavedStep { get; private set; }

    public bool Exists => File.Exists(path);

    /// <summary>Reads the file into the model, if it is of this run.</summary>
    /// <param name="run">What run this is.</param>
    /// <param name="accepted">In what it may differ.</param>
    /// <exception cref="CheckpointException">The file is damaged, of another model or of another run; the model is as before.</exception>
    public (RunPosition Position, RunMetadata? Metadata) Resume(RunDescription run, RunChanges accepted)
    {
        var info = Checkpoint.ReadInfo(path);
        if (!info.IsTraining) throw new CheckpointException(path, "holds weights alone: training cannot go on from it. Load it and train without Resume.");
        if (info.Position is not { } place)
            throw new CheckpointException(path, "does not say where in its data training stood: Save wrote it, and no fit. Load it and train without Resume.");
        var stored = RunMetadata.Read(info.Metadata, path);
        Compare(run, stored?.Run, accepted);
        var batches = stored?.Run.Batches ?? run.Batches;
        if (place.Batch > batches) throw new CheckpointException(path, $"was written after {place.Batch} batches of an epoch, but its data has {batches}: it is other data, or other batches.");
        var steps = stored?.Steps ?? (long)place.Epoch * batches + place.Batch;
        // A skipped step is one of the run and none of the optimizer's.
        if (steps > info.Attempts) throw new CheckpointException(path, $"was written after {steps} steps with its data, but its model has seen {info.Attempts}.");

        var seed = model.Store.Seed;
        model.LoadCheckpoint(path, new());
        if (stored is not null && stored.Run.Seed != seed) model.Store.Seed = seed; // accepted above
        SavedStep = steps;
        // Half of an epoch of other data is not what is left of this one.
        var sameData = stored is null || (run.BatchSize, run.Batches, run.Data) == (stored.Run.BatchSize, stored.Run.Batches, stored.Run.Data);
        return (sameData || place.Batch == 0 ? new(steps, place.Epoch, place.Batch) : new(steps, place.Epoch + 1, 0), stored);
    }

    void Compare(RunDescription run, RunDescription? stored, RunChanges accepted)
    {
        List<(RunChanges Kind, string Text)> differences = stored is null
            ? [(RunChanges.Unrecorded, "it does not say what it is of: an older version of Graph wrote it")] : [.. run.Differences(stored)];
        differences.RemoveAll(d => accepted.HasFlag(d.Kind));
        if (differences.Count == 0) return;
        var kinds = string.Join(" | ", differences.Select(d => d.Kind).Distinct().Select(k => $"{nameof(RunChanges)}.{k}"));
        throw new CheckpointException(
            path, "is of another run", [.. differences.Select(d => d.Text)], differences.Aggregate(RunChanges.None, (all, d) => all | d.Kind), $"To train from the beginning, leave out Resume. To go on with what is different, say so: {nameof(FitOptions.AcceptChanges)} = {kinds}.");
    }

    /// <summary>Writes the file, unless it is of that step already.</summary>
    public void Save(RunPosition position, RunMetadata metadata)
    {
        if (SavedStep == position.Steps) return;
        if (SavedStep is null && Exists) KeepPrevious();
        Write(path, position, metadata);
        SavedStep = position.Steps;
    }

    /// <summary>
    /// Writes what a run reached that may have diverged: to the file, or, when that holds an earlier step of this run, perhaps of better times, to another one beside it.
    /// </summary>
    /// <returns>Where it is.</returns>
    public string SaveApart(RunPosition position, RunMetadata metadata)
    {
        if (SavedStep is null || SavedStep == position.Steps)
        {
            Save(position, metadata);
            return path;
        }
        var beside = Beside("stopped");
        Write(beside, position, metadata);
        return beside;
    }

    // A file that this run neither wrote nor read: hours of another run, whose --resume was forgotten, or weights that somebody named by mistake.
    void KeepPrevious() => AtomicFile.Write(Beside("previous"), stream =>
    {
        using var previous = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        previous.CopyTo(stream);
    });

    string Beside(string word) => Path.Combine(Path.GetDirectoryName(path) ?? "", $"{Path.GetFileNameWithoutExtension(path)}.{word}{Path.GetExtension(path)}");

    void Write(string file, RunPosition position, RunMetadata metadata) => model.SaveCheckpoint(file, new(position.Epoch, position.Batch), metadata.Write(), weightsOnly: false);

    public void Dispose() => held.Dispose();
}
