namespace Graph.Compiler.Ir;

/// <summary>What a node needs of its sizes: a polynomial over the named dimensions that is not below a number.</summary>
/// <param name="Size">The polynomial.</param>
/// <param name="Least">What it is at least.</param>
/// <param name="What">What is wrong otherwise: a sentence without its full stop.</param>
/// <param name="Id">The identity of that error.</param>
public sealed record SizeRule(Dim Size, long Least, string What, string? Id = null);

/// <summary>An operand of integers that pick something.</summary>
/// <param name="Input">Which operand of the node.</param>
/// <param name="Below">How many there are to pick from.</param>
/// <param name="Except">A number that picks nothing; null when there is none.</param>
/// <param name="What">What picks, for messages.</param>
public sealed record IndexRule(int Input, Dim Below, long? Except, string What);

/// <summary>A <see cref="SizeRule"/> of a function that some of its bindings break: checked when a call binds the named dimensions.</summary>
/// <param name="Function">The function's name.</param>
/// <param name="Size">The polynomial.</param>
/// <param name="Least">What it is at least.</param>
/// <param name="What">What is wrong otherwise.</param>
/// <param name="Origin">The source line that needs it; null when nobody knows.</param>
public sealed record Requirement(string Function, Dim Size, long Least, string What, Origin? Origin);

/// <summary>An <see cref="IndexRule"/> for numbers that come straight from the caller: checked at each call.</summary>
/// <param name="Function">The function's name.</param>
/// <param name="Argument">The argument's name.</param>
/// <param name="Below">Its elements are at least 0 and below this.</param>
/// <param name="Except">An element that is allowed too.</param>
/// <param name="What">What picks with it.</param>
/// <param name="Origin">The source line; null when nobody knows.</param>
public sealed record IndexRange(string Function, string Argument, Dim Below, long? Except, string What, Origin? Origin);
