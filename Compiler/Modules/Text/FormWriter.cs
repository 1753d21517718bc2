using System;
using System.Collections.Generic;
using System.Globalization;

namespace Graph.Compiler.Modules.Text;

/// <summary>Writes the parts of a definition one after the other; <see cref="FormReader"/> reads them in the same order.</summary>
sealed class FormWriter
{
    readonly List<SExpression> items = [];
    string member;

    /// <param name="member">The member that the parts belong to, whose places are written as their numbers.</param>
    public FormWriter(string member = "") => this.member = member;

    /// <summary>The parts that follow belong to <paramref name="key"/>, within the form that is being written.</summary>
    public FormWriter Within(string key)
    {
        member = key;
        return this;
    }

    /// <summary>The parts that follow belong to a member of the class that is being written.</summary>
    public FormWriter Member(string id) => Within(Location.MemberOf(member, id));

    public SExpression ToList() => SExpression.List(items);

    /// <summary>An identifier, or any text: quoted when it would not read back as one word.</summary>
    public FormWriter Name(string? name)
    {
        items.Add(name is null ? SExpression.Atom("_") : IsWord(name) ? SExpression.Atom(name) : SExpression.Quoted(name));
        return this;
    }

    public FormWriter Text(string? text)
    {
        items.Add(text is null ? SExpression.Atom("_") : SExpression.Quoted(text));
        return this;
    }

    public FormWriter Flag(string name, bool value)
    {
        items.Add(SExpression.Atom(value ? name : "-"));
        return this;
    }

    public FormWriter Integer(long value)
    {
        items.Add(SExpression.Atom(value.ToString(CultureInfo.InvariantCulture)));
        return this;
    }

    public FormWriter Real(double value)
    {
        items.Add(SExpression.Atom(RealText(value)));
        return this;
    }

    public FormWriter Enum<T>(T value)
        where T : struct, Enum
    {
        items.Add(SExpression.Atom(value.ToString()));
        return this;
    }

    public FormWriter At(Location location)
    {
        // Places are nearly always those of the member itself.
        items.Add(location == Location.None ? SExpression.Atom("@")
            : location.Member == member ? SExpression.Atom("@" + location.Node.ToString(CultureInfo.InvariantCulture))
            : SExpression.Quoted("@" + location.Member + "#" + location.Node.ToString(CultureInfo.InvariantCulture)));
        return this;
    }

    /// <summary>Why a member does not bind: a form for each reason.</summary>
    public FormWriter Failure(EquatableArray<Reason> reasons)
    {
        foreach (var reason in reasons) Form("failure", w => w.Name(reason.Id).Text(reason.Message).At(reason.Location));
        return this;
    }

    public FormWriter Type(TypeRef? type)
    {
        items.Add(type is null ? SExpression.Atom("_") : TypeForm(type));
        return this;
    }

    public FormWriter List<T>(EquatableArray<T> list, Action<FormWriter, T> write)
    {
        var inner = new FormWriter(member);
        foreach (var item in list) write(inner, item);
        items.Add(inner.ToList());
        return this;
    }

    /// <summary>A part with a head of its own, in parentheses.</summary>
    public FormWriter Form(string head, Action<FormWriter> write)
    {
        var inner = new FormWriter(member);
        inner.items.Add(SExpression.Atom(head));
        write(inner);
        items.Add(inner.ToList());
        return this;
    }

    public FormWriter Null()
    {
        items.Add(SExpression.Atom("_"));
        return this;
    }

    public FormWriter Names(EquatableArray<string> names) => List(names, (w, name) => w.Name(name));

    public FormWriter Node(Expression? node) => Forms.Expressions.Write(this, node, node?.Location);

    public FormWriter Nodes(EquatableArray<Expression> nodes) => List(nodes, (w, node) => w.Node(node));

    public FormWriter Node(Statement? node) => Forms.Statements.Write(this, node, node?.Location);

    public FormWriter Nodes(EquatableArray<Statement> nodes) => List(nodes, (w, node) => w.Node(node));

    public FormWriter Node(Pattern? node) => Forms.Patterns.Write(this, node, node?.Location);

    public FormWriter Nodes(EquatableArray<Pattern> nodes) => List(nodes, (w, node) => w.Node(node));

    /// <summary>A constant after its type.</summary>
    public FormWriter Constant(object? value)
    {
        items.Add(value switch
        {
            null => SExpression.Atom("_"),
            string text => SExpression.Quoted(text),
            bool flag => SExpression.Atom(flag ? "true" : "false"),
            char c => SExpression.Atom(((int)c).ToString(CultureInfo.InvariantCulture)),
            float single => SExpression.Atom(SingleText(single)),
            double real => SExpression.Atom(RealText(real)),
            IFormattable number => SExpression.Atom(number.ToString(null, CultureInfo.InvariantCulture)),
            _ => throw new ArgumentException("A constant of an unknown type: " + value.GetType(), nameof(value)),
        });
        return this;
    }

    SExpression TypeForm(TypeRef type)
    {
        var head = type.Kind.ToString().ToLowerInvariant();
        if (type.Name.Length == 0 && type.Arguments.IsEmpty) return SExpression.Atom(head);
        var inner = new FormWriter(member);
        inner.items.Add(SExpression.Atom(head));
        inner.Name(type.Name);
        foreach (var argument in type.Arguments) inner.Type(argument);
        return inner.ToList();
    }

    static string RealText(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        // .NET Framework's R is not always exact.
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var back) && back.Equals(value) ? text : value.ToString("G17", CultureInfo.InvariantCulture);
    }

    static string SingleText(float value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var back) && back.Equals(value) ? text : value.ToString("G9", CultureInfo.InvariantCulture);
    }

    static bool IsWord(string name)
    {
        if (name.Length == 0 || name is "_" or "-" || name[0] == '@') return false;
        foreach (var c in name)
            if (!(char.IsLetterOrDigit(c) || c is '_' or '.' or '+' or '-' or '`' or '[' or ']')) return false;
        return true;
    }
}
