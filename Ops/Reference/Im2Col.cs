using System;
using System.Threading.Tasks;

namespace Graph.Operations.Reference;

/// <summary>One image's windows as a matrix [C·kh·kw, oh·ow], and back: turns a convolution into matrix products.</summary>
sealed class Im2Col(Window window, int channels, int height, int width, int outHeight, int outWidth)
{
    public int Rows => channels * window.KernelHeight * window.KernelWidth;
    public int Columns => outHeight * outWidth;

    /// <summary>Fills the matrix; places outside of the image are zero.</summary>
    public void Spread(double[] image, long offset, double[] matrix)
    {
        Parallel.For(0, channels, c => Channel(c, (row, start, x0, first, last, step) =>
        {
            Array.Clear(matrix, row, outWidth);
            for (var o = first; o < last; o++) matrix[row + o] = image[offset + start + x0 + o * step];
        }));
    }

    /// <summary>Adds the matrix to the image.</summary>
    public void Gather(double[] matrix, double[] image, long offset)
    {
        Parallel.For(0, channels, c => Channel(c, (row, start, x0, first, last, step) =>
        {
            for (var o = first; o < last; o++) image[offset + start + x0 + o * step] += matrix[row + o];
        }));
    }

    delegate void Line(int row, int start, int x0, int first, int last, int step);

    // Calls back for every line of ow places that share a kernel element, an image row and therefore an index map: place o reads column x0 + o·step, within the image for first ≤ o < last.
    void Channel(int channel, Line line)
    {
        for (var ky = 0; ky < window.KernelHeight; ky++)
            for (var kx = 0; kx < window.KernelWidth; kx++)
            {
                var row = ((channel * window.KernelHeight + ky) * window.KernelWidth + kx) * Columns;
                var x0 = kx * window.DilationWidth - window.PaddingWidth;
                var step = window.StrideWidth;
                var first = x0 >= 0 ? 0 : (-x0 + step - 1) / step;
                var last = Math.Max(first, Math.Min(outWidth, (width - x0 + step - 1) / step));
                for (var oy = 0; oy < outHeight; oy++)
                {
                    var y = oy * window.StrideHeight + ky * window.DilationHeight - window.PaddingHeight;
                    var inside = y >= 0 && y < height;
                    line(row + oy * outWidth, (channel * height + (inside ? y : 0)) * width, x0, inside ? first : 0, inside ? last : 0, step);
                }
            }
    }
}
