using System.Linq;

namespace Graph.Compiler.Modules;

/// <summary>The kinds of types that the modelling language knows.</summary>
public enum TypeKind
{
    /// <summary>No value.</summary>
    Void,
    /// <summary><c>bool</c></summary>
    Bool,
    /// <summary><c>char</c></summary>
    Char,
    /// <summary><c>sbyte</c></summary>
    Int8,
    /// <summary><c>byte</c></summary>
    UInt8,
    /// <summary><c>short</c></summary>
    Int16,
    /// <summary><c>ushort</c></summary>
    UInt16,
    /// <summary><c>int</c></summary>
    Int32,
    /// <summary><c>uint</c></summary>
    UInt32,
    /// <summary><c>long</c></summary>
    Int64,
    /// <summary><c>ulong</c></summary>
    UInt64,
    /// <summary><c>System.Half</c></summary>
    Float16,
    /// <summary><c>Graph.BFloat16</c></summary>
    BFloat16,
    /// <summary><c>float</c></summary>
    Float32,
    /// <summary><c>double</c></summary>
    Float64,
    /// <summary><c>string</c></summary>
    String,
    /// <summary><c>object</c></summary>
    Object,
    /// <summary><c>System.Index</c></summary>
    Index,
    /// <summary><c>System.Range</c></summary>
    Range,
    /// <summary>A class marked [Module] or [Model]; <see cref="TypeRef.Name"/> says which.</summary>
    Module,
    /// <summary>A record, record struct, or plain struct of hyper-parameters.</summary>
    Record,
    /// <summary>An enumeration.</summary>
    Enum,
    /// <summary>An interface that modules implement.</summary>
    Interface,
    /// <summary>An array; the argument is the element.</summary>
    Array,
    /// <summary>A <c>List&lt;T&gt;</c>; the argument is the element.</summary>
    List,
    /// <summary>Any other sequence interface: <c>IEnumerable</c>, <c>IReadOnlyList</c>, a span; the argument is the element.</summary>
    Sequence,
    /// <summary>A tuple; the arguments are the elements and <see cref="TypeRef.Name"/> their names, separated by commas (empty when unnamed).</summary>
    Tuple,
    /// <summary>A nullable value type or annotated reference type; the argument is the type below.</summary>
    Nullable,
    /// <summary>A delegate; the arguments are its parameters and, last, its result.</summary>
    Function,
    /// <summary><c>Tensor</c> (no argument: the precision policy picks the element) or <c>Tensor&lt;T&gt;</c> (the argument).</summary>
    Tensor,
    /// <summary><c>Parameter</c></summary>
    Parameter,
    /// <summary><c>State</c></summary>
    State,
    /// <summary><c>Initializer</c></summary>
    Initializer,
    /// <summary>An exception; only in <c>throw</c>.</summary>
    Exception,
}

/// <summary>A type of the modelling language.</summary>
/// <param name="Kind">Which kind.</param>
/// <param name="Name">The <see cref="DefinitionName"/> of a module, record, enum or interface; an exception's name; a tuple's element names.</param>
/// <param name="Arguments">What the type is made of: see <see cref="TypeKind"/>.</param>
public sealed record TypeRef(TypeKind Kind, string Name = "", EquatableArray<TypeRef> Arguments = default)
{
    /// <summary>No value.</summary>
    public static TypeRef Void { get; } = new(TypeKind.Void);
    /// <summary><c>bool</c></summary>
    public static TypeRef Bool { get; } = new(TypeKind.Bool);
    /// <summary><c>int</c></summary>
    public static TypeRef Int32 { get; } = new(TypeKind.Int32);
    /// <summary><c>long</c></summary>
    public static TypeRef Int64 { get; } = new(TypeKind.Int64);
    /// <summary><c>float</c></summary>
    public static TypeRef Float32 { get; } = new(TypeKind.Float32);
    /// <summary><c>double</c></summary>
    public static TypeRef Float64 { get; } = new(TypeKind.Float64);
    /// <summary><c>string</c></summary>
    public static TypeRef String { get; } = new(TypeKind.String);
    /// <summary><c>object</c></summary>
    public static TypeRef Object { get; } = new(TypeKind.Object);
    /// <summary><c>Tensor</c>, whose element type the precision policy picks.</summary>
    public static TypeRef Tensor { get; } = new(TypeKind.Tensor);
    /// <summary><c>Parameter</c></summary>
    public static TypeRef Parameter { get; } = new(TypeKind.Parameter);
    /// <summary><c>State</c></summary>
    public static TypeRef State { get; } = new(TypeKind.State);
    /// <summary><c>Initializer</c></summary>
    public static TypeRef Initializer { get; } = new(TypeKind.Initializer);

    /// <summary>True for a type whose values can hold parameters of a model.</summary>
    public bool MayHoldParameters => Kind switch
    {
        TypeKind.Parameter or TypeKind.State or TypeKind.Module or TypeKind.Interface => true,
        TypeKind.Array or TypeKind.List or TypeKind.Sequence or TypeKind.Nullable or TypeKind.Tuple => Arguments.Any(a => a.MayHoldParameters),
        _ => false,
    };

    /// <summary>The names of a tuple's elements: <c>Item1</c> where the source gives none. Segments of the paths of parameters.</summary>
    public string ElementName(int index)
    {
        var names = Name.Split(',');
        return index < names.Length && names[index].Length > 0 ? names[index] : System.FormattableString.Invariant($"Item{index + 1}");
    }

    /// <summary>The module class <paramref name="name"/>.</summary>
    public static TypeRef Module(string name) => new(TypeKind.Module, name);
    /// <summary>The record <paramref name="name"/>.</summary>
    public static TypeRef Record(string name) => new(TypeKind.Record, name);
    /// <summary>The enumeration <paramref name="name"/>.</summary>
    public static TypeRef Enum(string name) => new(TypeKind.Enum, name);
    /// <summary>An array of <paramref name="element"/>.</summary>
    public static TypeRef Array(TypeRef element) => new(TypeKind.Array, "", [element]);
    /// <summary>A list of <paramref name="element"/>.</summary>
    public static TypeRef List(TypeRef element) => new(TypeKind.List, "", [element]);
    /// <summary><paramref name="type"/> or null.</summary>
    public static TypeRef Nullable(TypeRef type) => new(TypeKind.Nullable, "", [type]);
    /// <summary>A tensor whose elements are <paramref name="element"/>.</summary>
    public static TypeRef TensorOf(TypeRef element) => new(TypeKind.Tensor, "", [element]);

    /// <summary>The element of an array, list, sequence or tensor, and the type below a nullable; null for others.</summary>
    public TypeRef? Element => Kind is TypeKind.Array or TypeKind.List or TypeKind.Sequence or TypeKind.Tensor or TypeKind.Nullable && Arguments.Count > 0 ? Arguments[0] : null;

    /// <summary>True for Tensor, Tensor&lt;T&gt;, Parameter and State: what is an operand rather than a build-time value.</summary>
    public bool IsTensor => Kind is TypeKind.Tensor or TypeKind.Parameter or TypeKind.State || (Kind == TypeKind.Nullable && Arguments[0].IsTensor);

    /// <summary>True for the integer types.</summary>
    public bool IsInteger => Kind is >= TypeKind.Int8 and <= TypeKind.UInt64;

    /// <summary>True for the floating-point types.</summary>
    public bool IsReal => Kind is >= TypeKind.Float16 and <= TypeKind.Float64;

    /// <summary>The type as C# writes it, with full names, without assemblies.</summary>
    public override string ToString() => Kind switch
    {
        TypeKind.Void => "void",
        TypeKind.Bool => "bool",
        TypeKind.Char => "char",
        TypeKind.Int8 => "sbyte",
        TypeKind.UInt8 => "byte",
        TypeKind.Int16 => "short",
        TypeKind.UInt16 => "ushort",
        TypeKind.Int32 => "int",
        TypeKind.UInt32 => "uint",
        TypeKind.Int64 => "long",
        TypeKind.UInt64 => "ulong",
        TypeKind.Float16 => "Half",
        TypeKind.BFloat16 => "BFloat16",
        TypeKind.Float32 => "float",
        TypeKind.Float64 => "double",
        TypeKind.String => "string",
        TypeKind.Object => "object",
        TypeKind.Array => Arguments[0] + "[]",
        TypeKind.List => "List<" + Arguments[0] + ">",
        TypeKind.Sequence => "IEnumerable<" + Arguments[0] + ">",
        TypeKind.Nullable => Arguments[0] + "?",
        TypeKind.Tuple => "(" + string.Join(", ", Arguments.Zip(Names(), (type, name) => name.Length == 0 ? type.ToString() : type + " " + name)) + ")",
        TypeKind.Function => "Func<" + string.Join(", ", Arguments) + ">",
        TypeKind.Tensor => Arguments.IsEmpty ? "Tensor" : "Tensor<" + Arguments[0] + ">",
        TypeKind.Module or TypeKind.Record or TypeKind.Enum or TypeKind.Interface or TypeKind.Exception => DefinitionName.FullName(Name),
        _ => Kind.ToString(),
    };

    string[] Names() => Name.Length == 0 ? Arguments.Select(_ => "").ToArray() : Name.Split(',');
}
