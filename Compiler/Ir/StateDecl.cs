using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>What a state is for; it decides what is trained, saved and printed.</summary>
public enum StateKind
{
    /// <summary>Trained by the optimizer.</summary>
    Parameter,
    /// <summary>Written by the forward pass, saved with the model: running statistics.</summary>
    Buffer,
    /// <summary>An optimizer's moment of one parameter; exists once training starts.</summary>
    Optimizer,
    /// <summary>The training loop's own: step, loss scale.</summary>
    Counter,
    /// <summary>Written by entries and owned by the session they run in, never saved: a cache of keys and values.</summary>
    Session,
    /// <summary>Numbers that the source gives: never written, never saved, a part of the assembly.</summary>
    Constant,
    /// <summary>Computed from other states alone, by <see cref="DerivedStates.Function"/>, once for each version of their numbers; never saved.</summary>
    Derived,
}

/// <summary>What the kinds of states have in common.</summary>
public static class StateKinds
{
    /// <summary>Whether a file of a model's weights has such states.</summary>
    public static bool IsWeight(this StateKind kind) => kind is StateKind.Parameter or StateKind.Buffer;

    /// <summary>Whether a checkpoint of training has such states.</summary>
    public static bool IsSaved(this StateKind kind) => kind is not (StateKind.Session or StateKind.Constant or StateKind.Derived);
}

/// <summary>The states that are computed from others.</summary>
public static class DerivedStates
{
    /// <summary>The function that computes all of them, without arguments. No C# name has a point in it.</summary>
    public const string Function = "derive.states";

    /// <summary>The function that computes the working copies of parameters alone, for steps, which read nothing else of what is derived. There is one where <see cref="Function"/> computes more than these.</summary>
    public const string Copies = "derive.copies";

    /// <summary>Whether a function computes derived states, so that nobody calls it but the store.</summary>
    public static bool IsComputedBy(string function) => function is Function or Copies;
}

/// <summary>How a state gets its first value; <paramref name="Scale"/> is the constant, the standard deviation, the bound or the gain.</summary>
/// <remarks>Kaiming: He et al., ICCV 2015, fan in. Xavier: Glorot and Bengio, AISTATS 2010. Fans are counted as PyTorch does: axis 0 is out, axis 1 times the receptive field is in.</remarks>
public sealed record InitSpec(string Kind, double Scale)
{
    public static readonly InitSpec Zeros = new("zeros", 0);

    /// <summary>The kind that lists its numbers.</summary>
    public const string Listed = "values";

    /// <summary>The numbers of the kind <see cref="Listed"/>, row-major; of others none.</summary>
    public EquatableArray<double> Values { get; init; }

    /// <summary>These numbers, row-major. Integers are exact up to 2⁵³.</summary>
    public static InitSpec Of(IEnumerable<double> values) => new(Listed, 0) { Values = new(values) };

    public override string ToString() => Kind is "zeros" or "ones" ? Kind
        : Kind == Listed ? Listed + "(" + string.Join(" ", Values.Select(v => new Attr.Real(v).ToString())) + ")"
        : Kind + "(" + Scale.ToString("R", CultureInfo.InvariantCulture) + ")";
}

/// <summary>One tensor that outlives a call, under a path such as <c>blocks.0.norm.weight</c>. Its shape is constant, unless it is a session's: each session says then how large its own is.</summary>
public sealed record StateDecl(string Path, TensorType Type, StateKind Kind, InitSpec Init)
{
    /// <summary>What it is to be stored in, of <see cref="StateStorages"/>, where that is not its type: what computes with it sees its type, and <c>NarrowStates</c> makes it what is stored.</summary>
    public string Storage { get; init; } = StateStorages.Full;
}

/// <summary>What a session's state may be stored in: names that source, program text and passes share.</summary>
public static class StateStorages
{
    /// <summary>The attribute of a cast to the type that a state has already, where one is assigned: it rounds to what that is stored in.</summary>
    public const string Attribute = "stored";

    /// <summary>Its type.</summary>
    public const string Full = "";

    /// <summary>The 16 bits that its module computes in; its type where that computes in 32 or 64.</summary>
    public const string Computed = "Computed";

    public const string Float16 = Precisions.Float16;

    public const string BFloat16 = Precisions.BFloat16;
}
