namespace Graph.Compiler.Modules;

/// <summary>A pattern of <c>is</c> and <c>switch</c>.</summary>
public abstract record Pattern(Location Location);

/// <summary>Equal to a constant (null too).</summary>
public sealed record ConstantPattern(Expression Value, Location Location) : Pattern(Location);

/// <summary><c>&lt; 3</c>: the operator is Less, LessOrEqual, Greater or GreaterOrEqual.</summary>
public sealed record RelationalPattern(BinaryOperator Operator, Expression Value, Location Location) : Pattern(Location);

/// <summary>Of a type (null: <c>var</c>, which matches null too), and then named <paramref name="Variable"/> if that is not null.</summary>
public sealed record TypePattern(TypeRef? Type, string? Variable, Location Location) : Pattern(Location);

/// <summary><c>_</c></summary>
public sealed record DiscardPattern(Location Location) : Pattern(Location);

/// <summary>Not null, of a type if one is given, with members that match, then named <paramref name="Variable"/>.</summary>
public sealed record PropertyPattern(TypeRef? Type, EquatableArray<MemberPattern> Members, string? Variable, Location Location) : Pattern(Location);

/// <summary>A member and its pattern. <paramref name="Member"/> is an expression on the variable <paramref name="Variable"/>, which stands for the matched value.</summary>
public sealed record MemberPattern(string Variable, Expression Member, Pattern Pattern);

/// <summary>A tuple (or positional record) whose elements match.</summary>
public sealed record TuplePattern(EquatableArray<Pattern> Elements, Location Location) : Pattern(Location);

/// <summary>A list pattern; a <see cref="SlicePattern"/> among the elements takes any number.</summary>
public sealed record ListPattern(EquatableArray<Pattern> Elements, Location Location) : Pattern(Location);

/// <summary><c>..</c> within a list pattern, and the pattern of what it takes.</summary>
public sealed record SlicePattern(Pattern? Pattern, Location Location) : Pattern(Location);

/// <summary><c>not p</c></summary>
public sealed record NotPattern(Pattern Pattern, Location Location) : Pattern(Location);

/// <summary><c>p and q</c></summary>
public sealed record AndPattern(Pattern Left, Pattern Right, Location Location) : Pattern(Location);

/// <summary><c>p or q</c></summary>
public sealed record OrPattern(Pattern Left, Pattern Right, Location Location) : Pattern(Location);
