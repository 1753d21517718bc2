using System;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules;

/// <summary>The element types of tensors, as the modelling language, programs and C# know them.</summary>
public static class ElementTypes
{
    /// <summary>The element type that <c>Tensor&lt;T&gt;</c> has for a type of the language; null for what tensors do not hold.</summary>
    public static DType? Of(TypeKind kind) => kind switch
    {
        TypeKind.Float64 => DType.F64,
        TypeKind.Float32 => DType.F32,
        TypeKind.Float16 => DType.F16,
        TypeKind.BFloat16 => DType.BF16,
        TypeKind.Int64 => DType.I64,
        TypeKind.Int32 => DType.I32,
        TypeKind.Int8 => DType.I8,
        TypeKind.UInt8 => DType.U8,
        TypeKind.Bool => DType.Bool,
        _ => null,
    };

    /// <summary>The element type of a tensor's type, <c>Tensor</c> alone being of floats; null for what is no tensor or has no such elements.</summary>
    public static DType? Of(TypeRef tensor) => tensor.Kind switch
    {
        TypeKind.Nullable => Of(tensor.Arguments[0]),
        TypeKind.Tensor when !tensor.Arguments.IsEmpty => Of(tensor.Arguments[0].Kind),
        TypeKind.Tensor or TypeKind.Parameter or TypeKind.State => DType.F32,
        _ => null,
    };

    /// <summary>The C# type of one element, as code that anybody's names surround has to write it.</summary>
    /// <exception cref="NotSupportedException">C# has no type for such elements.</exception>
    public static string CSharp(DType type) => type switch
    {
        DType.F64 => "double",
        DType.F32 => "float",
        DType.F16 => "global::System.Half",
        DType.I64 => "long",
        DType.I32 => "int",
        DType.I8 => "sbyte",
        DType.U8 => "byte",
        DType.Bool => "bool",
        _ => throw new NotSupportedException($"C# has no type for elements of {type.Name()}."),
    };
}
