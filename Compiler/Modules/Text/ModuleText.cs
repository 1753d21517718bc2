using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.Compiler.Modules.Text;

/// <summary>The text form of whole definitions: a header with the version, and one list in parentheses for each declaration.</summary>
public static class ModuleText
{
    const string Header = "graph-module ";
    const int Width = 140;

    /// <summary>The definition as text: a line <c>graph-module 2</c>, then its declarations in parentheses.</summary>
    public static string ToText(this ModuleDef module)
    {
        var writer = new FormWriter(module.Name);
        writer.Form("module", w => w.Name(module.Name).Enum(module.Kind).At(module.Location));
        if (module.Base is { } based) writer.Form("base", w => Call(w.Name(based.Module), based.Call));
        foreach (var dim in module.Dims) writer.Form("dim", w => w.Name(dim.Name).Integer(dim.Max).Integer(dim.Typical).At(dim.Location));
        foreach (var constructor in module.Constructors) Constructor(writer, constructor);
        foreach (var field in module.Fields) Field(writer, field);
        foreach (var method in module.Methods) Method(writer, method);
        foreach (var record in module.Records) Record(writer, record);
        foreach (var item in module.Enums)
            writer.Form("enum", w => w.Name(item.Name).Within(item.Name).List(item.Members, (l, m) => l.Form("member", f => f.Name(m.Name).Integer(m.Value))).At(item.Location));
        foreach (var function in module.Functions) writer.Form("function", w => Method(w.Name(function.Owner).Within(function.Owner), function.Method));
        foreach (var item in module.Statics) writer.Form("static", w => Field(w.Name(item.Owner).Within(item.Owner), item.Field));
        foreach (var reference in module.References) writer.Form("uses", w => w.Name(reference));
        foreach (var field in module.Checkpoints) writer.Form("checkpoint", w => w.Name(field));
        foreach (var precision in module.Precisions) writer.Form("precision", w => w.Name(precision.Field).Name(precision.Precision).At(precision.Location));

        var text = new StringBuilder();
        text.Append(Header).Append(ModuleDef.FormatVersion.ToString(CultureInfo.InvariantCulture)).Append('\n');
        foreach (var item in writer.ToList().Items!)
        {
            item.Write(text, 0, Width);
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>The definition that <see cref="ToText"/> wrote.</summary>
    /// <exception cref="System.FormatException">The text is no definition, or one of another version; the message says where.</exception>
    public static ModuleDef Parse(string text)
    {
        var end = text.IndexOf('\n');
        if (end < 0 || !text.StartsWith(Header, StringComparison.Ordinal)) throw SExpression.Error("the header " + Header.TrimEnd() + " is missing", 0);
        var version = text.Substring(Header.Length, end - Header.Length).Trim();
        if (version != ModuleDef.FormatVersion.ToString(CultureInfo.InvariantCulture))
            throw SExpression.Error("version " + version + " instead of " + ModuleDef.FormatVersion.ToString(CultureInfo.InvariantCulture), Header.Length);

        var items = SExpression.ReadAll(text, end + 1);
        (string Name, ModuleKind Kind, Location Location)? head = null;
        BaseDef? based = null;
        var dims = new List<DimDef>();
        var constructors = new List<ConstructorDef>();
        var fields = new List<FieldDef>();
        var methods = new List<MethodDef>();
        var records = new List<RecordDef>();
        var enums = new List<EnumDef>();
        var functions = new List<FunctionDef>();
        var statics = new List<StaticDef>();
        var references = new List<string>();
        var precisions = new List<PrecisionDef>();
        var checkpoints = new List<string?>();
        foreach (var item in items)
        {
            var r = new FormReader(item, head?.Name ?? "");
            switch (r.Word())
            {
                case "module": head = (r.Class(), r.Enum<ModuleKind>(), r.At()); break;
                case "base": based = new(r.Name(), Call(r)); break;
                case "dim": dims.Add(new(r.Name(), r.Integer(), r.Integer(), r.At())); break;
                case "constructor": constructors.Add(ConstructorBody(r)); break;
                case "field": fields.Add(FieldBody(r)); break;
                case "method": methods.Add(MethodBody(r)); break;
                case "record": records.Add(RecordBody(r)); break;
                case "enum": enums.Add(new(r.Class(), r.List(l => l.Form("member", m => new EnumMember(m.Name(), m.Integer())) ?? throw l.Error("a member is missing")), r.At())); break;
                case "function": functions.Add(new(r.Class(), r.Form("method", MethodBody) ?? throw r.Error("a method is missing"))); break;
                case "static": statics.Add(new(r.Class(), r.Form("field", FieldBody) ?? throw r.Error("a field is missing"))); break;
                case "uses": references.Add(r.Name()); break;
                case "checkpoint": checkpoints.Add(r.NullableName()); break;
                case "precision": precisions.Add(new(r.NullableName(), r.Name(), r.At())); break;
                default: throw SExpression.Error("an unknown declaration", item.Position);
            }
            r.Finish(true);
        }
        if (head is not { } module) throw SExpression.Error("the module's name is missing", end + 1);
        return new(
            module.Name, module.Kind, based, new(dims.ToArray()), new(constructors.ToArray()), new(fields.ToArray()), new(methods.ToArray()), new(records.ToArray()),
            new(enums.ToArray()), new(functions.ToArray()), new(statics.ToArray()), new(references.ToArray()), module.Location) { Precisions = new(precisions.ToArray()), Checkpoints = new(checkpoints.ToArray()) };
    }

    static void Call(FormWriter w, ConstructorCall? call)
    {
        if (call is null) w.Null();
        else w.Form("arguments", f => f.Name(call.Constructor).Nodes(call.Arguments).At(call.Location));
    }

    static ConstructorCall? Call(FormReader r) => r.Form("arguments", f => new ConstructorCall(f.Name(), f.Nodes(), f.At()));

    static void Constructor(FormWriter writer, ConstructorDef c) => writer.Form("constructor", w =>
    {
        w.Name(c.Id).Member(c.Id).Flag("primary", c.IsPrimary).List(c.Parameters, Parameter);
        Call(w, c.ThisCall);
        Call(w, c.BaseCall);
        w.Node(c.Body).At(c.Location);
    });

    static ConstructorDef ConstructorBody(FormReader r) => new(r.Member(), r.Flag(), r.List(Parameter), Call(r), Call(r), r.Block(), r.At());

    static void Parameter(FormWriter writer, ParameterDef p) => writer.Form("parameter", w =>
    {
        w.Name(p.Name).Type(p.Type).Node(p.Default);
        if (p.HasShape) w.List(p.Shape, (l, dim) => _ = dim.Symbol is null ? l.Integer(dim.Value) : l.Text(dim.Symbol));
        else w.Null();
        w.Flag("state", p.IsState).At(p.Location);
    });

    static ParameterDef Parameter(FormReader reader) => reader.Form("parameter", r =>
    {
        var name = r.Name();
        var type = r.Type();
        var initial = r.NullableNode();
        var shape = r.NullableShape();
        return new ParameterDef(name, type, initial, shape ?? default, shape is not null, r.Flag(), r.At());
    }) ?? throw reader.Error("a parameter is missing");

    static void Field(FormWriter writer, FieldDef f) =>
        writer.Form("field", w => w.Name(f.Name).Member(f.Name).Type(f.Type).Node(f.Initializer).Flag("static", f.IsStatic).At(f.Location).Failure(f.Failure));

    static FieldDef FieldBody(FormReader r) => new(r.Member(), r.Type(), r.NullableNode(), r.Flag(), r.At(), r.Failure());

    static void Method(FormWriter writer, MethodDef m) => writer.Form("method", w =>
    {
        w.Name(m.Name).Name(m.Id).Member(m.Id).Flag("static", m.IsStatic).Enum(m.Dispatch).Enum(m.Role);
        // The arguments of the role's attribute.
        if (m.Train is { } train) w.Form("train", t =>
        {
            t.Name(train.Precision).Real(train.ClipNorm).Name(train.Loss).Names(train.Updates).Names(train.Freezes);
            var stored = train.Moments.Length > 0 || !train.HasMasters;
            var without = train.WithoutMasters.Length > 0;
            var budget = train.MemoryBudget is not null || without;
            if (train.LossScale != 0 || train.FurtherPrecisions.Length > 0 || train.MicroBatches != 0 || stored || budget) t.Real(train.LossScale).Names(train.FurtherPrecisions);
            if (train.MicroBatches != 0 || stored || budget) t.Real(train.MicroBatches);
            if (stored || budget) t.Name(train.Moments.Length == 0 ? null : train.Moments).Flag("masters", train.HasMasters);
            if (budget) t.Name(train.MemoryBudget);
            if (without) t.Names(train.WithoutMasters);
        });
        else if (m.IsTraining) w.Form("training", _ => { });
        else if (m.IsExact) w.Form("exact", _ => { });
        else w.Null();
        w.List(m.Parameters, Parameter).Type(m.Returns).Node(m.Body).At(m.Location).Failure(m.Failure);
    });

    static MethodDef MethodBody(FormReader r)
    {
        var (name, id, isStatic, dispatch, role) = (r.Name(), r.Member(), r.Flag(), r.Enum<Dispatch>(), r.Enum<MethodRole>());
        var (train, mode) = RoleArguments(r);
        return new(name, id, isStatic, dispatch, role, train, r.List(Parameter), r.Type(), (BlockStatement?)r.NullableStatement(), r.At(), r.Failure()) { IsTraining = mode == "training", IsExact = mode == "exact" };
    }

    static (TrainDef? Train, string Mode) RoleArguments(FormReader r)
    {
        if (r.TakeNull()) return (null, "");
        return r.Part(out var part) switch
        {
            "train" => (part.Finish(Train(part)), ""),
            "training" => part.Finish((default(TrainDef), "training")),
            "exact" => part.Finish((default(TrainDef), "exact")),
            _ => throw r.Error("train, training or exact was expected"),
        };
    }

    static TrainDef Train(FormReader r)
    {
        var train = new TrainDef(r.Name(), r.Real(), r.NullableName(), r.Names(), r.Names());
        if (!r.IsAtEnd) train = train with { LossScale = r.Real(), FurtherPrecisions = r.Names() };
        if (!r.IsAtEnd) train = train with { MicroBatches = (int)r.Real() };
        if (!r.IsAtEnd) train = train with { Moments = r.NullableName() ?? "", HasMasters = r.Flag() };
        if (!r.IsAtEnd) train = train with { MemoryBudget = r.NullableName() };
        return r.IsAtEnd ? train : train with { WithoutMasters = r.Names() };
    }

    static void Record(FormWriter writer, RecordDef record) => writer.Form("record", w =>
    {
        w.Name(record.Name).Within(record.Name).Name(record.Base).Flag("positional", record.IsPositional);
        Call(w, record.BaseCall);
        foreach (var constructor in record.Constructors) Constructor(w, constructor);
        foreach (var field in record.Fields) Field(w, field);
        foreach (var method in record.Methods) Method(w, method);
        w.Failure(record.Failure).At(record.Location);
    });

    static RecordDef RecordBody(FormReader r)
    {
        var name = r.Class();
        var location = r.LastLocation();
        var based = r.NullableName();
        var isPositional = r.Flag();
        var call = Call(r);
        var constructors = new List<ConstructorDef>();
        var fields = new List<FieldDef>();
        var methods = new List<MethodDef>();
        var failure = new List<Reason>();
        while (!r.IsAtEnd)
            _ = r.Part(out var part) switch
            {
                "constructor" => Add(constructors, ConstructorBody(part)),
                "field" => Add(fields, FieldBody(part)),
                "method" => Add(methods, MethodBody(part)),
                "failure" => Add(failure, part.Reason()),
                var other => throw r.Error(other + " is no member of a record"),
            };
        return new(name, based, new(constructors.ToArray()), new(fields.ToArray()), new(methods.ToArray()), isPositional, call, location, new(failure.ToArray()));
    }

    static bool Add<T>(List<T> list, T item)
    {
        list.Add(item);
        return true;
    }
}
