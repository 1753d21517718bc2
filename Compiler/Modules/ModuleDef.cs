using System.Linq;

namespace Graph.Compiler.Modules;

/// <summary>A module as data: what a class marked [Module] or [Model] says, without symbols or syntax.</summary>
/// <remarks>
/// A definition stands for itself except for other modules: the records, enums, static functions and static fields that its bodies reach
/// (wherever they were declared) travel with it. A static class marked [Module] is a library of functions: it has only static methods.
/// </remarks>
/// <param name="Name">The <see cref="DefinitionName"/>, <c>[Graph.Nn]Graph.Nn.Linear</c>.</param>
/// <param name="Kind">Module, model or library of functions; and whether it is abstract.</param>
/// <param name="Base">The module that it derives from and, for a primary constructor, with which arguments; null for none.</param>
/// <param name="Dims">The [Dim] attributes.</param>
/// <param name="Constructors">The constructors; a class without any has one without parameters.</param>
/// <param name="Fields">Fields and auto-properties in declaration order, static ones too.</param>
/// <param name="Methods">Methods, computed properties (<c>get_Name</c>) and static functions.</param>
/// <param name="Records">The hyper-parameter records that it needs.</param>
/// <param name="Enums">The enumerations that it needs.</param>
/// <param name="Functions">The static functions of other classes that it needs.</param>
/// <param name="Statics">The static read-only fields of other classes that it needs.</param>
/// <param name="References">The names of the other modules that it mentions, sorted.</param>
/// <param name="Location">The class's name in the source.</param>
public sealed record ModuleDef(
    string Name,
    ModuleKind Kind,
    BaseDef? Base,
    EquatableArray<DimDef> Dims,
    EquatableArray<ConstructorDef> Constructors,
    EquatableArray<FieldDef> Fields,
    EquatableArray<MethodDef> Methods,
    EquatableArray<RecordDef> Records,
    EquatableArray<EnumDef> Enums,
    EquatableArray<FunctionDef> Functions,
    EquatableArray<StaticDef> Statics,
    EquatableArray<string> References,
    Location Location)
{
    /// <summary>The version of the text form; a reader refuses any other.</summary>
    public const int FormatVersion = 2;

    /// <summary>What [Precision] says of the class and of its fields; none without the attribute.</summary>
    public EquatableArray<PrecisionDef> Precisions { get; init; } = [];

    /// <summary>What [Checkpoint] marks: null for the class itself, and the names of fields.</summary>
    public EquatableArray<string?> Checkpoints { get; init; } = [];

    /// <summary>The method with the identity <paramref name="id"/> declared here, or null.</summary>
    public MethodDef? Method(string id) => Methods.FirstOrDefault(m => m.Id == id);

    /// <summary>The field or auto-property <paramref name="name"/> declared here, or null.</summary>
    public FieldDef? Field(string name) => Fields.FirstOrDefault(f => f.Name == name);
}

/// <summary>[Precision] of a class or field.</summary>
/// <param name="Field">The field; null for the class itself.</param>
/// <param name="Precision">The name of the precision, <c>Float32</c>.</param>
/// <param name="Location">What it stands on.</param>
public sealed record PrecisionDef(string? Field, string Precision, Location Location);

/// <summary>What a definition is.</summary>
public enum ModuleKind
{
    /// <summary>A template with hyper-parameters.</summary>
    Module,
    /// <summary>A module whose every hyper-parameter is known: it can be compiled.</summary>
    Model,
    /// <summary>A template that only derived modules make.</summary>
    AbstractModule,
    /// <summary>A static class of functions.</summary>
    Library,
}

/// <summary>The base module and the arguments of a primary constructor's base call (empty when the base call is in a <see cref="ConstructorDef"/>).</summary>
public sealed record BaseDef(string Module, ConstructorCall? Call);

/// <summary>A call of a constructor of this class's base or of this class.</summary>
/// <param name="Constructor">The identity of the constructor, <c>.ctor(int,bool)</c>.</param>
/// <param name="Arguments">One for each parameter, in the order of parameters, defaults filled in.</param>
/// <param name="Location">The arguments' place.</param>
public sealed record ConstructorCall(string Constructor, EquatableArray<Expression> Arguments, Location Location);

/// <summary>A named dimension: <c>[Dim("B", Max = 256, Typical = 64)]</c>; 0 where not given.</summary>
public sealed record DimDef(string Name, long Max, long Typical, Location Location);

/// <summary>A constructor.</summary>
/// <remarks>
/// Field initializers run before the body of a constructor that does not chain to another one of the class, as in C#: initializers of the
/// most derived class first, then the base constructor with its own. (All are pure, so only bodies can tell.)
/// </remarks>
/// <param name="Id">The identity, <c>.ctor(int,bool)</c>.</param>
/// <param name="IsPrimary">Its parameters are seen by all members as <see cref="CapturedExpression"/>.</param>
/// <param name="Parameters">The hyper-parameters.</param>
/// <param name="ThisCall">A chained constructor of the same class, or null.</param>
/// <param name="BaseCall">The base constructor's arguments where an ordinary constructor gives them, or null.</param>
/// <param name="Body">The body; empty for a primary constructor.</param>
/// <param name="Location">The constructor's name.</param>
public sealed record ConstructorDef(
    string Id, bool IsPrimary, EquatableArray<ParameterDef> Parameters, ConstructorCall? ThisCall, ConstructorCall? BaseCall, BlockStatement Body, Location Location);

/// <summary>A parameter of a constructor, method or function.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Default">Its default value (calls have it filled in already; a model's constructor is called with it), or null.</param>
/// <param name="Shape">What [Shape] says; empty without the attribute when <see cref="HasShape"/> is false, a scalar when it is true.</param>
/// <param name="HasShape">Whether there is a [Shape].</param>
/// <param name="IsState">Whether [State] makes it an optimizer state.</param>
/// <param name="Location">Its name in the source.</param>
public sealed record ParameterDef(
    string Name, TypeRef Type, Expression? Default, EquatableArray<ShapeDim> Shape, bool HasShape, bool IsState, Location Location);

/// <summary>One dimension of a [Shape]: a number (<see cref="Symbol"/> is null) or the name of a dimension.</summary>
public sealed record ShapeDim(string? Symbol, long Value)
{
    /// <inheritdoc/>
    public override string ToString() => Symbol ?? Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>A field, an auto-property, or a primary constructor's parameter that methods use and that can hold parameters of the model.</summary>
/// <param name="Name">Its name as declared (a path uses it without a leading underscore: <see cref="PathSegment"/>).</param>
/// <param name="Type">Its type.</param>
/// <param name="Initializer">The expression after <c>=</c>, or null; it may use captured primary-constructor parameters.</param>
/// <param name="IsStatic">Belongs to the class.</param>
/// <param name="Location">Its name in the source.</param>
/// <param name="Failure">Of a static field: why it does not bind; empty when it does.</param>
public sealed record FieldDef(string Name, TypeRef Type, Expression? Initializer, bool IsStatic, Location Location, EquatableArray<Reason> Failure = default)
{
    /// <summary>
    /// The field's segment in the paths of parameters: <c>_conv</c> → <c>conv</c>. An array or list that is called <c>_</c> has none, so that its elements are numbered by the module itself:
    /// <c>0.weight</c>, as in PyTorch's containers.
    /// </summary>
    public string PathSegment => Name.TrimStart('_') is { Length: > 0 } trimmed ? trimmed : Type.Kind is TypeKind.Array or TypeKind.List ? "" : Name;
}

/// <summary>What a method is for.</summary>
public enum MethodRole
{
    /// <summary>An ordinary method.</summary>
    None,
    /// <summary>[Entry]: callable on the model.</summary>
    Entry,
    /// <summary>[Loss]: a scalar to be made small.</summary>
    Loss,
    /// <summary>[Train]: returns the optimizer.</summary>
    Train,
}

/// <summary>The arguments of [Train].</summary>
/// <param name="Precision">The name of the precision, <c>Float32</c>.</param>
/// <param name="ClipNorm">The largest global norm of the gradients; 0 for no clipping.</param>
/// <param name="Loss">The name of the loss method; null for the only one.</param>
/// <param name="Updates">Patterns of the parameters that it updates; none for all.</param>
/// <param name="Freezes">Patterns of parameters that it leaves as they are.</param>
public sealed record TrainDef(string Precision, double ClipNorm, string? Loss, EquatableArray<string> Updates = default, EquatableArray<string> Freezes = default)
{
    /// <summary>The precisions that the model is compiled for beside <see cref="Precision"/>.</summary>
    public EquatableArray<string> FurtherPrecisions { get; init; } = [];

    /// <summary>What the loss is scaled with in 16 bits: above 0 a number that stays, 0 what the precision needs, −1 one that moves.</summary>
    public double LossScale { get; init; }

    /// <summary>In how many parts a step goes through its batch; 0 as a whole.</summary>
    public int MicroBatches { get; init; }

    /// <summary>The most bytes that a step may take, as it is written; null where nothing is.</summary>
    public string? MemoryBudget { get; init; }

    /// <summary>The precision of what the optimizer keeps for parameters; empty for that of masters.</summary>
    public string Moments { get; init; } = "";

    /// <summary>Whether parameters of 16 bits have masters in 32.</summary>
    public bool HasMasters { get; init; } = true;

    /// <summary>Patterns of the parameters that have none while others do.</summary>
    public EquatableArray<string> WithoutMasters { get; init; } = [];
}

/// <summary>A method, a computed property's getter, or a static function.</summary>
/// <param name="Name">Its name; a getter's is <c>get_Name</c>.</param>
/// <param name="Id">Name and parameter types, <c>Forward(Tensor,int)</c>: what calls say, and what an override shares with its base.</param>
/// <param name="IsStatic">Has no <c>this</c>.</param>
/// <param name="Dispatch">Whether the most derived override is called.</param>
/// <param name="Role">Entry, loss or optimizer.</param>
/// <param name="Train">The arguments of [Train], or null.</param>
/// <param name="Parameters">The parameters.</param>
/// <param name="Returns">The result's type.</param>
/// <param name="Body">The body (an expression body is a block with a return); null for an abstract method, and for one that does not bind.</param>
/// <param name="Location">The method's name in the source.</param>
/// <param name="Failure">Why the method does not bind; empty when it does.</param>
public sealed record MethodDef(
    string Name,
    string Id,
    bool IsStatic,
    Dispatch Dispatch,
    MethodRole Role,
    TrainDef? Train,
    EquatableArray<ParameterDef> Parameters,
    TypeRef Returns,
    BlockStatement? Body,
    Location Location,
    EquatableArray<Reason> Failure = default)
{
    /// <summary>An entry that is compiled in training mode.</summary>
    public bool IsTraining { get; init; }

    /// <summary>An entry of which nothing is folded.</summary>
    public bool IsExact { get; init; }
}

/// <summary>
/// Why a member is not part of the modelling language. Only what a model reaches has to be; a member that does not bind is ordinary C#, and its definition says why, for the
/// model that reaches it all the same.
/// </summary>
/// <param name="Id">The diagnostic.</param>
/// <param name="Message">Its words.</param>
/// <param name="Location">Its place.</param>
public sealed record Reason(string Id, string Message, Location Location);

/// <summary>How a method is found from its identity.</summary>
public enum Dispatch
{
    /// <summary>The method itself.</summary>
    Direct,
    /// <summary>May be overridden.</summary>
    Virtual,
    /// <summary>Overrides the base's.</summary>
    Override,
    /// <summary>Must be overridden.</summary>
    Abstract,
}

/// <summary>A static function of another class, with that class's full name.</summary>
public sealed record FunctionDef(string Owner, MethodDef Method);

/// <summary>A static read-only field of another class, with that class's full name.</summary>
public sealed record StaticDef(string Owner, FieldDef Field);

/// <summary>A record, record struct or plain class or struct of hyper-parameters.</summary>
/// <param name="Name">The full name.</param>
/// <param name="Base">The full name of the base record, or null.</param>
/// <param name="Constructors">The constructors; a primary one also sets the fields of the same name (in a record).</param>
/// <param name="Fields">Positional members (no initializer: set by the primary constructor) and other fields and auto-properties.</param>
/// <param name="Methods">Computed properties and methods.</param>
/// <param name="IsPositional">Whether the primary constructor's parameters are members.</param>
/// <param name="BaseCall">The primary constructor's arguments for the base record, or null.</param>
/// <param name="Location">The record's name in the source.</param>
/// <param name="Failure">Why the record does not bind, and so has no members here; empty when it does.</param>
public sealed record RecordDef(
    string Name,
    string? Base,
    EquatableArray<ConstructorDef> Constructors,
    EquatableArray<FieldDef> Fields,
    EquatableArray<MethodDef> Methods,
    bool IsPositional,
    ConstructorCall? BaseCall,
    Location Location,
    EquatableArray<Reason> Failure = default);

/// <summary>An enumeration's members.</summary>
public sealed record EnumDef(string Name, EquatableArray<EnumMember> Members, Location Location);

/// <summary>A member of an enumeration.</summary>
public sealed record EnumMember(string Name, long Value);
