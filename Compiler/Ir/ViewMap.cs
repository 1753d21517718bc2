using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Which element of its operand each element of a view is: a closed union. An operation answers with it (<see cref="Operation.View"/>); passes and lowering ask nothing else of a view.</summary>
public abstract record ViewMap
{
    ViewMap()
    {
    }

    /// <summary>The same elements in the same row-major order, grouped into other axes: a reshape.</summary>
    public sealed record Regrouped : ViewMap
    {
        public static readonly Regrouped Instance = new();

        Regrouped()
        {
        }
    }

    /// <summary>
    /// Element (i₀, i₁, …) of the view is the operand's element whose index along axis a is <c>Start[a] + Σ Axes[j].Step · iⱼ</c> over the axes j of the view with <c>Axes[j].Source = a</c>:
    /// transpositions, slices, repetitions, reversed axes.
    /// </summary>
    /// <param name="Start">Where the view begins along each axis of the operand.</param>
    /// <param name="Axes">How each axis of the view walks.</param>
    public sealed record Strided(EquatableArray<Dim> Start, EquatableArray<ViewAxis> Axes) : ViewMap
    {
        /// <summary>Where the view begins in memory, for an operand with the given strides.</summary>
        public Dim Offset(IReadOnlyList<Dim> strides) => Start.Select((start, axis) => start * strides[axis]).Aggregate(Dim.Zero, (sum, d) => sum + d);

        /// <summary>The strides of the view over an operand with the given ones.</summary>
        public ImmutableArray<Dim> Strides(IReadOnlyList<Dim> strides) => [.. Axes.Select(a => a.IsRepeated ? Dim.Zero : a.Step * strides[a.Source])];

        /// <summary>
        /// Where the operand lies when its view lies at the given place; null when the view does not show every element of the operand once, or shows some along no axis of its own.
        /// </summary>
        public (Dim Offset, ImmutableArray<Dim> Strides)? Invert(Shape operand, Shape view, Dim offset, IReadOnlyList<Dim> strides)
        {
            var result = new Dim[operand.Rank];
            for (var axis = 0; axis < operand.Rank; axis++) result[axis] = Dim.One; // of an axis of size 1 no stride matters
            for (var j = 0; j < Axes.Length; j++)
            {
                var (source, step) = (Axes[j].Source, Axes[j].Step);
                if (Axes[j].IsRepeated ? !view[j].Is(1) : !IsWhole(operand, view, j)) return null;
                if (Axes[j].IsRepeated) continue;
                result[source] = step * strides[j];
                offset -= Start[source] * result[source];
            }
            for (var axis = 0; axis < operand.Rank; axis++)
                if (!operand[axis].Is(1) && Axes.Count(a => a.Source == axis) != 1) return null;
            return (offset, [.. result]);
        }

        // Whether axis j of the view runs over all of its axis of the operand, in one direction or the other.
        bool IsWhole(Shape operand, Shape view, int j)
        {
            var (source, step) = (Axes[j].Source, Axes[j].Step);
            return view[j] == operand[source] && (step.Is(1) ? Start[source].Is(0) : step.Is(-1) && Start[source] == operand[source] - 1);
        }

        /// <summary>Whether axis <paramref name="axis"/> of the view goes along with the whole of an axis of its operand, element by element.</summary>
        public bool Follows(Shape operand, Shape view, int axis) => !Axes[axis].IsRepeated && Axes[axis].Step.Is(1) && IsWhole(operand, view, axis);

        public override bool ShowsAll(Shape operand, Shape view) =>
            Enumerable.Range(0, operand.Rank).All(a => operand[a].Is(1) || Enumerable.Range(0, view.Rank).Any(j => Axes[j].Source == a && IsWhole(operand, view, j)));

        public override bool Repeats(Shape view) => Enumerable.Range(0, view.Rank).Any(j => Axes[j].IsRepeated && !view[j].Is(1));

        public override ImmutableArray<int> Order(Shape operand, Shape view) =>
            operand.Rank == view.Rank && Enumerable.Range(0, view.Rank).All(j => Follows(operand, view, j)) && Axes.Select(a => a.Source).Distinct().Count() == view.Rank ? [.. Axes.Select(a => a.Source)] : default;
    }

    /// <summary>Whether every element of the operand is in the view, once or more often.</summary>
    public virtual bool ShowsAll(Shape operand, Shape view) => true;

    /// <summary>Whether an element of the operand stands in several places of the view.</summary>
    public virtual bool Repeats(Shape view) => false;

    /// <summary>For the operand's axes in another order and nothing else: which axis of the operand each axis of the view is; default otherwise.</summary>
    public virtual ImmutableArray<int> Order(Shape operand, Shape view) => default;
}

/// <summary>How an axis of a view walks over its operand.</summary>
/// <param name="Source">The operand's axis that it walks along; −1 when it repeats what is there.</param>
/// <param name="Step">How many of the operand's elements one step is; negative from the last to the first.</param>
public readonly record struct ViewAxis(int Source, Dim Step)
{
    /// <summary>The same elements again at every index.</summary>
    public static ViewAxis Repeated => new(-1, Dim.Zero);

    /// <summary>An axis of the operand as it is.</summary>
    public static ViewAxis Of(int source) => new(source, Dim.One);

    public bool IsRepeated => Source < 0;
}
