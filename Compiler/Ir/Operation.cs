using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>What passes need to know of an operation without knowing it.</summary>
public enum OpKind
{
    /// <summary>Each result element is a scalar expression of the input elements at the same place, with broadcasting. See <see cref="ElementwiseOperation"/>.</summary>
    Elementwise,
    /// <summary>The same numbers under another index map: reshape, transpose, slice, expand.</summary>
    View,
    /// <summary>Sum, maximum, minimum along axes.</summary>
    Reduce,
    /// <summary>Batched matrix product.</summary>
    Contract,
    /// <summary>Convolution and its two gradients.</summary>
    Convolution,
    /// <summary>A kernel of its own: pooling, embedding gradient, concatenation.</summary>
    Library,
    /// <summary>Defined by other operations; the decompose pass replaces it.</summary>
    Composite,
    /// <summary>Call, loop, fused region.</summary>
    Structure,
}

/// <summary>When an operation draws random numbers.</summary>
public enum Drawing
{
    /// <summary>It has none.</summary>
    Never,
    /// <summary>In training mode.</summary>
    WhileTraining,
    /// <summary>In every mode.</summary>
    Always,
}

/// <summary>Operand types, attributes and regions, for shape rules.</summary>
public sealed class InferContext(ImmutableArray<TensorType> inputs, AttributeMap attributes, ImmutableArray<Function> regions, Program? program = null)
{
    /// <summary>The program being built, in which calls find their callee.</summary>
    public Program? Program { get; } = program;
    public ImmutableArray<TensorType> Inputs { get; } = inputs;
    public AttributeMap Attributes { get; } = attributes;
    public ImmutableArray<Function> Regions { get; } = regions;
    public TensorType this[int input] => Inputs[input];
    public Shape Shape(int input) => Inputs[input].Shape;

    /// <exception cref="ShapeException">The number of operands is another one.</exception>
    public void Expect(string name, int least, int most = -1)
    {
        if (most < 0) most = least;
        if (Inputs.Length < least || Inputs.Length > most)
            throw new ShapeException($"{name} takes {(least == most ? least.ToString() : $"{least} to {most}")} operands, but got {Inputs.Length}", "GR2031");
    }
}

/// <summary>A tensor operation: its shape rule, its reference value, its gradient, its definition by other operations and its cost. One instance an operation; stateless.</summary>
public abstract class Operation
{
    /// <summary>The name in the text form, in snake case.</summary>
    public abstract string Name { get; }

    /// <summary>Raised when the meaning or the attributes change; stored with programs.</summary>
    public virtual int Version => 1;

    public abstract OpKind Kind { get; }

    /// <summary>The types of the results.</summary>
    /// <exception cref="ShapeException">The operands do not fit.</exception>
    public abstract ImmutableArray<TensorType> Infer(InferContext context);

    /// <summary>What a node needs of its sizes under every binding of the named dimensions, beyond what <see cref="Infer"/> has checked; by default that no axis of a result is negative.</summary>
    public virtual IEnumerable<SizeRule> SizeRules(Node node)
    {
        foreach (var output in node.Outputs)
            foreach (var size in output.Shape)
                if (!size.IsNeverNegative)
                    yield return new(size, 0, $"{Name} gives a tensor of shape {output.Shape}, but sizes are at least 0", "GR2015");
    }

    /// <summary>The operands that pick something by its number.</summary>
    public virtual IEnumerable<IndexRule> IndexRules(Node node) => [];

    /// <summary>True for an operation that gives its only operand as it is and looks whether its <see cref="IndexRules"/> hold: where the caller's numbers are checked before a call, it has nothing to do.</summary>
    public virtual bool IsCheck => false;

    /// <summary>
    /// Whether a kernel of the node may end by an exception for the numbers that it meets, such as an index that is not there. It comes before anything that outlives the call is written, so that a call that throws has
    /// changed nothing.
    /// </summary>
    public virtual bool MayThrow(Node node, Program program) => Kind == OpKind.Library && IndexRules(node).Any() || node.Regions.Any(r => r.Nodes.Any(n => n.Operation.MayThrow(n, program)));

    /// <summary>Computes the results from dense operands: the definition of what the operation means.</summary>
    public abstract void Evaluate(Evaluation e);

    /// <summary>The gradients of the operands, given those of the results; null for an operand that has none. Emits differentiable operations only.</summary>
    /// <exception cref="NotSupportedException">The operation has no gradient.</exception>
    public virtual ImmutableArray<Value?> Gradient(GradContext g) => throw new NotSupportedException($"The operation {Name} has no gradient.");

    /// <summary>Why no other operations define what a node computes (<see cref="Define"/>), as the end of a sentence; null when they do, which is what a target without a kernel for it asks.</summary>
    public virtual string? Undefined(Node node) => Kind == OpKind.Composite ? null : "no other operations define it";

    /// <summary>For composites, and for what a target may lack: the results by other operations.</summary>
    public virtual ImmutableArray<Value> Define(Builder b, Node node) => throw new NotSupportedException($"The operation {Name} is a primitive.");

    /// <summary>
    /// Emits a call as the modelling language makes it: attributes under their C# parameter names, with negative axes, sizes of −1 and names of enumerations still in them.
    /// Brings them to the form that <see cref="Infer"/> knows; an operation that only the modelling language has emits what it stands for. Called by <c>Builder.Apply</c>.
    /// </summary>
    /// <exception cref="ShapeException">The operands do not fit.</exception>
    public virtual ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) => b.Node(this, operands, attributes).Outputs;

    /// <summary>
    /// Whether a call in the modelling language draws random numbers. It then gets three more operands, i64[] each: the seed of the call of the model, the stream (<c>random_stream</c>, a name that no
    /// other draw of the model has), and the iteration of the loop around it, 0 outside of loops.
    /// </summary>
    public virtual Drawing Draws => Drawing.Never;

    /// <summary>
    /// The results for one part of a batch, where they are not what the node makes of smaller operands: random numbers are those of the part's places in the whole. Default where nothing is to be done.
    /// </summary>
    /// <param name="b">Where they are emitted.</param>
    /// <param name="node">The node for the whole batch.</param>
    /// <param name="inputs">Its operands for the part.</param>
    /// <param name="attributes">Its attributes for the part.</param>
    /// <param name="part">The part.</param>
    public virtual ImmutableArray<Value> OfPart(Builder b, Node node, ImmutableArray<Value> inputs, AttributeMap attributes, BatchPart part) => default;

    /// <summary>True when optional tensors of a call may be left out with others behind them: the operation tells by their types which is which.</summary>
    public virtual bool TellsOperands => false;

    /// <summary>True when plain numbers among the operands take the element type of the others; elementwise operations do anyway.</summary>
    public virtual bool AdoptsNumbers => false;

    /// <summary>True when the modelling language sees the results as an array, even if there is only one; else one result is a tensor and several are a tuple.</summary>
    public virtual bool ReturnsArray => false;

    /// <summary>Floating-point operations; a multiply-add counts two.</summary>
    public virtual Dim Flops(Node node) => Kind == OpKind.View ? Dim.Zero : node.Outputs.Aggregate(Dim.Zero, (sum, o) => sum + o.Shape.Size);

    /// <summary>For a view: which element of the operand each element of the result is. Null for every other operation.</summary>
    public virtual ViewMap? View(Node node) => null;

    /// <summary>For a reduction along the attribute <c>axes</c>, which stay with size 1 if <c>keep</c> is true: what it computes. Null for every other operation.</summary>
    public virtual Accumulation? Reduce(Node node) => null;

    /// <summary>For a convolution: which of its three tensors are the operands, and its window. Null for every other operation.</summary>
    public virtual ConvolutionForm? Convolution(Node node) => null;

    /// <summary>For an attention or its gradient: which operands it has and how it weighs them. Null for every other operation.</summary>
    public virtual AttentionForm? Attention(Node node) => null;

    /// <summary>For products, convolutions and library operations: what their kernels promise beside the numbers. Null for operations that are written with others or lowered to loops.</summary>
    public virtual LibraryTraits? Library(Node node) => null;

    /// <summary>What a node of it computes in where the model's precision is 16 bits.</summary>
    public virtual TypePolicy Policy(Node node) => Kind switch
    {
        OpKind.Contract or OpKind.Convolution => TypePolicy.Narrow,
        OpKind.Reduce => TypePolicy.Wide,
        OpKind.Composite => TypePolicy.Parts,
        _ => TypePolicy.Widest, // structure has no row: what is in it has
    };

    /// <summary>
    /// The operand that the only result is but for some elements, which come from the other operands of its type, all of them as they are: where that operand is stored in 16 bits, so may the result be. Null for other operations.
    /// </summary>
    public virtual int? Replaces(Node node) => null;

    /// <summary>True when two operands give the same bits in either order.</summary>
    public virtual bool Commutes => false;

    /// <summary>The attributes with which a node gives its first result alone, of the same bits, and need not compute the others; null when it always gives all.</summary>
    public virtual AttributeMap? FirstResultAlone(Node node) => null;

    /// <summary>True for a number that has no element type of its own yet, such as a literal of the modelling language: it takes that of what it is combined with, and keeps the one that it has when it met none.</summary>
    public virtual bool IsUntyped(AttributeMap attributes) => false;

    /// <summary>The attribute that says which element of the axis <c>axis</c> a call takes, that axis being gone then; null for other operations. In a loop over an axis it may be the loop's variable.</summary>
    public virtual string? PicksBy => null;

    /// <summary>True for a number that says by an attribute who asks for it, as a stream of random numbers does: code that is the same otherwise differs in it, so a function for all of them takes it as an operand.</summary>
    public virtual bool IsNamed => false;

    /// <summary>False for operations whose every application differs (random numbers are keyed, so they are pure too).</summary>
    public virtual bool IsPure => true;

    public sealed override string ToString() => Name;
}

/// <summary>The operations a program may use, by name.</summary>
public sealed class OperationSet
{
    readonly Dictionary<string, Operation> byName;

    /// <exception cref="ArgumentException">Two operations have one name.</exception>
    public OperationSet(IEnumerable<Operation> operations)
    {
        byName = new(StringComparer.Ordinal);
        foreach (var operation in operations.Concat(StructureOperations.All))
        {
            if (byName.ContainsKey(operation.Name)) throw new ArgumentException($"Two operations are named {operation.Name}.", nameof(operations));
            byName.Add(operation.Name, operation);
        }
    }

    public IEnumerable<Operation> All => byName.Values.OrderBy(o => o.Name, StringComparer.Ordinal);

    public bool TryGet(string name, out Operation operation) => byName.TryGetValue(name, out operation!);

    /// <exception cref="KeyNotFoundException">There is no operation of that name.</exception>
    public Operation this[string name] => byName.TryGetValue(name, out var operation) ? operation : throw new KeyNotFoundException($"There is no operation named {name}.");
}
