using System;

namespace Graph.Runtime.Cpu;

/// <summary>
/// An implicit matrix whose rows are (channel, tap) and whose columns are the points of a grid over images: element = source[channel, y·Step + TapY, x·Step + TapX], 0 outside of the
/// source. A forward convolution is one phase; the image gradient of a convolution with stride s has s² phases of step 1, one for each residue of the pixel,
/// so that no inserted zero is ever multiplied.
/// </summary>
unsafe struct ConvolutionPhase
{
    /// <summary>Grid points of an image.</summary>
    public long GridHeight, GridWidth;

    /// <summary>First grid column, when the phase is cut to a range of columns.</summary>
    public long GridLeft;

    /// <summary>Source pixels between neighbouring grid points.</summary>
    public long StepY, StepX;

    /// <summary>Grid point (y, x) is pixel (y·Spread + OriginY, x·Spread + OriginX) of the result.</summary>
    public long OriginY, OriginX;

    /// <summary>Taps: where they read in the source, and where their weight lies in a filter's window.</summary>
    public long Taps;
    public long* TapY, TapX, TapWeight;
    public long MinY, MaxY, MinX, MaxX;

    // Residues of the steps at which there are taps, as bits; all of a step that has too many.
    ulong residuesY, residuesX;

    /// <summary>This phase's packed weights.</summary>
    public float* Weights;

    public void AddTap(long y, long x, long weight)
    {
        TapY[Taps] = y;
        TapX[Taps] = x;
        TapWeight[Taps] = weight;
        if (Taps == 0)
        {
            MinY = MaxY = y;
            MinX = MaxX = x;
        }
        if (y < MinY) MinY = y;
        if (y > MaxY) MaxY = y;
        if (x < MinX) MinX = x;
        if (x > MaxX) MaxX = x;
        Taps++;
        residuesY |= Residue(y, StepY);
        residuesX |= Residue(x, StepX);
    }

    static ulong Residue(long place, long step)
    {
        if (step > 64) return ulong.MaxValue;
        long rest = place % step;
        return 1UL << (int)(rest < 0 ? rest + step : rest);
    }

    /// <summary>Widens what this phase sees of the source to what another sees, too.</summary>
    public void See(in ConvolutionPhase other)
    {
        if (other.Taps == 0) return;
        (MinY, MaxY) = Taps == 0 ? (other.MinY, other.MaxY) : (Math.Min(MinY, other.MinY), Math.Max(MaxY, other.MaxY));
        (MinX, MaxX) = Taps == 0 ? (other.MinX, other.MaxX) : (Math.Min(MinX, other.MinX), Math.Max(MaxX, other.MaxX));
        Taps = Math.Max(Taps, other.Taps);
        residuesY |= other.residuesY;
        residuesX |= other.residuesX;
    }

    /// <summary>The same phase on grid columns [left, left + width) only.</summary>
    public readonly ConvolutionPhase Columns(long left, long width)
    {
        var part = this;
        part.GridLeft = left;
        part.GridWidth = Math.Clamp(GridWidth - left, 0, width);
        return part;
    }

    /// <summary>Rows of source that a number of grid rows needs.</summary>
    public readonly long Slots(long rows) => (rows - 1) * StepY + MaxY - MinY + 1;

    /// <summary>Floats of a padded source row of one column residue, where that is not set: with room for a vector read past its end.</summary>
    public long Line;

    public readonly long PaddedWidth => Line > 0 ? Line : ReadWidth + 16;

    /// <summary>The pixels of the source that a number of grid rows needs.</summary>
    public readonly PlaneRegion Reads(long row, long rows, long height, long width) =>
        PlaneRegion.Within(height, width, row * StepY + MinY, Slots(rows), MinX + GridLeft * StepX, ReadWidth * StepX);

    /// <summary>Whether a tap gets to a row of the source in whole steps.</summary>
    public readonly bool ReadsRow(long y) => StepY == 1 || (residuesY & Residue(y, StepY)) != 0;

    /// <summary>Whether one does to a column.</summary>
    public readonly bool ReadsColumn(long x) => StepX == 1 || (residuesX & Residue(x, StepX)) != 0;

    /// <summary>The taps that are inside of a source of that height for a row of the grid, as bits; of at most 64.</summary>
    public readonly ulong TapsDown(long y, long height)
    {
        ulong taps = 0;
        for (int t = 0; t < Taps; t++) taps |= (ulong)(y * StepY + TapY[t]) < (ulong)height ? 1UL << t : 0;
        return taps;
    }

    /// <summary>Those inside of a source of that width for a column.</summary>
    public readonly ulong TapsAcross(long x, long width)
    {
        ulong taps = 0;
        for (int t = 0; t < Taps; t++) taps |= (ulong)(x * StepX + TapX[t]) < (ulong)width ? 1UL << t : 0;
        return taps;
    }

    /// <summary>Columns of one residue of a padded source row.</summary>
    public readonly long ReadWidth => GridWidth + (MaxX - MinX) / StepX;

    /// <summary>Floats of one padded channel of one image.</summary>
    public readonly long PaddedFloats(long rows) => Taps == 0 || rows <= 0 ? 0 : Slots(rows) * StepX * PaddedWidth;
}
