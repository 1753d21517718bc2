using System;
using System.Linq;

namespace Graph.Tests.Toy;

// What picks elements by numbers, and puts them back.
static partial class Library
{
    static void Embedding(LibraryCall call)
    {
        var (rows, width) = (call.Shape(0)[0], call.Shape(0)[1]);
        for (long i = 0; i < call.Size(1); i++)
        {
            var row = call.Checked(1, i, rows, "The row");
            for (long k = 0; k < width; k++) call[2].Store(i * width + k, call.Element(0, row * width + k));
        }
    }

    // Onto a third operand, which may lie where the result does.
    static void EmbeddingGradient(LibraryCall call)
    {
        var (rows, width) = (call.Shape(call.Inputs)[0], call.Shape(call.Inputs)[1]);
        var sums = new Sums(call[call.Inputs], rows * width);
        for (long i = 0; i < rows * width && call.Inputs == 3; i++) sums[i] = call[2].Real(i);
        for (long i = 0; i < call.Size(1); i++)
        {
            var row = call.Checked(1, i, rows, "The row");
            for (long k = 0; k < width; k++) sums.Add(row * width + k, call.Real(0, i * width + k));
        }
        sums.Store();
    }

    static void Gather(LibraryCall call) => Picks(call, whole: 0, picked: 2, (pick, place) => call[2].Store(pick, call.Element(0, place)));

    static void GatherGradient(LibraryCall call)
    {
        var sums = new Sums(call[2], call.Size(2));
        Picks(call, whole: 2, picked: 0, (pick, place) => sums.Add(place, call.Real(0, pick)));
        sums.Store();
    }

    static void Picks(LibraryCall call, int whole, int picked, Action<long, long> visit)
    {
        var (_, extent, inner) = call.Around(whole);
        var (outer, picks, _) = call.Around(picked);
        for (long i = 0; i < outer * picks * inner; i++)
            visit(i, (i / inner / picks * extent + call.Checked(1, i, extent, "Gather's index")) * inner + i % inner);
    }

    static void CheckIndex(LibraryCall call)
    {
        var below = call.Evaluate(call.Attributes.Dims("below").Single());
        for (long i = 0; i < call.Size(0); i++)
        {
            var id = call[0].Load(i);
            if (!call.Attributes.Has("except") || id.Whole != call.Attributes.Int("except")) call.Checked(0, i, below, call.Attributes.Text("what")!);
            call[1].Store(i, id);
        }
    }
}
