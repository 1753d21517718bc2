using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.Compiler.Modules.Text;

/// <summary>Reads what <see cref="FormWriter"/> wrote, in the same order.</summary>
sealed class FormReader
{
    readonly List<SExpression> items;
    readonly int position;
    string member;
    int next;

    public FormReader(SExpression list, string member)
        : this(list.Items ?? throw SExpression.Error("a list was expected", list.Position), member, list.Position)
    {
    }

    FormReader(List<SExpression> items, string member, int position)
    {
        this.items = items;
        this.member = member;
        this.position = position;
    }

    /// <summary>What follows belongs to the member <paramref name="key"/>.</summary>
    public FormReader Within(string key)
    {
        member = key;
        return this;
    }

    /// <summary>The identity of a member of the class that is being read; what follows belongs to it.</summary>
    public string Member()
    {
        var id = Name();
        Within(Modules.Location.MemberOf(member, id));
        return id;
    }

    /// <summary>The name of a class; what follows belongs to it.</summary>
    public string Class()
    {
        var name = Name();
        Within(name);
        return name;
    }

    public bool IsAtEnd => next >= items.Count;

    public FormatException Error(string what) => SExpression.Error(what, next < items.Count ? items[next].Position : position);

    SExpression Take() => next < items.Count ? items[next++] : throw Error("a part is missing");

    /// <summary>Takes the sign for nothing, if it is next.</summary>
    public bool TakeNull()
    {
        if (next >= items.Count || items[next] is not { Word: "_", IsQuoted: false }) return false;
        next++;
        return true;
    }

    public string Word()
    {
        var item = Take();
        return item.Word ?? throw SExpression.Error("a word was expected", item.Position);
    }

    public string Name() => NullableName() ?? throw Error("a name is missing");

    public string? NullableName() => TakeNull() ? null : Word();

    public bool Flag() => Word() != "-";

    public long Integer() =>
        long.TryParse(Word(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : throw Error("an integer was expected");

    public double Real() =>
        double.TryParse(Word(), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : throw Error("a number was expected");

    public T Enum<T>()
        where T : struct, Enum =>
        System.Enum.TryParse<T>(Word(), out var value) ? value : throw Error("a member of " + typeof(T).Name + " was expected");

    public EquatableArray<T> List<T>(Func<FormReader, T> read)
    {
        var inner = new FormReader(Take(), member);
        var result = new List<T>();
        while (!inner.IsAtEnd) result.Add(read(inner));
        return new EquatableArray<T>(result.ToArray());
    }

    /// <summary>A part with a head, or null.</summary>
    public T? Form<T>(string head, Func<FormReader, T> read)
        where T : class
    {
        if (TakeNull()) return null;
        var inner = new FormReader(Take(), member);
        return inner.Word() == head ? inner.Finish(read(inner)) : throw Error(head + " was expected");
    }

    /// <summary>The next part's head, and a reader of the rest of it.</summary>
    public string Part(out FormReader part)
    {
        part = new FormReader(Take(), member);
        return part.Word();
    }

    /// <summary>A list of numbers and of names in quotes, or null.</summary>
    public EquatableArray<ShapeDim>? NullableShape() =>
        TakeNull() ? null : List(r => r.items[r.next].IsQuoted ? new ShapeDim(r.Word(), 0) : new ShapeDim(null, r.Integer()));

    public T Finish<T>(T value) => IsAtEnd ? value : throw Error("nothing more was expected");

    public EquatableArray<string> Names() => List(r => r.Name());

    public Expression? NullableNode() => Forms.Expressions.Read(NullableForm());

    public Expression Node() => NullableNode() ?? throw Error("an expression is missing");

    public EquatableArray<Expression> Nodes() => List(r => r.Node());

    public Statement? NullableStatement() => Forms.Statements.Read(NullableForm());

    public Statement Statement() => NullableStatement() ?? throw Error("a statement is missing");

    public BlockStatement Block() => Statement() as BlockStatement ?? throw Error("a block was expected");

    public EquatableArray<Statement> Statements() => List(r => r.Statement());

    public Pattern? NullablePattern() => Forms.Patterns.Read(NullableForm());

    public Pattern Pattern() => NullablePattern() ?? throw Error("a pattern is missing");

    FormReader? NullableForm() => TakeNull() ? null : new FormReader(Take(), member);

    /// <summary>The location, which every form has last.</summary>
    public Location LastLocation()
    {
        if (items.Count == 0 || items[items.Count - 1].Word is not { } word || !word.StartsWith("@", StringComparison.Ordinal)) throw Error("a location is missing");
        items.RemoveAt(items.Count - 1);
        return Location(word);
    }

    /// <summary>Why a member does not bind: every form that is left.</summary>
    public EquatableArray<Reason> Failure()
    {
        var reasons = new List<Reason>();
        while (!IsAtEnd)
        {
            if (Part(out var part) != "failure") throw Error("nothing more was expected");
            reasons.Add(part.Finish(part.Reason()));
        }
        return new(reasons.ToArray());
    }

    public Reason Reason() => new(Name(), Name(), At());

    public Location At() => Location(Word());

    Location Location(string word)
    {
        if (word == "@") return Modules.Location.None;
        var mark = word.LastIndexOf('#');
        if (word[0] == '@' && Number(word, mark < 0 ? 1 : mark + 1, word.Length, out var node)) return new(mark < 0 ? member : word.Substring(1, mark - 1), node);
        throw Error("a location was expected");
    }

    static bool Number(string word, int start, int end, out int value)
    {
        value = 0;
        if (start >= end) return false;
        for (var i = start; i < end; i++)
        {
            if (word[i] is < '0' or > '9') return false;
            value = unchecked(value * 10 + (word[i] - '0'));
        }
        return value >= 0;
    }

    public TypeRef Type() => NullableType() ?? throw Error("a type is missing");

    public TypeRef? NullableType()
    {
        if (TakeNull()) return null;
        var item = Take();
        if (item.Word is { } word) return new TypeRef(Kind(word));
        var inner = new FormReader(item, member);
        var kind = Kind(inner.Word());
        var name = inner.Name();
        var arguments = new List<TypeRef>();
        while (!inner.IsAtEnd) arguments.Add(inner.Type());
        return new TypeRef(kind, name, new EquatableArray<TypeRef>(arguments.ToArray()));
    }

    static readonly Dictionary<string, TypeKind> Kinds = ((TypeKind[])System.Enum.GetValues(typeof(TypeKind))).ToDictionary(kind => kind.ToString().ToLowerInvariant());

    TypeKind Kind(string word) => Kinds.TryGetValue(word, out var kind) ? kind : throw Error(word + " is no type");

    /// <summary>A constant of <paramref name="type"/>.</summary>
    public object? Constant(TypeRef type)
    {
        if (TakeNull()) return null;
        var word = Word();
        var culture = CultureInfo.InvariantCulture;
        try
        {
            return type.Kind switch
            {
                TypeKind.Bool => word == "true",
                TypeKind.Char => (char)ushort.Parse(word, culture),
                TypeKind.Int8 => sbyte.Parse(word, culture),
                TypeKind.UInt8 => byte.Parse(word, culture),
                TypeKind.Int16 => short.Parse(word, culture),
                TypeKind.UInt16 => ushort.Parse(word, culture),
                TypeKind.Int32 => int.Parse(word, culture),
                TypeKind.UInt32 => uint.Parse(word, culture),
                TypeKind.Int64 => long.Parse(word, culture),
                TypeKind.UInt64 => ulong.Parse(word, culture),
                TypeKind.Float32 => float.Parse(word, NumberStyles.Float, culture),
                TypeKind.Float64 => double.Parse(word, NumberStyles.Float, culture),
                TypeKind.String => word,
                _ => throw Error(type + " has no constants"),
            };
        }
        catch (OverflowException)
        {
            throw Error(word + " does not fit " + type);
        }
    }
}
