using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Kernels;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Compiler.Lowering;

/// <summary>How the operands of a kernel lie: equal where one kernel serves both, each over buffers of its own.</summary>
sealed class OperandPlaces : IEquatable<OperandPlaces>
{
    readonly string what;
    readonly Placement[] places;
    readonly int[] numbers; // of the buffer of each place, in the order in which they are met
    readonly List<Buffer> buffers = [];
    readonly int hash;

    /// <param name="what">What is computed.</param>
    /// <param name="spec">Its operands and results.</param>
    public OperandPlaces(string what, KernelSpec spec)
    {
        this.what = what;
        places = new Placement[spec.Inputs.Length + spec.Outputs.Length];
        numbers = new int[places.Length];
        hash = what.GetHashCode();
        for (var i = 0; i < places.Length; i++)
        {
            var place = places[i] = i < spec.Inputs.Length ? spec.Inputs[i].Place : spec.Outputs[i - spec.Inputs.Length].Place;
            if (buffers.IndexOf(place.Buffer) is var number && number < 0)
            {
                number = buffers.Count;
                buffers.Add(place.Buffer);
            }
            numbers[i] = number;
            hash = unchecked((hash * 31 + number) * 31 + (int)place.Buffer.Kind * 16 + (int)place.Buffer.DType);
        }
    }

    /// <summary>The buffer that lies here where another one does there.</summary>
    public Buffer InPlaceOf(Buffer buffer, OperandPlaces there) => buffers[there.buffers.IndexOf(buffer)];

    public bool Equals(OperandPlaces? other)
    {
        if (other is null || hash != other.hash || what != other.what || !numbers.SequenceEqual(other.numbers)) return false;
        for (var i = 0; i < places.Length; i++)
        {
            var (mine, theirs) = (places[i], other.places[i]);
            if (mine.Buffer.Kind != theirs.Buffer.Kind || mine.Buffer.DType != theirs.Buffer.DType || mine.Offset != theirs.Offset || !mine.Strides.SequenceEqual(theirs.Strides)) return false;
        }
        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as OperandPlaces);

    public override int GetHashCode() => hash;
}
