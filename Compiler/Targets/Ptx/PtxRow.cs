using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Passes of a row that a warp makes: lane l has the elements l, l + 32, …. Sums in lanes are partial sums of 32 lanes as <see cref="ReductionOrder"/> says, sums in sequence go through the elements of a
/// warp one after the other, and what every order leaves as it is takes the shortest way, four elements at once where they may be.
/// </summary>
sealed class PtxRow
{
    /// <summary>The lanes of a warp, and the partial sums of a row.</summary>
    public const int Lanes = 32;

    // Elements of a lane that are read before the first of them is added: 512 bytes of float32 a warp under way.
    const int Ahead = 4;

    readonly LoopKernel kernel;
    readonly PtxBody body;
    readonly PtxWriter code;
    readonly PtxIndex index;
    readonly PtxOperand lane;
    bool wasByFour;

    /// <param name="kernel">The kernel, its functions written out.</param>
    /// <param name="body">Its body, at the unit.</param>
    /// <param name="code">Where it is written.</param>
    /// <param name="index">How places are computed.</param>
    /// <param name="lane">The number of the lane, as an index.</param>
    /// <exception cref="NotSupportedException">Its sums run in another number of lanes.</exception>
    public PtxRow(LoopKernel kernel, PtxBody body, PtxWriter code, PtxIndex index, PtxOperand lane)
    {
        if (kernel.Lanes is not (0 or 1 or Lanes)) throw new NotSupportedException($"The PTX target adds rows up in {Lanes} lanes, but {kernel.Name} asks for {kernel.Lanes}.");
        (this.kernel, this.body, this.code, this.index, this.lane) = (kernel, body, code, index, lane);
    }

    /// <summary>From here on the first lane is alone; the others go to the end.</summary>
    public void Alone(string end)
    {
        code.Do("bar.warp.sync 0xffffffff");
        code.Branch(end, index.Compare("ne", lane, index.Number(0)));
    }

    /// <summary>One pass over the row.</summary>
    /// <param name="stage">The pass.</param>
    /// <param name="isByFour">A lane has four neighbouring elements at once (<see cref="PtxFours"/>): of a pass whose sums have no order.</param>
    public void Stage(KernelStage stage, bool isByFour)
    {
        // A lane writes what others have read that were given other elements.
        if (isByFour != wasByFour && stage.Stores.Length > 0) code.Do("bar.warp.sync 0xffffffff");
        wasByFour = isByFour;
        if (isByFour)
        {
            Fours(stage);
            return;
        }
        var sums = new PtxAccumulators(code, stage);
        body.Hoist(PtxBody.Roots(stage), PtxLevel.Unit);
        var inSequence = kernel.Lanes == 1 && sums.Groups.Length > 0;
        var (partial, rest) = (sums.Neutral(), sums.Neutral());
        PtxLoop.Loops(kernel, body, code, index, body.AxesOf(AxisRole.Loop), () =>
        {
            body.Hoist(PtxBody.Roots(stage), PtxLevel.Loop);
            var (from, to) = PtxLoop.Range(kernel, body, index, kernel.Lane);
            // A row has few or many elements, never so many that 32 bits do not count those of a warp's last step.
            if (inSequence) PtxLoop.For(code, index, from, to, Lanes, start => Some(stage, sums, start, to, rest, null));
            else
            {
                var whole = index.Add(from, index.And(index.Subtract(to, from), -Lanes));
                // Of four warps' worth everything is on its way before the first element is added.
                var some = index.Add(from, index.And(index.Subtract(to, from), -Ahead * Lanes));
                PtxLoop.For(code, index, index.Add(from, lane), some, Ahead * Lanes, place =>
                {
                    foreach (var element in Several(stage, sums, place)) sums.Add(partial, element);
                });
                PtxLoop.For(code, index, index.Add(some, lane), whole, Lanes, place => sums.Add(partial, Element(stage, sums, place)));
                Some(stage, sums, whole, to, rest, partial);
            }
        });
        if (sums.Groups.Length == 0) return;
        if (!inSequence)
        {
            Join(sums, partial);
            sums.Add(partial, rest);
            rest = sums.From(partial, "idx", PtxOperand.Word(0));
        }
        Set(sums, rest);
    }

    // Neighbouring blocks of 16 partial sums, then the halves of what is left: the first lane has all.
    void Join(PtxAccumulators sums, PtxOperand[][] partial)
    {
        for (var distance = Lanes / 2; distance > 0; distance /= 2) sums.Add(partial, sums.From(partial, "down", PtxOperand.Word(distance)));
    }

    void Set(PtxAccumulators sums, PtxOperand[][] all)
    {
        for (var g = 0; g < all.Length; g++)
            for (var i = 0; i < all[g].Length; i++) body.Set(sums.Groups[g][i], all[g][i]);
    }

    // Four neighbouring elements a lane, as long as all lanes have them, then one a lane.
    void Fours(KernelStage stage)
    {
        const int All = Lanes * PtxFours.Elements;
        var sums = new PtxAccumulators(code, stage);
        body.Hoist(PtxBody.Roots(stage), PtxLevel.Unit);
        var partial = sums.Neutral();
        PtxLoop.Loops(kernel, body, code, index, body.AxesOf(AxisRole.Loop), () =>
        {
            body.Hoist(PtxBody.Roots(stage), PtxLevel.Loop);
            var length = body.Size(kernel.Axes[kernel.Lane].Size);
            var whole = index.And(length, -All);
            PtxLoop.For(code, index, index.Multiply(lane, index.Number(PtxFours.Elements)), whole, All, first =>
            {
                foreach (var element in PtxFours.Pass(kernel, stage, sums, body, code, index, first)) sums.Add(partial, element);
            });
            PtxLoop.For(code, index, index.Add(whole, lane), length, Lanes, place => sums.Add(partial, Element(stage, sums, place)));
        });
        if (sums.Groups.Length == 0) return;
        Join(sums, partial);
        Set(sums, sums.From(partial, "idx", PtxOperand.Word(0)));
    }

    // Some elements of a lane, a warp apart: all that is read of them is read first.
    List<PtxOperand[][]> Several(KernelStage stage, PtxAccumulators sums, PtxOperand first)
    {
        PtxOperand[] places = [.. Enumerable.Range(0, Ahead).Select(i => index.Add(first, index.Number(i * Lanes)))];
        var loads = Scalar.Order(PtxBody.Roots(stage)).Where(s => s.Op == ScalarOp.Input).Select(s => kernel.Sources[s.Index]).OfType<Source.Load>().Select(l => l.Access).Distinct().Where(a => !kernel.Accesses[a].Strides[kernel.Lane].Is(0)).ToList();
        var loaded = places.Select(place =>
        {
            body.Push();
            body.At[kernel.Lane] = place;
            var read = loads.ToDictionary(a => a, a => PtxConversions.Load(code, "global", kernel.Accesses[a].Type, body.Place(a)));
            body.Pop();
            return read;
        }).ToList();
        var elements = new List<PtxOperand[][]>();
        for (var i = 0; i < Ahead; i++)
        {
            body.Loaded = access => loaded[i].TryGetValue(access, out var value) ? value : null;
            elements.Add(Element(stage, sums, places[i]));
        }
        body.Loaded = null;
        return elements;
    }

    PtxOperand[][] Element(KernelStage stage, PtxAccumulators sums, PtxOperand place)
    {
        body.Push();
        body.At[kernel.Lane] = place;
        var elements = sums.Elements(body);
        body.Write(stage.Stores);
        body.Pop();
        return elements;
    }

    // The elements of a warp that may be fewer than it has lanes: with partial sums, those of a block of 16 go there, and the others, as all do without, one after the other to the rest.
    void Some(KernelStage stage, PtxAccumulators sums, PtxOperand start, PtxOperand to, PtxOperand[][] rest, PtxOperand[][]? partial)
    {
        var behind = code.Label("BEHIND");
        var values = sums.Neutral();
        var place = index.Add(start, lane);
        code.Branch(behind, index.Compare("ge", place, to));
        PtxAccumulators.Assign(code, values, Element(stage, sums, place));
        code.Place(behind);
        if (sums.Groups.Length == 0) return;
        var count = index.Smaller(index.Subtract(to, start), index.Number(Lanes));
        if (partial is null)
        {
            Rest(sums, index.Number(0), count, values, rest);
            return;
        }
        if (kernel.Lanes == 0)
        {
            sums.Add(partial, values);
            return;
        }
        var block = index.And(count, -ReductionOrder.BlockOf(Lanes));
        var outside = code.Label("OUTSIDE");
        code.Branch(outside, index.Compare("ge", lane, block));
        sums.Add(partial, values);
        code.Place(outside);
        Rest(sums, block, count, values, rest);
    }

    // One lane's value after the other.
    void Rest(PtxAccumulators sums, PtxOperand from, PtxOperand to, PtxOperand[][] values, PtxOperand[][] rest)
    {
        PtxLoop.For(code, index, from, to, 1, number => sums.Add(rest, sums.From(values, "idx", index.Class == RegisterClass.Long ? code.Instruction("cvt.u32.u64", RegisterClass.Word, number) : number)));
    }
}
