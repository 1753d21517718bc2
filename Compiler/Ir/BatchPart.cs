namespace Graph.Compiler.Ir;

/// <summary>One of several equal parts of a batch, as a function for one part sees it.</summary>
/// <param name="Whole">The named dimension of the batch.</param>
/// <param name="Parts">How many parts it has.</param>
/// <param name="Number">Which part it is, i64[]: 0 for the first rows of the batch.</param>
public sealed record BatchPart(string Whole, long Parts, Value Number)
{
    /// <summary>The first axis of a shape of the whole that goes along the batch; −1 for a shape without.</summary>
    public int Axis(Shape whole)
    {
        for (var axis = 0; axis < whole.Rank; axis++)
            if (whole[axis].Has(Whole)) return axis;
        return -1;
    }
}
