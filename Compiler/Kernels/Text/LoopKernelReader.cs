using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;

namespace Graph.Compiler.Kernels.Text;

/// <summary>Reads what <see cref="LoopKernelText"/> writes.</summary>
static class LoopKernelReader
{
    /// <summary>A kernel whose name is known; its text is gone over now, and read when somebody asks for more than its form.</summary>
    /// <exception cref="FormatException">The text is none.</exception>
    public static LoopKernel Later(TextCursor t, string name)
    {
        var start = t.Position;
        var form = Form(t.Word());
        t.SkipBlock();
        var end = t.Position;
        return new(name, form, () =>
        {
            var body = t.Part(start, end);
            return LoweredText.Within(body, () => Read(body, name));
        });
    }

    /// <summary>Reads a kernel whose name is known.</summary>
    /// <exception cref="FormatException">The text is none.</exception>
    public static LoopKernel Read(TextCursor t, string name)
    {
        var form = Form(t.Word());
        var flat = t.TryWord("flat");
        var lanes = t.TryWord("lanes") ? (int)t.Integer() : t.TryWord("sequence") ? 1 : 0;
        PartialSplit? split = null;
        if (t.TryWord("part"))
        {
            var part = (int)t.Integer();
            t.ExpectWord("of");
            t.ExpectWord("axis");
            split = new(part, (int)t.Integer());
        }
        t.EndLine();
        var axes = ImmutableArray.CreateBuilder<LoopAxis>();
        while (t.TryWord("axis"))
        {
            Number(t, axes.Count);
            var role = Role(t.Word());
            var size = t.TryWord("all") ? Extent.Zero : ReadExtent(t);
            axes.Add(new(role, t.TryWord("reduced"), size));
            t.EndLine();
        }
        var accesses = ImmutableArray.CreateBuilder<Access>();
        while (t.TryWord("access"))
        {
            Number(t, accesses.Count);
            accesses.Add(ReadAccess(t));
            t.EndLine();
        }
        var body = new BodyReader(t, accesses.ToImmutable());
        var stages = ImmutableArray.CreateBuilder<KernelStage>();
        while (t.TryWord("stage"))
        {
            t.EndLine();
            stages.Add(body.Stage());
        }
        ImmutableArray<Store> finals = [];
        if (t.TryWord("finally"))
        {
            t.EndLine();
            finals = body.Stage().Stores;
        }
        return new(name, form, axes.ToImmutable(), accesses.ToImmutable(), body.Sources, stages.ToImmutable(), finals, split, flat) { Lanes = lanes };
    }

    static void Number(TextCursor t, int expected)
    {
        if (t.Integer() != expected) throw new FormatException($"the next is number {expected}");
        t.Expect(':');
    }

    /// <summary>A size: a number, or <c>d</c> and the number of an argument.</summary>
    public static Extent ReadExtent(TextCursor t) => t.Try('d') ? Extent.Argument((int)t.Integer()) : Extent.Of(t.Integer());

    /// <summary>A strided operand: <c>p2 f32 [d0,1] written</c>.</summary>
    public static Access ReadAccess(TextCursor t)
    {
        t.Expect('p');
        var pointer = (int)t.Integer();
        var type = t.DType();
        t.Expect('[');
        var strides = ImmutableArray.CreateBuilder<Extent>();
        if (!t.Try(']'))
        {
            do strides.Add(ReadExtent(t)); while (t.Try(','));
            t.Expect(']');
        }
        return new(pointer, type, t.TryWord("written"), strides.ToImmutable());
    }

    static Extent ReadSize(TextCursor t)
    {
        t.Expect('(');
        var size = ReadExtent(t);
        t.Expect(')');
        return size;
    }

    static KernelForm Form(string word) => word switch
    {
        "map" => KernelForm.Map,
        "row" => KernelForm.Row,
        "column" => KernelForm.Column,
        "tile" => KernelForm.Tile,
        _ => throw new FormatException($"'{word}' is no form of a kernel"),
    };

    static readonly ImmutableArray<(string Word, AxisRole Role)> roles = [.. new[] { AxisRole.Outer, AxisRole.Loop, AxisRole.Lane }.Select(role => (role.ToString().ToLowerInvariant(), role))];

    static AxisRole Role(string word)
    {
        foreach (var (name, role) in roles)
            if (name == word) return role;
        throw new FormatException($"'{word}' is no role of an axis");
    }

    static readonly Dictionary<string, ScalarOp> operations =
        Enum.GetValues(typeof(ScalarOp)).Cast<ScalarOp>().ToDictionary(op => op.ToString().ToLowerInvariant(), StringComparer.Ordinal);

    sealed class BodyReader(TextCursor t, ImmutableArray<Access> accesses)
    {
        readonly Dictionary<string, Scalar> known = new(StringComparer.Ordinal);
        readonly List<Source> sources = [];
        readonly Dictionary<int, DType> reduced = [], cached = [];

        public ImmutableArray<Source> Sources => [.. sources];

        public KernelStage Stage()
        {
            var reductions = ImmutableArray.CreateBuilder<Reduction>();
            var caches = ImmutableArray.CreateBuilder<CacheStore>();
            var stores = ImmutableArray.CreateBuilder<Store>();
            while (t.Indent == 4)
            {
                if (t.Try('['))
                {
                    var access = t.Index(accesses.Length, "access");
                    t.Expect(']');
                    t.Expect('=');
                    stores.Add(new(access, Value()));
                }
                else if (t.Word() is var target && target == "tile")
                {
                    t.Expect('=');
                    stores.Add(new(-1, Value()));
                }
                else
                {
                    t.Expect('=');
                    var number = target.Length > 1 && int.TryParse(target.Substring(1), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : -1;
                    switch (target[0])
                    {
                        case 'r' when number >= 0:
                            reductions.Add(Reduction(number));
                            reduced[number] = reductions[reductions.Count - 1].Value.Type;
                            break;
                        case 'c' when number >= 0:
                            caches.Add(new(number, Value()));
                            cached[number] = caches[caches.Count - 1].Value.Type;
                            break;
                        case 'v' when number >= 0:
                            known[target] = Step();
                            break;
                        default: throw new FormatException($"nothing is assigned to '{target}'");
                    }
                }
                t.EndLine();
            }
            return new(reductions.ToImmutable(), caches.ToImmutable(), stores.ToImmutable());
        }

        Reduction Reduction(int number)
        {
            var word = t.Word();
            if (word == "fold")
            {
                var first = (int)t.Integer();
                t.ExpectWord("from");
                var neutral = Value();
                t.ExpectWord("by");
                var combine = Nested();
                t.ExpectWord("of");
                return new(number, first, Value(), neutral, combine);
            }
            var value = Value();
            foreach (var (name, op, neutral) in LoopKernelText.Words)
                if (name == word) return new(number, number, value, Scalar.Of(neutral, value.Type), Scalar.Of(op, value.Type, [Scalar.Input(0, value.Type), Scalar.Input(1, value.Type)]));
            throw new FormatException($"'{word}' is no reduction");
        }

        // Operations with their operands in parentheses.
        Scalar Nested()
        {
            var word = t.Word();
            if (t.Peek != '(') return word[0] == 'x' ? NestedInput(word) : Constant(word);
            t.Expect('(');
            var arguments = ImmutableArray.CreateBuilder<Scalar>();
            do arguments.Add(Nested()); while (t.Try(','));
            t.Expect(')');
            if (DTypes.TryParse(word, out var type)) return Scalar.Of(ScalarOp.Cast, type, arguments.ToImmutable());
            if (!operations.TryGetValue(word, out var op)) throw new FormatException($"'{word}' is no scalar operation");
            var all = arguments.ToImmutable();
            return Scalar.Of(op, t.Try(':') ? t.DType() : LoopKernelText.Inferred(op, all), all);
        }

        static Scalar NestedInput(string word)
        {
            var (name, type) = Typed(word);
            return Numbered(name, "x") is { } index ? Scalar.Input(index, type) : throw new FormatException($"'{word}' is no input");
        }

        static Scalar Constant(string word)
        {
            var (number, type) = Typed(word);
            return Scalar.Of(RealText.Parse(number), type);
        }

        static (string Name, DType Type) Typed(string word)
        {
            var colon = word.IndexOf(':');
            if (colon < 0) return (word, DType.F32);
            return DTypes.TryParse(word.Substring(colon + 1), out var type) ? (word.Substring(0, colon), type) : throw new FormatException($"'{word}' has no element type");
        }

        Scalar Step()
        {
            var word = t.Word();
            var isCast = DTypes.TryParse(word, out var type);
            if (!isCast && !operations.ContainsKey(word)) throw new FormatException($"'{word}' is no scalar operation");
            var arguments = ImmutableArray.CreateBuilder<Scalar>();
            do arguments.Add(Value()); while (t.Try(','));
            if (isCast) return Scalar.Of(ScalarOp.Cast, type, arguments.ToImmutable());
            var op = operations[word];
            var all = arguments.ToImmutable();
            return Scalar.Of(op, t.Try(':') ? t.DType() : LoopKernelText.Inferred(op, all), all);
        }

        Scalar Value()
        {
            if (t.Try('['))
            {
                var access = t.Index(accesses.Length, "access");
                t.Expect(']');
                return Input("[" + access.ToString(CultureInfo.InvariantCulture), new Source.Load(access), accesses[access].Type);
            }
            var word = t.Word();
            if (word == "size")
            {
                var size = ReadSize(t);
                return Input("size " + size, new Source.Size(size), DType.I64);
            }
            if (known.TryGetValue(word, out var value)) return value;
            if (Numbered(word, "index") is { } axis) return known[word] = Scalar.AxisIndex(axis);
            if (Numbered(word, "r") is { } r) return Input(word, new Source.Reduced(r), reduced.TryGetValue(r, out var t1) ? t1 : throw new FormatException($"{word} is read before it is summed"));
            if (Numbered(word, "c") is { } c) return Input(word, new Source.Cached(c), cached.TryGetValue(c, out var t2) ? t2 : throw new FormatException($"{word} is read before it is kept"));
            if (word == "tile" || word.StartsWith("tile:", StringComparison.Ordinal)) return Input(word, new Source.Tile(), Typed(word).Type);
            return known[word] = Constant(word);
        }

        static int? Numbered(string word, string prefix) =>
            word.Length > prefix.Length && word.StartsWith(prefix, StringComparison.Ordinal)
            && int.TryParse(word.Substring(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

        Scalar Input(string name, Source source, DType type)
        {
            if (known.TryGetValue(name, out var value)) return value;
            sources.Add(source);
            return known[name] = Scalar.Input(sources.Count - 1, type);
        }
    }
}
