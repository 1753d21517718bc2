using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.Tests.Generators;

/// <summary>
/// Models whose numbers are made by random code that runs while they are compiled: loops, strings, formats, arrays, lists, queries, records, recursion. Each has a static method
/// <c>Compute()</c>, which C# runs too, and an entry <c>Predict</c> that multiplies by its value. Mostly it ends and does nothing wrong; now and then it grows without bounds, never ends or throws.
/// </summary>
sealed class CompileTimePrograms
{
    readonly Random random;
    readonly StringBuilder text = new();
    readonly Dictionary<string, List<string>> names = new() { ["int"] = [], ["double"] = [], ["string"] = [], ["int[]"] = [], ["List<int>"] = [], ["Func<int, int>"] = [] };
    readonly HashSet<string> fixedNames = [];
    int count;
    int depth;
    bool inRecursion;

    CompileTimePrograms(Random random) => this.random = random;

    public static string Write(Random random) => new CompileTimePrograms(random).Write();

    string Write()
    {
        text.Append("public record Box(int Size, string Name) { public int Twice => Size * 2; public string Say(int n) => $\"{Name}{n}\"; }\n[Model] public partial class M\n{\n");
        text.Append($"static readonly int[] table = [{string.Join(", ", Enumerable.Range(0, random.Next(1, 6)).Select(_ => Number()))}];\n");
        names["int[]"].Add("table");
        names["int"].Add("n");
        names["string"].Add("s");
        fixedNames.UnionWith(["table", "n"]);
        text.Append("static int Recur(int n, string s)\n{\nif (n <= 0) return s.Length;\n");
        // Code that calls itself in each of its statements seldom ends.
        inRecursion = true;
        Statements(2);
        text.Append($"return {Pick("1", "-1", "2", "3")} * Recur(n - {Pick("1", "1", "1", "2", Rare() ? "0" : "3")}, {String()}) + {Int()};\n}}\n");
        inRecursion = false;
        names["int"].Clear();
        names["string"].Clear();
        foreach (var key in names.Keys) names[key].RemoveAll(name => name != "table");
        text.Append("static double Compute()\n{\nvar box = new Box(").Append(Int()).Append(", ").Append(String()).Append(");\n");
        names["int"].AddRange(["box.Size", "box.Twice"]);
        names["string"].AddRange(["box.Name", "box.Say(3)"]);
        fixedNames.UnionWith(["box.Size", "box.Twice", "box.Name", "box.Say(3)"]);
        Statements(random.Next(4, 10));
        text.Append($"return {Double()} + {Int()} + {String()}.Length;\n}}\n");
        text.Append("readonly int field = Recur(3, \"ab\"); readonly string name;\npublic M() { name = \"\"; for (var i = 0; i < 5; i++) name += i; }\n");
        return text.Append("[Entry] public Tensor Predict([Shape(1)] Tensor x) => x * (float)Compute();\n[Entry] public Tensor Other([Shape(1)] Tensor x) => x * (field + name.Length);\n}\n").ToString();
    }

    bool Rare() => random.Next(40) == 0;

    string Pick(params string[] from) => from[random.Next(from.Length)];

    string Number() => Rare() ? Pick("int.MaxValue", "int.MinValue", "1000000", "-99999") : random.Next(-3, 20).ToString(CultureInfo.InvariantCulture);

    string? Variable(string type) => names[type].Count == 0 ? null : names[type][random.Next(names[type].Count)];

    string? Writable(string type) => names[type].Where(n => !fixedNames.Contains(n)).OrderBy(_ => random.Next()).FirstOrDefault();

    string Fresh() => "v" + count++;

    T Deeper<T>(T leaf, Func<T> branch)
    {
        if (depth > 3) return leaf;
        depth++;
        var result = branch();
        depth--;
        return result;
    }

    string Int() => Deeper(Variable("int") ?? Number(), () => random.Next(18) switch
    {
        0 => Number(),
        1 or 2 => Variable("int") ?? Number(),
        3 => $"({Int()} {Pick("+", "-", "*", "&", "|", "^")} {Int()})",
        4 => $"({Int()} {Pick("/", "%")} {Pick("3", "7", "-2", Rare() ? "(" + Int() + ")" : "5")})",
        5 => $"({Int()} {Pick("<<", ">>", ">>>")} {Pick("1", "3", "31", "33")})",
        6 => $"{String()}.Length",
        7 => $"{Array()}.Length",
        8 => Variable("int[]") is { } a ? $"{a}[{Index(a + ".Length")}]" : Number(),
        9 => Variable("List<int>") is { } l ? $"({l}.Count == 0 ? 0 : {l}[^1])" : Number(),
        10 => $"Math.{Pick("Max", "Min")}({Int()}, {Int()})",
        11 => $"({Condition()} ? {Int()} : {Int()})",
        12 => $"{Array()}.{Pick("Sum()", "Select(q => q * 2 + 1).Sum()", "Where(q => q > 2).Count()", "Aggregate(1, (p, q) => unchecked(p * 31 + q))", "Append(0).Max()", "Distinct().Count()", "Skip(1).Take(2).Sum()", "OrderBy(q => -q).FirstOrDefault()", "Reverse().LastOrDefault()")}".Replace("Append(0).Max()", "Append(0).Max()", StringComparison.Ordinal),
        13 => inRecursion && !Rare() ? Number() : $"Recur({Pick("2", "5", "9", Rare() ? Int() : "4")}, {String()})",
        14 => Variable("Func<int, int>") is { } f ? $"{f}({Int()})" : Number(),
        15 => $"(int){Double()}",
        16 => $"({Int()} switch {{ 0 => {Int()}, > 5 and < 9 => {Number()}, var w => w + 1 }})",
        _ => $"{String()}.IndexOf('a')",
    });

    string Index(string length) => Rare() ? Int() : $"(({Int()} % {length}) + {length}) % {length}";

    string Double() => Deeper(Variable("double") ?? "1.5", () => random.Next(8) switch
    {
        0 => Pick("0.5", "2.25", "-3.0", "1e10", "1e-3", "double.NaN", "double.PositiveInfinity"),
        1 => Variable("double") ?? "0.25",
        2 or 3 => $"({Double()} {Pick("+", "-", "*", "/")} {Double()})",
        4 => $"Math.{Pick("Sqrt", "Abs", "Floor", "Exp", "Log", "Sin", "Ceiling", "Tanh")}({Double()})",
        5 => $"(double){Int()}",
        6 => $"({Condition()} ? {Double()} : {Int()})",
        _ => $"(float){Double()}",
    });

    string Literal() => Pick("\"\"", "\"a\"", "\"ab\"", "\"x,y,z\"", "\" q \"", "\"{0}\"", "\"Ä\"");

    string String() => Deeper(Variable("string") ?? Literal(), () => random.Next(14) switch
    {
        0 => Literal(),
        1 or 2 => Variable("string") ?? Literal(),
        3 => $"({String()} + {String()})",
        4 => Formatted(),
        5 => $"string.Join({Pick("\",\"", "\"\"")}, {Array()})",
        6 => $"{String()}.{Pick("PadLeft", "PadRight")}({(Rare() ? "(" + Int() + " & int.MaxValue)" : Pick("3", "20", "0"))})",
        7 => $"{String()}.Replace({Pick("\"a\"", "\"1\"", "\"x,\"")}, {Literal()})",
        8 => $"{String()}.{Pick("Trim()", "ToUpperInvariant()", "ToLowerInvariant()", "TrimStart()")}",
        9 => $"({Int()}).ToString()",
        10 => $"({Condition()} ? {String()} : {String()})",
        11 => $"string.Format({Pick("\"{0}-{1}\"", "\"{1:D3}{0}\"", Rare() ? "\"{0,999999999}\"" : "\"{0,5}\"", Rare() ? "\"{2}\"" : "\"{{{0}}}\"")}, {String()}, {Int()})",
        12 => $"{String()}.Substring(0, {Pick("0", Rare() ? "1" : "0")})",
        _ => $"{String()}.Split(',')[0]",
    });

    string Formatted()
    {
        var (number, real) = (Variable("int") ?? "12", Variable("double") ?? "0.125");
        return $"$\"{{{number}:{Pick("0", "D4", "X", "000", "F2", "N1", Rare() ? "D999999999" : "G")}}}{{{real}:{Pick("F3", "E2", "G4", "0.##", "P1")}}}\"";
    }

    string Array() => Deeper(Variable("int[]") ?? "table", () => random.Next(7) switch
    {
        0 or 1 => Variable("int[]") ?? "table",
        2 => $"Enumerable.Range(0, {(Rare() ? "(" + Int() + " & int.MaxValue)" : Pick("0", "3", "10"))}).ToArray()",
        3 => $"new int[] {{ {Int()}, {Int()} }}",
        4 => $"new int[{(Rare() ? Int() : Pick("1", "4", "100"))}]",
        5 => $"{Array()}.Select(q => q {Pick("+", "*", "-")} {Number()}).ToArray()",
        _ => $"{Array()}.Concat({Array()}).ToArray()",
    });

    string Condition() => Deeper("true", () => random.Next(6) switch
    {
        0 => $"{Int()} {Pick("<", ">", "==", "!=", "<=")} {Int()}",
        1 => $"{Double()} {Pick("<", ">")} {Double()}",
        2 => $"{String()} {Pick("==", "!=")} {String()}",
        3 => $"({Condition()} {Pick("&&", "||")} {Condition()})",
        4 => $"!({Condition()})",
        _ => $"{Int()} is {Pick("> 3", "0 or 7", "not 2", ">= 0 and < 10")}",
    });

    // What is declared in a block is gone behind it.
    void Block(int most)
    {
        var before = names.ToDictionary(p => p.Key, p => p.Value.Count);
        text.Append("{\n");
        Statements(random.Next(1, most + 1));
        text.Append("}\n");
        foreach (var (type, list) in names) list.RemoveRange(before[type], list.Count - before[type]);
    }

    void Statements(int number)
    {
        for (var i = 0; i < number; i++) Statement();
    }

    void Statement()
    {
        if (depth > 2)
        {
            Declare();
            return;
        }
        depth++;
        switch (random.Next(14))
        {
            case 0 or 1 or 2:
                Declare();
                break;
            case 3 when Writable("int") is { } v: text.Append($"{v} {Pick("=", "+=", "-=", "*=", "^=")} {Int()};\n"); break;
            case 4 when Writable("double") is { } v: text.Append($"{v} {Pick("=", "+=", "*=")} {Double()};\n"); break;
            case 5 when Writable("string") is { } v: text.Append($"{v} {Pick("=", "+=")} {String()};\n"); break;
            case 6:
                var i = Fresh();
                text.Append($"for (var {i} = 0; {i} < {(Rare() ? Int() : Pick("1", "3", "8"))}; {i}++)\n");
                Loop(i, "int");
                break;
            case 7:
                var q = Fresh();
                text.Append($"foreach (var {q} in {Array()})\n");
                Loop(q, "int");
                break;
            case 8:
                text.Append($"if ({Condition()})\n");
                Block(2);
                if (random.Next(2) == 0)
                {
                    text.Append("else\n");
                    Block(2);
                }
                break;
            case 9 when Writable("List<int>") is { } l: text.Append($"{l}.{Pick($"Add({Int()})", "Reverse()", $"AddRange({Array()})", "Clear()", $"Insert(0, {Int()})")};\n"); break;
            case 10 when Writable("int[]") is { } a: text.Append($"if ({a}.Length > 0) {a}[{Index(a + ".Length")}] = {Int()};\n"); break;
            case 11:
                var w = Fresh();
                text.Append($"var {w} = {Pick("3", "5")};\nwhile ({w}{(Rare() ? " != " : " > ")}0)\n{{\n{w}--;\n");
                Loop(w, "int");
                text.Append("}\n");
                break;
            case 12:
                text.Append($"switch ({Int()} & 3) {{ case 0: ");
                Block(1);
                text.Append("break; case 1 or 2: ");
                Block(1);
                text.Append("break; default: break; }\n");
                break;
            case 13 when Rare(): text.Append($"if ({Condition()}) throw new ArgumentException({String()});\n"); break;
            default: Declare(); break;
        }
        depth--;
    }

    void Loop(string variable, string type)
    {
        names[type].Add(variable);
        fixedNames.Add(variable);
        Block(2);
        names[type].Remove(variable);
    }

    void Declare()
    {
        var name = Fresh();
        var (type, value) = random.Next(7) switch
        {
            0 or 1 => ("int", Int()),
            2 => ("double", Double()),
            3 => ("string", String()),
            4 => ("int[]", Array()),
            5 => ("List<int>", Pick("new List<int>()", $"{Array()}.ToList()", "new() { 1, 2 }")),
            _ => ("Func<int, int>", $"z => z {Pick("+", "*", "-")} {Number()}"),
        };
        text.Append($"{type} {name} = {value};\n");
        names[type].Add(name);
    }
}
