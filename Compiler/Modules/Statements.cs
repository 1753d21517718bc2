namespace Graph.Compiler.Modules;

/// <summary>A statement of the modelling language.</summary>
public abstract record Statement(Location Location);

/// <summary>A block; variables declared in it are new each time that it is entered.</summary>
public sealed record BlockStatement(EquatableArray<Statement> Statements, Location Location) : Statement(Location);

/// <summary>A local variable and its first value, if any.</summary>
public sealed record DeclareStatement(string Name, TypeRef Type, Expression? Value, Location Location) : Statement(Location);

/// <summary>An expression evaluated for what it does.</summary>
public sealed record ExpressionStatement(Expression Expression, Location Location) : Statement(Location);

/// <summary><c>if</c></summary>
public sealed record IfStatement(Expression Condition, Statement Then, Statement? Else, Location Location) : Statement(Location);

/// <summary><c>for</c>; without a condition it is always true.</summary>
public sealed record ForStatement(
    EquatableArray<Statement> Initializers, Expression? Condition, EquatableArray<Statement> Updates, Statement Body, Location Location) : Statement(Location);

/// <summary><c>foreach</c>; the target is a <see cref="DeclarationExpression"/> or a tuple of them.</summary>
public sealed record ForEachStatement(Expression Target, Expression Sequence, Statement Body, Location Location) : Statement(Location);

/// <summary><c>while</c></summary>
public sealed record WhileStatement(Expression Condition, Statement Body, Location Location) : Statement(Location);

/// <summary><c>do … while</c></summary>
public sealed record DoStatement(Statement Body, Expression Condition, Location Location) : Statement(Location);

/// <summary><c>switch</c>: the first section with a label that matches, else the one with a default label.</summary>
public sealed record SwitchStatement(Expression Value, EquatableArray<SwitchSection> Sections, Location Location) : Statement(Location);

/// <summary>A section of a switch.</summary>
public sealed record SwitchSection(EquatableArray<SwitchLabel> Labels, EquatableArray<Statement> Body);

/// <summary>A label: a pattern and its condition; <c>default</c> when the pattern is null.</summary>
public sealed record SwitchLabel(Pattern? Pattern, Expression? When);

/// <summary><c>return</c></summary>
public sealed record ReturnStatement(Expression? Value, Location Location) : Statement(Location);

/// <summary><c>break</c></summary>
public sealed record BreakStatement(Location Location) : Statement(Location);

/// <summary><c>continue</c></summary>
public sealed record ContinueStatement(Location Location) : Statement(Location);

/// <summary>A local function; it sees the variables around it.</summary>
public sealed record LocalFunctionStatement(string Name, EquatableArray<string> Parameters, BlockStatement Body, Location Location) : Statement(Location);
