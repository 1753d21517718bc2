using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Gradients;

/// <summary>
/// The gradient of a loop is a loop in the other direction. The forward loop stacks what the backward body reads of an iteration (its residuals); the backward loop carries the
/// gradients of the carries, adds up those of the invariants and stacks those of the slices. Of a conditional loop it goes through all iterations that there could have been: the stacked condition,
/// 0 where none was, says which did nothing.
/// </summary>
sealed class LoopGradient
{
    readonly Node loop;
    readonly Function body;
    readonly Program program;
    readonly int carries, scanned;
    readonly List<int> activeCarries, activeSlices, activeInvariants, activeStacks;
    readonly List<Value> residuals;
    readonly Function forward, backward;
    readonly List<int> slicesRead, invariantsRead;
    ImmutableArray<Value> stacks = [];

    /// <param name="loop">The loop.</param>
    /// <param name="activeInputs">Which operands a gradient is wanted for.</param>
    /// <param name="activeOutputs">Which results may have a gradient.</param>
    /// <param name="program">The program under construction.</param>
    public LoopGradient(Node loop, ImmutableArray<bool> activeInputs, ImmutableArray<bool> activeOutputs, Program program)
    {
        (this.loop, this.program) = (loop, program);
        body = Inliner.Run(loop.Regions[0], program);
        (carries, scanned) = ((int)loop.Attributes.Int("carries"), (int)loop.Attributes.Int("scanned"));
        var activeParameters = ActiveParameters(activeInputs);
        bool IsActive(int input) => activeParameters.Contains(body.Parameters[input + 1]);
        activeCarries = [.. Enumerable.Range(0, carries).Where(IsActive)];
        activeSlices = [.. Enumerable.Range(carries, scanned).Where(IsActive)];
        activeInvariants = [.. Enumerable.Range(carries + scanned, loop.Inputs.Length - carries - scanned).Where(IsActive)];
        activeStacks = [.. Enumerable.Range(carries, loop.Outputs.Length - carries).Where(i => activeOutputs[i])];

        // One function with the body and its gradient, that is then cut in two.
        var whole = Rewriter.Over(program, body);
        var b = whole.Builder;
        var mode = new ReverseMode(whole, body.Nodes);
        var roots = activeCarries.Concat(activeStacks).Select(i => body.Results[i]).ToArray();
        mode.Forward(activeParameters, roots);
        var cut = b.Nodes.Count;
        var carried = activeCarries.Select(i => b.Argument(body.Results[i].Type, "dcarry" + i)).ToArray();
        var sums = activeInvariants.Select(i => b.Argument(body.Parameters[i + 1].Type, "sum" + i)).ToArray();
        var stacked = activeStacks.Select(i => b.Argument(body.Results[i].Type, "dstack" + i)).ToArray();
        var gradients = mode.Backward(roots.Zip(carried.Concat(stacked), (old, gradient) => (old, gradient)));
        Value GradientOf(int input)
        {
            var parameter = body.Parameters[input + 1];
            return gradients.TryGetValue(parameter, out var gradient) ? gradient : b.Zeros(parameter.Type);
        }
        // An iteration that did not run left everything as it was.
        Value? ran = LoopOperation.IsConditional(loop.Attributes) ? whole[body.Parameters[1]] : null;
        Value IfRan(Value yes, Value no) => ran is null ? yes : b.Where(ran, yes, no);
        var results = activeCarries.Select((i, k) => IfRan(GradientOf(i), carried[k]))
            .Concat(activeInvariants.Select((i, k) => gradients.TryGetValue(body.Parameters[i + 1], out var g) ? IfRan(b.Add(sums[k], g), sums[k]) : sums[k]))
            .Concat(activeSlices.Select(i => IfRan(GradientOf(i), b.Zeros(body.Parameters[i + 1].Type)))).ToImmutableArray();

        var (first, second) = (b.Nodes.Take(cut).ToImmutableArray(), b.Nodes.Skip(cut).ToImmutableArray());
        var parameters = whole.New(body.Parameters);
        var read = new HashSet<Value>(second.SelectMany(n => n.Inputs).Concat(results));
        var repeated = first.Where(n => n.Inputs.IsEmpty && n.Outputs.Any(read.Contains)).ToArray(); // constants are cheaper to make than to keep
        slicesRead = [.. Enumerable.Range(carries, scanned).Where(i => read.Contains(parameters[i + 1]))];
        invariantsRead = [.. Enumerable.Range(carries + scanned, loop.Inputs.Length - carries - scanned).Where(i => read.Contains(parameters[i + 1]))];
        residuals = [.. parameters.Skip(1).Take(carries).Concat(first.Where(n => !n.Inputs.IsEmpty).SelectMany(n => n.Outputs)).Where(read.Contains)];
        forward = new(body.Name, parameters, [], first, [.. whole.New(body.Results), .. residuals], []);

        var back = new Rewriter(program, body.Name);
        void Argument(Value old, string name) => back.Map[old] = back.Builder.Argument(old.Type, name);
        Argument(parameters[0], parameters[0].Name!);
        foreach (var value in carried.Concat(sums).Concat(stacked)) Argument(value, value.Name!);
        for (var i = 0; i < residuals.Count; i++) Argument(residuals[i], "saved" + i);
        foreach (var i in slicesRead.Concat(invariantsRead)) Argument(parameters[i + 1], "input" + i);
        foreach (var node in repeated.Concat(second)) back.Copy(node);
        backward = back.Builder.Build(back.New(results)).Pruned();
    }

    // A carry is active when its start or what an iteration makes of it is: iterated until nothing changes.
    HashSet<Value> ActiveParameters(ImmutableArray<bool> activeInputs)
    {
        var sources = new HashSet<Value>();
        for (var i = 0; i < activeInputs.Length; i++)
            if (activeInputs[i] && body.Parameters[i + 1].DType.IsFloat()) sources.Add(body.Parameters[i + 1]);
        for (var grown = true; grown;)
        {
            grown = false;
            var active = Activity.From(sources, body.Nodes);
            for (var i = 0; i < carries; i++)
                if (active.Contains(body.Results[i])) grown |= sources.Add(body.Parameters[i + 1]);
        }
        return sources;
    }

    /// <summary>The loop with its residuals stacked; its first results are those of the old loop.</summary>
    public ImmutableArray<Value> EmitForward(Builder b, ImmutableArray<Value> inputs)
    {
        var node = b.Node(loop.Operation, inputs, loop.Attributes, [forward]);
        stacks = [.. node.Outputs.Skip(loop.Outputs.Length)];
        return node.Outputs;
    }

    /// <summary>The reversed loop; gives the gradient of each operand, null where none is wanted.</summary>
    public ImmutableArray<Value?> EmitBackward(Builder b, ImmutableArray<Value> inputs, ImmutableArray<Value?> given)
    {
        Value Given(int output) => given[output] ?? b.Zeros(loop.Outputs[output].Type);
        ImmutableArray<Value> operands =
        [
            .. activeCarries.Select(Given), .. activeInvariants.Select(i => b.Zeros(inputs[i].Type)),
            .. activeStacks.Select(Given), .. stacks, .. slicesRead.Select(i => inputs[i]),
            .. invariantsRead.Select(i => inputs[i]),
        ];
        var attributes = loop.Attributes
            .With("carries", activeCarries.Count + activeInvariants.Count)
            .With("scanned", activeStacks.Count + residuals.Count + slicesRead.Count)
            .With("reverse", !loop.Attributes.Bool("reverse")).Without("conditional");
        var node = b.Node(loop.Operation, operands, attributes, [backward]);
        var gradients = new Value?[inputs.Length];
        var next = 0;
        foreach (var i in activeCarries.Concat(activeInvariants).Concat(activeSlices)) gradients[i] = node.Outputs[next++];
        return [.. gradients];
    }
}
