using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Graph.Tests.Rooms;

/// <summary>One type's use of another, anywhere: as a base, in a signature, as an attribute, in the body of a method.</summary>
readonly record struct Use(TypeName From, TypeName To);

/// <summary>An outermost type: nested ones, those that the compiler makes for lambdas and iterators included, are part of it.</summary>
readonly record struct TypeName(string Assembly, string Namespace, string Name)
{
    public override string ToString() => Namespace + "." + Name;
}

/// <summary>Reads from a compiled assembly which types use which. A constant that is read leaves no trace there.</summary>
sealed class Uses : IDisposable
{
    static readonly OpCode[] OneByte = new OpCode[256], TwoBytes = new OpCode[256];

    readonly PEReader file;
    readonly MetadataReader reader;
    readonly HashSet<Use> found = [];
    TypeName from;

    static Uses()
    {
        foreach (var code in typeof(OpCodes).GetFields().Select(f => f.GetValue(null)).OfType<OpCode>())
            (code.Size == 1 ? OneByte : TwoBytes)[code.Value & 0xFF] = code;
    }

    Uses(string path)
    {
        file = new(File.OpenRead(path));
        reader = file.GetMetadataReader();
    }

    /// <summary>Every use of another outermost type by a type of the assembly at a path.</summary>
    public static IReadOnlyCollection<Use> Of(string path)
    {
        using var uses = new Uses(path);
        foreach (var type in uses.reader.TypeDefinitions) uses.Read(type);
        return uses.found;
    }

    public void Dispose() => file.Dispose();

    void Read(TypeDefinitionHandle handle)
    {
        from = Outermost(handle);
        var type = reader.GetTypeDefinition(handle);
        Add(type.BaseType);
        foreach (var i in type.GetInterfaceImplementations()) Add(reader.GetInterfaceImplementation(i).Interface);
        Attributes(type.GetCustomAttributes());
        Constraints(type.GetGenericParameters());
        foreach (var field in type.GetFields().Select(reader.GetFieldDefinition))
        {
            field.DecodeSignature(new Collector(this), null);
            Attributes(field.GetCustomAttributes());
        }
        foreach (var method in type.GetMethods().Select(reader.GetMethodDefinition))
        {
            method.DecodeSignature(new Collector(this), null);
            Attributes(method.GetCustomAttributes());
            Constraints(method.GetGenericParameters());
            if (method.RelativeVirtualAddress != 0) Body(file.GetMethodBody(method.RelativeVirtualAddress));
        }
    }

    void Attributes(CustomAttributeHandleCollection attributes)
    {
        foreach (var attribute in attributes) Add(reader.GetCustomAttribute(attribute).Constructor);
    }

    void Constraints(GenericParameterHandleCollection parameters)
    {
        foreach (var parameter in parameters.Select(reader.GetGenericParameter))
            foreach (var constraint in parameter.GetConstraints()) Add(reader.GetGenericParameterConstraint(constraint).Type);
    }

    void Body(MethodBodyBlock body)
    {
        if (!body.LocalSignature.IsNil) reader.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(new Collector(this), null);
        foreach (var region in body.ExceptionRegions) Add(region.CatchType);
        var il = body.GetILReader();
        while (il.RemainingBytes > 0)
        {
            var first = il.ReadByte();
            var code = first == 0xFE ? TwoBytes[il.ReadByte()] : OneByte[first];
            switch (code.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    Add(MetadataTokens.EntityHandle(il.ReadInt32()));
                    break;
                case OperandType.InlineSig:
                    reader.GetStandaloneSignature((StandaloneSignatureHandle)MetadataTokens.EntityHandle(il.ReadInt32())).DecodeMethodSignature(new Collector(this), null);
                    break;
                case OperandType.InlineNone: break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar: il.ReadByte(); break;
                case OperandType.InlineVar: il.ReadInt16(); break;
                case OperandType.InlineBrTarget or OperandType.InlineI or OperandType.InlineString or OperandType.ShortInlineR: il.ReadInt32(); break;
                case OperandType.InlineI8 or OperandType.InlineR: il.ReadInt64(); break;
                case OperandType.InlineSwitch:
                    var targets = il.ReadInt32();
                    il.Offset += 4 * targets;
                    break;
                default: throw new NotSupportedException($"The instruction {code} has an operand of the unknown kind {code.OperandType}.");
            }
        }
    }

    // What a token of an instruction, a base type or an attribute names.
    void Add(EntityHandle handle)
    {
        if (handle.IsNil) return;
        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition: Add(Outermost((TypeDefinitionHandle)handle)); break;
            case HandleKind.TypeReference: Add(Outermost((TypeReferenceHandle)handle)); break;
            case HandleKind.TypeSpecification: reader.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(new Collector(this), null); break;
            case HandleKind.FieldDefinition: Add(reader.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType()); break;
            case HandleKind.MethodDefinition: Add(reader.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType()); break;
            case HandleKind.MethodSpecification:
                var specification = reader.GetMethodSpecification((MethodSpecificationHandle)handle);
                specification.DecodeSignature(new Collector(this), null);
                Add(specification.Method);
                break;
            case HandleKind.MemberReference:
                var member = reader.GetMemberReference((MemberReferenceHandle)handle);
                Add(member.Parent);
                if (member.GetKind() == MemberReferenceKind.Field) member.DecodeFieldSignature(new Collector(this), null);
                else member.DecodeMethodSignature(new Collector(this), null);
                break;
            default: throw new NotSupportedException($"A token of the kind {handle.Kind} stands where a type or a member is used.");
        }
    }

    void Add(TypeName to)
    {
        if (to != from) found.Add(new(from, to));
    }

    TypeName Outermost(TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        while (!type.GetDeclaringType().IsNil) type = reader.GetTypeDefinition(type.GetDeclaringType());
        return new(reader.GetString(reader.GetAssemblyDefinition().Name), reader.GetString(type.Namespace), reader.GetString(type.Name));
    }

    TypeName Outermost(TypeReferenceHandle handle)
    {
        var type = reader.GetTypeReference(handle);
        while (type.ResolutionScope.Kind == HandleKind.TypeReference) type = reader.GetTypeReference((TypeReferenceHandle)type.ResolutionScope);
        var assembly = type.ResolutionScope.Kind == HandleKind.AssemblyReference ? reader.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name : reader.GetAssemblyDefinition().Name;
        return new(reader.GetString(assembly), reader.GetString(type.Namespace), reader.GetString(type.Name));
    }

    /// <summary>Collects the types of a signature; what it decodes to does not matter.</summary>
    sealed class Collector(Uses uses) : ISignatureTypeProvider<bool, object?>
    {
        public bool GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => Added(handle);
        public bool GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => Added(handle);
        public bool GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) => Added(handle);
        public bool GetArrayType(bool elementType, ArrayShape shape) => true;
        public bool GetByReferenceType(bool elementType) => true;
        public bool GetFunctionPointerType(MethodSignature<bool> signature) => true;
        public bool GetGenericInstantiation(bool genericType, ImmutableArray<bool> typeArguments) => true;
        public bool GetGenericMethodParameter(object? genericContext, int index) => true;
        public bool GetGenericTypeParameter(object? genericContext, int index) => true;
        public bool GetModifiedType(bool modifier, bool unmodifiedType, bool isRequired) => true;
        public bool GetPinnedType(bool elementType) => true;
        public bool GetPointerType(bool elementType) => true;
        public bool GetPrimitiveType(PrimitiveTypeCode typeCode) => true;
        public bool GetSZArrayType(bool elementType) => true;

        bool Added(EntityHandle handle)
        {
            uses.Add(handle);
            return true;
        }
    }
}
