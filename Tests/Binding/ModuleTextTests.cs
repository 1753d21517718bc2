using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Xunit;
using Graph.Compiler.Modules.Text;

namespace Graph.Tests.Binding;

/// <summary>The text form of definitions: whatever can be said can be written, and reads back equal.</summary>
public class ModuleTextTests
{
    public static TheoryData<string> NodeKinds => new(Nodes.Select(type => type.Name));

    static readonly Type[] Nodes = typeof(ModuleDef).Assembly.GetTypes()
        .Where(type => !type.IsAbstract && new[] { typeof(Expression), typeof(Statement), typeof(Pattern) }.Any(root => root.IsAssignableFrom(type)))
        .ToArray();

    [Theory, MemberData(nameof(NodeKinds))]
    public void Every_kind_of_node_reads_back_equal(string kind)
    {
        var type = Nodes.Single(node => node.Name == kind);
        for (var seed = 0; seed < 8; seed++)
        {
            var node = new Samples(seed).Make(type, 0);
            var statement = node switch
            {
                Statement s => s,
                Expression e => new ExpressionStatement(e, Location.None),
                Pattern p => new ExpressionStatement(new IsPatternExpression(new ThisExpression(Location.None), p, Location.None), Location.None),
                _ => throw new InvalidOperationException(),
            };
            AssertReadsBack(Module(new BlockStatement([statement], Location.None)));
        }
    }

    [Fact]
    public void Whole_definitions_read_back_equal()
    {
        for (var seed = 0; seed < 100; seed++) AssertReadsBack((ModuleDef)new Samples(seed).Make(typeof(ModuleDef), 0));
    }

    [Theory]
    [InlineData("")]
    [InlineData("graph-module 2")]
    [InlineData("graph-module 2\n")]
    [InlineData("graph-module 2\n(module")]
    [InlineData("graph-module 2\n(module a Module @) (field)")]
    [InlineData("graph-module 2\n(module a Module @x)")]
    [InlineData("graph-module 2\n(module \"a Module @)")]
    public void Broken_text_is_refused_with_a_format_exception(string text) => Assert.Throws<FormatException>(() => ModuleText.Parse(text));

    [Fact]
    public void Another_version_is_refused_by_name()
    {
        var text = Module(new BlockStatement([], Location.None)).ToText().Replace("graph-module 2", "graph-module 3");
        Assert.Contains("version 3", Assert.Throws<FormatException>(() => ModuleText.Parse(text)).Message);
    }

    [Fact]
    public void Every_truncation_is_refused_with_a_format_exception_or_is_complete()
    {
        var text = ((ModuleDef)new Samples(1).Make(typeof(ModuleDef), 0)).ToText();
        for (var length = 0; length < text.Length; length += 7)
        {
            try
            {
                ModuleText.Parse(text[..length]);
            }
            catch (FormatException)
            {
            }
        }
    }

    static void AssertReadsBack(ModuleDef module)
    {
        var text = module.ToText();
        var back = ModuleText.Parse(text);
        Assert.Equal(text, back.ToText());
        Assert.Equal(module, back);
        Assert.Equal(module.GetHashCode(), back.GetHashCode());
    }

    static ModuleDef Module(BlockStatement body) => new(
        "Test.M", ModuleKind.Module, null, [], [], [],
        [new("F", "F()", false, Dispatch.Direct, MethodRole.None, null, [], TypeRef.Void, body, Location.None)], [], [], [], [], [], Location.None);

    /// <summary>Random values of the records, by their primary constructors.</summary>
    sealed class Samples(int seed)
    {
        readonly Random random = new(seed);

        static readonly NullabilityInfoContext Nullability = new();

        public object Make(Type type, int depth)
        {
            if (type == typeof(string)) return new[] { "x", "x.1", "a b", "", "_", "-", "@", "quote\" \\ \n ü \ud800", ".ctor(int,bool)" }[random.Next(9)];
            if (type == typeof(int)) return random.Next(1000);
            if (type == typeof(long)) return random.NextInt64();
            if (type == typeof(double)) return random.NextDouble() * 1e-7;
            if (type == typeof(bool)) return random.Next(2) == 0;
            if (type.IsEnum) return Enum.GetValues(type).GetValue(random.Next(Enum.GetValues(type).Length))!;
            if (type == typeof(Location)) return random.Next(4) == 0 ? Location.None : new Location($"[A]B.C::F{random.Next(3)}(int[])", random.Next(99));
            if (type == typeof(TypeRef)) return random.Next(3) switch { 0 => TypeRef.Array(TypeRef.Module("A.B")), 1 => new TypeRef(TypeKind.Tuple, "a,b", [TypeRef.Int32, TypeRef.Tensor]), _ => TypeRef.Int32 };
            if (type == typeof(ShapeDim)) return random.Next(2) == 0 ? new ShapeDim("B", 0) : new ShapeDim(null, random.Next(100));
            if (type == typeof(LiteralExpression)) return Literal();
            if (type == typeof(Expression) || type == typeof(Statement) || type == typeof(Pattern))
            {
                var kinds = Nodes.Where(type.IsAssignableFrom).ToArray();
                return Make(depth > 3 ? Leaf(type) : kinds[random.Next(kinds.Length)], depth + 1);
            }
            if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(EquatableArray<>))
            {
                var element = type.GetGenericArguments()[0];
                var items = Array.CreateInstance(element, depth > 3 ? 0 : random.Next(3));
                for (var i = 0; i < items.Length; i++) items.SetValue(Make(element, depth + 1), i);
                return Activator.CreateInstance(type, items)!;
            }
            var constructor = type.GetConstructors().OrderByDescending(c => c.GetParameters().Length).First();
            return constructor.Invoke(constructor.GetParameters().Select(p => Optional(p) && random.Next(3) == 0 ? null : Make(p.ParameterType, depth + 1)).ToArray());
        }

        static bool Optional(ParameterInfo parameter) =>
            !parameter.ParameterType.IsValueType && Nullability.Create(parameter).WriteState == NullabilityState.Nullable;

        static Type Leaf(Type root) =>
            root == typeof(Expression) ? typeof(LiteralExpression) : root == typeof(Statement) ? typeof(BreakStatement) : typeof(DiscardPattern);

        LiteralExpression Literal()
        {
            (TypeRef Type, object? Value)[] values =
            [
                (TypeRef.Object, null), (TypeRef.Int32, int.MinValue), (TypeRef.Int64, long.MaxValue), (TypeRef.Float32, 0.1f), (TypeRef.Float32, float.NaN),
                (TypeRef.Float64, 1e-320), (TypeRef.Float64, double.NegativeInfinity), (TypeRef.Bool, true), (TypeRef.String, "a\"b"), (new(TypeKind.Char), '\ud800'), (new(TypeKind.UInt8), (byte)255),
                (TypeRef.String, "_"), (TypeRef.String, null), (new(TypeKind.UInt64), ulong.MaxValue), (new(TypeKind.Int8), (sbyte)-1), (new(TypeKind.UInt32), 7u),
            ];
            var (type, value) = values[random.Next(values.Length)];
            return new(type, value, (Location)Make(typeof(Location), 9));
        }
    }
}
