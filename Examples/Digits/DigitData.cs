using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Graph.Data;

namespace Graph.Examples.Digits;

/// <summary>Labelled images, a part of them held out.</summary>
/// <param name="Training">Columns image and label.</param>
/// <param name="HeldOut">The rows that training never sees.</param>
/// <param name="Side">Height and width of an image.</param>
sealed record DigitData(Dataset Training, Dataset HeldOut, int Side)
{
    /// <summary>The images that come with the example: 1797 of 8×8, pixels from 0 to 16. A fifth of each digit is held out.</summary>
    public static DigitData Included(ulong seed)
    {
        const int pixels = 64;
        var path = Path.Combine(AppContext.BaseDirectory, "Data", "digits.csv.gz");
        var table = CsvTable.Read(path);
        var images = table.Floats(0, pixels, scale: 1 / 16f);
        var labels = table.Ints(pixels);
        var all = new TableDataset().With("image", images, 1, 8, 8).With("label", labels);
        var (training, heldOut) = Stratify(labels, fraction: 0.2, seed);
        return new(all.Select(training), all.Select(heldOut), 8);
    }

    /// <summary>MNIST's four IDX files, compressed or not, in a folder.</summary>
    public static DigitData Mnist(string folder)
    {
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"--data {folder}: there is no such folder.");
        return new(Read("train"), Read("t10k"), 28);

        Dataset Read(string part)
        {
            var images = IdxFile.Read(Find(folder, part + "-images-idx3-ubyte"));
            var labels = IdxFile.Read(Find(folder, part + "-labels-idx1-ubyte"));
            if (images.Shape.Length != 3 || images.Shape[1] != 28 || images.Shape[2] != 28)
                throw new InvalidDataException($"{part}-images holds [{string.Join(", ", images.Shape)}], expected [images, 28, 28].");
            return new TableDataset().With("image", images.ToFloats(1 / 255f), 1, 28, 28).With("label", labels.ToInts());
        }
    }

    static string Find(string folder, string name) =>
        new[] { name, name + ".gz" }.Select(n => Path.Combine(folder, n)).FirstOrDefault(File.Exists)
        ?? throw new FileNotFoundException($"--data {folder}: it holds neither {name} nor {name}.gz.");

    // The same share of every digit on both sides, so that the held-out accuracy speaks of all ten.
    static (int[] Training, int[] HeldOut) Stratify(int[] labels, double fraction, ulong seed)
    {
        var random = new Random((int)(seed & int.MaxValue));
        List<int> training = [], heldOut = [];
        foreach (var group in Enumerable.Range(0, labels.Length).GroupBy(i => labels[i]).OrderBy(g => g.Key))
        {
            var rows = group.ToArray();
            random.Shuffle(rows);
            var count = (int)Math.Round(rows.Length * fraction);
            heldOut.AddRange(rows.Take(count));
            training.AddRange(rows.Skip(count));
        }
        return ([.. training], [.. heldOut]);
    }
}
