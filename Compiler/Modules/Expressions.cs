namespace Graph.Compiler.Modules;

/// <summary>An expression of the modelling language, bound: names, overloads, conversions and defaults are resolved.</summary>
public abstract record Expression(Location Location);

/// <summary>A constant: null, or a boxed value of <paramref name="Type"/>'s C# type (bool, char, an integer, float, double, string).</summary>
public sealed record LiteralExpression(TypeRef Type, object? Value, Location Location) : Expression(Location);

/// <summary>A member of an enumeration; operation attributes take <paramref name="Member"/>, arithmetic takes <paramref name="Value"/>.</summary>
public sealed record EnumExpression(string Enum, string Member, long Value, Location Location) : Expression(Location);

/// <summary>A local variable, or a parameter of the method, lambda or local function. Names are unique within one method (<c>x</c>, <c>x.1</c>).</summary>
public sealed record VariableExpression(string Name, Location Location) : Expression(Location);

/// <summary>A parameter of the primary constructor of the class whose member this is.</summary>
public sealed record CapturedExpression(string Name, Location Location) : Expression(Location);

/// <summary>The module or record itself.</summary>
public sealed record ThisExpression(Location Location) : Expression(Location);

/// <summary>A field or auto-property of a module or record; <paramref name="Owner"/> is the class that declares it.</summary>
public sealed record FieldExpression(Expression Target, string Owner, string Field, Location Location) : Expression(Location);

/// <summary>A static read-only field.</summary>
public sealed record StaticFieldExpression(string Owner, string Field, Location Location) : Expression(Location);

/// <summary>An element of a tuple, counted from 0.</summary>
public sealed record TupleElementExpression(Expression Target, int Index, Location Location) : Expression(Location);

/// <summary>What a tensor says about itself while building: <c>Shape</c> (int[], whose elements may be symbolic), <c>Rank</c>, <c>Length</c>.</summary>
public sealed record TensorMemberExpression(Expression Target, string Member, Location Location) : Expression(Location);

/// <summary><c>Mode.Training</c></summary>
public sealed record TrainingExpression(Location Location) : Expression(Location);

/// <summary>A new module or record (<paramref name="Type"/> says which); arguments in the order of parameters, defaults filled in.</summary>
public sealed record NewExpression(
    TypeRef Type, string Constructor, EquatableArray<Expression> Arguments, EquatableArray<MemberValue> Members, Location Location) : Expression(Location);

/// <summary>A member set by an object initializer or a with-expression.</summary>
public sealed record MemberValue(string Owner, string Member, Expression Value);

/// <summary>A new <c>Parameter</c>; <paramref name="Name"/> replaces the field's name in paths, or is a null literal.</summary>
public sealed record NewParameterExpression(Expression Shape, Expression Initializer, Expression Name, Location Location) : Expression(Location);

/// <summary>A new <c>State</c>: a tensor that training updates but no gradient reaches.</summary>
public sealed record NewStateExpression(Expression Shape, Expression Initializer, Expression Name, Expression? Lifetime, Expression? Storage, Location Location) : Expression(Location);

/// <summary><c>Tensor.From(values, shape)</c>: numbers that are known while the model is compiled.</summary>
/// <param name="Element">The type of a number.</param>
/// <param name="Values">An array or list of them.</param>
/// <param name="Shape">The sizes; an empty list for one axis.</param>
/// <param name="Location">Its place.</param>
public sealed record NumberArrayExpression(TypeRef Element, Expression Values, Expression Shape, Location Location) : Expression(Location);

/// <summary>An initializer, <c>Init.KaimingUniform(gain: 1)</c>: the factory's name and its arguments by parameter name.</summary>
public sealed record InitializerExpression(string Name, EquatableArray<NamedValue> Arguments, Location Location) : Expression(Location);

/// <summary>A value with a name.</summary>
public sealed record NamedValue(string Name, Expression Value);

/// <summary>A new array without elements given: one length for each dimension (one, or several for <c>new T[2, 3]</c>).</summary>
public sealed record NewArrayExpression(TypeRef Element, EquatableArray<Expression> Lengths, Location Location) : Expression(Location);

/// <summary>
/// A collection with its elements: <c>[a, ..b]</c>, <c>new[] { a }</c>, <c>new List&lt;T&gt; { a }</c>, <c>new()</c> of a list. <paramref name="Type"/> is an array, list or sequence.
/// </summary>
public sealed record CollectionExpression(TypeRef Type, EquatableArray<Expression> Elements, Location Location) : Expression(Location);

/// <summary>The elements of a sequence, within a <see cref="CollectionExpression"/>.</summary>
public sealed record SpreadExpression(Expression Sequence, Location Location) : Expression(Location);

/// <summary>A tuple.</summary>
public sealed record TupleExpression(EquatableArray<Expression> Elements, Location Location) : Expression(Location);

/// <summary>
/// An operation on tensors. Operands are the tensor-typed arguments in order (an omitted optional one is a null literal; an argument that is an array of tensors
/// stands for its elements); the other arguments are attributes under their C# parameter names.
/// </summary>
public sealed record OperationExpression(
    string Operation, EquatableArray<Expression> Operands, EquatableArray<NamedValue> Attributes, Location Location) : Expression(Location);

/// <summary>
/// A call of a method of a module or record. <paramref name="IsVirtual"/>: start at the run-time class of the target and go to its bases, else start at <paramref name="Owner"/>
/// (which is also how <c>base.Forward(x)</c> looks). A getter is a call of <c>get_Name()</c>.
/// </summary>
public sealed record CallExpression(
    Expression Target, string Owner, string Method, EquatableArray<Expression> Arguments, bool IsVirtual, Location Location) : Expression(Location);

/// <summary>A call of a static function of a module, of a library class, or of one of <see cref="ModuleDef.Functions"/>.</summary>
public sealed record FunctionCallExpression(string Owner, string Method, EquatableArray<Expression> Arguments, Location Location) : Expression(Location);

/// <summary>A call of a local function; its name is unique within the method.</summary>
public sealed record LocalCallExpression(string Function, EquatableArray<Expression> Arguments, Location Location) : Expression(Location);

/// <summary>A call of a value: a lambda, a method group, a delegate held in a variable.</summary>
public sealed record InvokeExpression(Expression Function, EquatableArray<Expression> Arguments, Location Location) : Expression(Location);

/// <summary>
/// A call of an allow-listed method or property of .NET (the generator has the list), <c>Math.Sqrt</c>, <c>Enumerable.Select</c>, <c>List.Add</c>; the receiver, if any, is the first argument.
/// <paramref name="Type"/> is the result's.
/// </summary>
public sealed record LibraryCallExpression(string Function, TypeRef Type, EquatableArray<Expression> Arguments, Location Location) : Expression(Location);

/// <summary>A lambda; an expression body is a block with a return.</summary>
public sealed record LambdaExpression(EquatableArray<string> Parameters, BlockStatement Body, Location Location) : Expression(Location);

/// <summary>A method as a value: of <paramref name="Target"/>, or static (null); a local function has an empty <paramref name="Owner"/>.</summary>
public sealed record MethodGroupExpression(Expression? Target, string Owner, string Method, bool IsVirtual, Location Location) : Expression(Location);

/// <summary>The unary operators.</summary>
public enum UnaryOperator
{
    /// <summary><c>-x</c></summary>
    Negate,
    /// <summary><c>+x</c></summary>
    Plus,
    /// <summary><c>!x</c></summary>
    Not,
    /// <summary><c>~x</c></summary>
    Complement,
}

/// <summary>A unary operator on a build-time value; <paramref name="Type"/> is the operand's and the result's.</summary>
public sealed record UnaryExpression(UnaryOperator Operator, Expression Operand, TypeRef Type, bool IsChecked, Location Location) : Expression(Location);

/// <summary>The binary operators.</summary>
public enum BinaryOperator
{
    /// <summary><c>+</c></summary>
    Add,
    /// <summary><c>-</c></summary>
    Subtract,
    /// <summary><c>*</c></summary>
    Multiply,
    /// <summary><c>/</c></summary>
    Divide,
    /// <summary><c>%</c></summary>
    Remainder,
    /// <summary><c>&lt;&lt;</c></summary>
    ShiftLeft,
    /// <summary><c>&gt;&gt;</c></summary>
    ShiftRight,
    /// <summary><c>&gt;&gt;&gt;</c></summary>
    ShiftRightUnsigned,
    /// <summary><c>&amp;</c></summary>
    And,
    /// <summary><c>|</c></summary>
    Or,
    /// <summary><c>^</c></summary>
    Xor,
    /// <summary><c>&amp;&amp;</c></summary>
    AndAlso,
    /// <summary><c>||</c></summary>
    OrElse,
    /// <summary><c>==</c></summary>
    Equal,
    /// <summary><c>!=</c></summary>
    NotEqual,
    /// <summary><c>&lt;</c></summary>
    Less,
    /// <summary><c>&lt;=</c></summary>
    LessOrEqual,
    /// <summary><c>&gt;</c></summary>
    Greater,
    /// <summary><c>&gt;=</c></summary>
    GreaterOrEqual,
    /// <summary>String concatenation.</summary>
    Concat,
}

/// <summary>
/// A binary operator on build-time values with C#'s semantics. <paramref name="Type"/> is the type of both operands after conversion (of the left one for shifts; Nullable when lifted;
/// <c>object</c> or a module for reference comparison), so it decides width, sign and rounding; comparisons yield bool, the others yield <paramref name="Type"/>.
/// </summary>
public sealed record BinaryExpression(
    BinaryOperator Operator, Expression Left, Expression Right, TypeRef Type, bool IsChecked, Location Location) : Expression(Location);

/// <summary>A conversion between build-time types (numeric, boxing, nullable, enum). Conversions that change nothing at build time are left out.</summary>
public sealed record ConvertExpression(Expression Operand, TypeRef From, TypeRef To, bool IsChecked, Location Location) : Expression(Location);

/// <summary><c>condition ? a : b</c></summary>
public sealed record ConditionalExpression(Expression Condition, Expression WhenTrue, Expression WhenFalse, Location Location) : Expression(Location);

/// <summary><c>a ?? b</c></summary>
public sealed record CoalesceExpression(Expression Value, Expression WhenNull, Location Location) : Expression(Location);

/// <summary><c>a?.b</c>: null when <paramref name="Target"/> is; else <paramref name="WhenNotNull"/>, which sees the target as the variable <paramref name="Variable"/>.</summary>
public sealed record ConditionalAccessExpression(Expression Target, string Variable, Expression WhenNotNull, Location Location) : Expression(Location);

/// <summary><c>x is pattern</c></summary>
public sealed record IsPatternExpression(Expression Value, Pattern Pattern, Location Location) : Expression(Location);

/// <summary>A switch expression: the first arm that matches.</summary>
public sealed record SwitchExpression(Expression Value, EquatableArray<SwitchArm> Arms, Location Location) : Expression(Location);

/// <summary>An arm of a switch expression.</summary>
public sealed record SwitchArm(Pattern Pattern, Expression? When, Expression Value);

/// <summary><c>x[i]</c>, <c>x[^1]</c>, <c>x[1..]</c>, on an array, list or string.</summary>
public sealed record IndexExpression(Expression Target, EquatableArray<Expression> Indices, Location Location) : Expression(Location);

/// <summary><c>^n</c></summary>
public sealed record FromEndExpression(Expression Value, Location Location) : Expression(Location);

/// <summary><c>a..b</c></summary>
public sealed record RangeExpression(Expression? Start, Expression? End, Location Location) : Expression(Location);

/// <summary><c>record with { … }</c></summary>
public sealed record WithExpression(Expression Value, EquatableArray<MemberValue> Members, Location Location) : Expression(Location);

/// <summary><c>default(T)</c></summary>
public sealed record DefaultExpression(TypeRef Type, Location Location) : Expression(Location);

/// <summary>An interpolated string.</summary>
public sealed record InterpolationExpression(EquatableArray<InterpolationPart> Parts, Location Location) : Expression(Location);

/// <summary>Text (<paramref name="Value"/> is null) or a value with a format (alignment is not part of the language).</summary>
public sealed record InterpolationPart(string Text, Expression? Value, string? Format);

/// <summary>
/// An assignment, whose value is what was assigned. The target is a variable, a field, an index expression, a <see cref="DeclarationExpression"/>, a
/// <see cref="DiscardExpression"/>, or a tuple of targets (a deconstruction).
/// </summary>
public sealed record AssignExpression(Expression Target, Expression Value, Location Location) : Expression(Location);

/// <summary>
/// <c>target op= value</c>. <paramref name="Operation"/> is the whole right side with the target's old value as the variable <paramref name="Variable"/>
/// (so tensors, strings and every conversion need no rule of their own). Its value is the new one, or the old one where <paramref name="IsPostfix"/> (<c>i++</c>).
/// </summary>
public sealed record UpdateExpression(Expression Target, string Variable, Expression Operation, bool IsPostfix, Location Location) : Expression(Location);

/// <summary><c>target ??= value</c></summary>
public sealed record CoalesceAssignExpression(Expression Target, Expression Value, Location Location) : Expression(Location);

/// <summary>A new variable as the target of a deconstruction, <c>var (a, b) = …</c>.</summary>
public sealed record DeclarationExpression(string Name, Location Location) : Expression(Location);

/// <summary><c>_</c> as a target.</summary>
public sealed record DiscardExpression(Location Location) : Expression(Location);

/// <summary><c>state.Assign(value)</c>: the new value of a running statistic.</summary>
public sealed record AssignStateExpression(Expression State, Expression Value, Location Location) : Expression(Location);

/// <summary>An exception thrown while building: the module's own diagnostic. <paramref name="Message"/> is null when the exception has none.</summary>
public sealed record ThrowExpression(string Exception, Expression? Message, Location Location) : Expression(Location);
