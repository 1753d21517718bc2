using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Lowering;

// Loops and branches: their bodies' launches once, behind a launch that repeats them or chooses.
sealed partial class FunctionLowering
{
    readonly int depth; // loops and branches around this function

    // The body of a loop or branch: values of its own, over the buffers and launches of the function that the loop is in.
    FunctionLowering(Program program, Function body, KernelTable kernels, FunctionLowering around) : this(program, body, kernels, around.target, around.called)
    {
        (buffers, launches, donated) = (around.buffers, around.launches, around.donated);
        depth = around.depth + 1;
    }

    /// <summary>Decides where a loop's carries lie before anything is lowered, so that what they begin with can be made there.</summary>
    void Begin(Node loop)
    {
        var (carries, _, _) = LoopOperation.Shape(loop.Attributes);
        for (var c = 0; c < carries; c++)
        {
            var place = PlaceOf(loop.Outputs[c]);
            // What is read elsewhere too has to outlive the first iteration, and the caller's memory and states are not written before their time.
            if (place.Buffer.Kind == BufferKind.Arena && IsReadOnce(loop.Inputs[c])) demands.TryAdd(loop.Inputs[c], place);
        }
    }

    bool IsReadOnce(Value value)
    {
        for (; value.Producer is { } producer; value = producer.Inputs[0])
        {
            if (Readers(value) != 1) return false;
            if (producer.Operation.Kind != OpKind.View) return true;
        }
        return false;
    }

    int Readers(Value value) => function.Nodes.Sum(n => n.Inputs.Count(i => i == value)) + function.Roots.Count(r => r == value);

    void Loop(Node node)
    {
        var (carries, scanned, count) = LoopOperation.Shape(node.Attributes);
        var body = node.Regions[0];
        for (var c = 0; c < carries; c++)
        {
            var (from, to) = (places[node.Inputs[c]], PlaceOf(node.Outputs[c]));
            if (from.Buffer == to.Buffer && from.Offset == to.Offset && from.Strides.SequenceEqual(to.Strides)) continue;
            // A state whose axes change places on the way into the loop.
            if (from.Buffer == to.Buffer) from = places[Copy(node.Inputs[c], from, Dense(node.Inputs[c], NewBuffer("copy", BufferKind.Arena, node.Inputs[c].Type)))];
            CopyTo(node.Inputs[c], from, to, node);
        }
        var isConditional = LoopOperation.IsConditional(node.Attributes);
        var stacks = node.Outputs.Skip(carries).Select(PlaceOf).ToList();
        // What is not reached is 0.
        if (isConditional)
            for (var s = 0; s < stacks.Count; s++) Clear(node, node.Outputs[carries + s], stacks[s]);

        var index = RepeatLaunch.IndexAt(depth);
        Placement Slice(Placement whole) => new(whole.Buffer, whole.Offset + Dim.Symbol(index) * whole.Strides[0], whole.Strides.RemoveAt(0));
        var inner = new FunctionLowering(program, body, kernels, this);
        var operands = ImmutableArray.CreateBuilder<Operand>();
        var readsIndex = body.Nodes.SelectMany(n => n.Inputs).Concat(body.Results).Contains(body.Parameters[0]);
        if (readsIndex)
        {
            var number = inner.NewBuffer("iteration", BufferKind.Arena, body.Parameters[0].Type);
            inner.Contiguous(body.Parameters[0], number);
            operands.Add(new(number, Dim.Zero, true));
        }
        for (var i = 0; i < node.Inputs.Length; i++)
            inner.places[body.Parameters[i + 1]] = i < carries ? places[node.Outputs[i]] : i < carries + scanned ? Slice(places[node.Inputs[i]]) : places[node.Inputs[i]];
        for (var c = 0; c < carries; c++) donated.Add(places[node.Outputs[c]].Buffer);
        if (isConditional && places[node.Outputs[0]] is var condition) operands.Add(new(condition.Buffer, condition.Offset, false));

        var at = launches.Count;
        Add(node, new RepeatLaunch(node.Origins, operands.ToImmutable(), index, count, node.Attributes.Bool("reverse"), 0, readsIndex, isConditional));
        inner.Repeat([.. body.Results.Select((r, i) => i < carries ? new Target(r, places[node.Outputs[i]], body.Parameters[i + 1]) : new Target(r, Slice(stacks[i - carries]), null))]);
        launches[at] = (RepeatLaunch)launches[at] with { Length = launches.Count - at - 1 };
        for (var i = at + 1; i < launches.Count; i++) launches[i] = launches[i] with { Flops = launches[i].Flops * count, Traffic = launches[i].Traffic * count };
    }

    void Branch(Node node)
    {
        var condition = places[node.Inputs[0]];
        foreach (var output in node.Outputs) PlaceOf(output);
        var at = launches.Count;
        Add(node, new BranchLaunch(node.Origins, [new(condition.Buffer, condition.Offset, false)], 0, 0));
        var lengths = new int[2];
        for (var side = 0; side < 2; side++)
        {
            var region = node.Regions[side];
            var inner = new FunctionLowering(program, region, kernels, this);
            for (var i = 0; i < region.Parameters.Length; i++) inner.places[region.Parameters[i]] = places[node.Inputs[i + 1]];
            var before = launches.Count;
            inner.Fill([.. region.Results.Select((r, i) => new Target(r, places[node.Outputs[i]], null))], CancellationToken.None);
            lengths[side] = launches.Count - before;
        }
        launches[at] = (BranchLaunch)launches[at] with { Then = lengths[0], Else = lengths[1] };
    }

    // What stacks a carry's old value is copied first: then the new one can go over it.
    void Repeat(List<Target> targets)
    {
        var carries = targets.Where(t => t.Old is not null).ToDictionary(t => t.Old!);
        foreach (var target in targets.Where(t => t.Old is null && carries.ContainsKey(t.Value)).ToList())
        {
            CopyTo(target.Value, places[target.Value], target.Place, null);
            targets.Remove(target);
        }
        Fill(targets, CancellationToken.None);
    }

    void Clear(Node node, Value value, Placement place)
    {
        var builder = new Builder(program, "clear");
        var zeros = builder.Zeros(value.Type);
        Launch(node, TryBuild(new([.. builder.Nodes], [], [(zeros, place)]))!);
    }
}
