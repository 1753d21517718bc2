using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.PtxEmulator;

/// <summary>Functions, their declarations and instructions.</summary>
public sealed partial class Parser
{
    static readonly string[] SpecialPrefixes = ["%tid", "%ntid", "%ctaid", "%nctaid"];
    static readonly HashSet<string> Specials = new(StringComparer.Ordinal)
    {
        "%laneid", "%warpid", "%nwarpid", "%lanemask_eq", "%lanemask_lt", "%lanemask_le", "%lanemask_gt", "%lanemask_ge",
        "%clock", "%clock64", "%smid", "%nsmid", "%gridid", "%globaltimer", "%dynamic_smem_size", "%total_smem_size",
    };

    Function? ParseFunction()
    {
        var isEntry = Take().Text == ".entry";
        var results = !isEntry && Peek().Is("(") ? Formals() : [];
        var name = Expect(TokenKind.Identifier, "a function's name");
        var function = new Function(name.Text, isEntry, name.Position, moduleScope);
        var parameters = Peek().Is("(") ? Formals() : [];
        if (TryTake(";")) return null; // a declaration ahead of the definition
        if (!moduleScope.TryAdd(name.Text, function)) throw Error(name, $"'{name.Text}' is defined already.");
        foreach (var (formal, list) in results.Select(f => (f, function.Results)).Concat(parameters.Select(f => (f, function.Parameters))))
        {
            if (isEntry && formal.Space != StateSpace.Param) throw new PtxSyntaxException(formal.Position, "a kernel's parameters are .param.");
            list.Add(formal);
            object meaning = formal.Space == StateSpace.Register ? new Register(formal.Name, formal.Type) : formal;
            if (!function.Scope.TryAdd(formal.Name, meaning)) throw new PtxSyntaxException(formal.Position, $"'{formal.Name}' is defined already.");
        }
        while (Peek().Kind == TokenKind.Directive)
        {
            var token = Take();
            switch (token.Text)
            {
                case ".maxntid": function.MaxThreads = Extents(); break;
                case ".reqntid": function.RequiredThreads = Extents(); break;
                case ".minnctapersm" or ".maxnctapersm" or ".maxnreg": Integer(); break; // how many registers to use is no matter of meaning
                default: throw Error(token, $"the directive '{token.Text}' of a function is not modelled.");
            }
        }
        Expect("{");
        Body(function, function.Scope);
        return function;
    }

    (int, int, int) Extents()
    {
        var extents = new int[3] { 1, 1, 1 };
        var n = 0;
        do extents[n++] = (int)Integer(); while (n < 3 && TryTake(","));
        return (extents[0], extents[1], extents[2]);
    }

    List<Variable> Formals()
    {
        var formals = new List<Variable>();
        Expect("(");
        if (TryTake(")")) return formals;
        do
        {
            var space = TryDirective(".reg") ? StateSpace.Register : TryDirective(".param") ? StateSpace.Param : throw Error(Peek(), $".param or .reg is expected, not {Show(Peek())}.");
            var align = TryDirective(".align") ? (int)Integer() : 0;
            var type = Type();
            if (TryDirective(".ptr"))
                // What the pointer points to: a promise to the compiler, which the emulator checks where it is used.
                while (Peek().Kind == TokenKind.Directive)
                    if (TryDirective(".align")) Integer(); else Space();
            var name = Expect(TokenKind.Identifier, "a parameter's name");
            long? count = null;
            if (TryTake("[")) { count = Integer(); Expect("]"); }
            formals.Add(new Variable(space, type, 1, name.Text, align == 0 ? Math.Max(1, type.Size()) : align, count, [], false, name.Position));
        } while (TryTake(","));
        Expect(")");
        return formals;
    }

    void Body(Function function, Scope scope)
    {
        while (!TryTake("}"))
        {
            var token = Peek();
            if (token.Is("{")) { Take(); Body(function, new Scope(scope)); }
            else if (token.Kind == TokenKind.Directive) Declaration(scope);
            else if (token.Kind == TokenKind.Identifier && Peek(1).Is(":"))
            {
                Take(); Take();
                // Labels are known in the whole scope, before their line too: an instruction that names one is resolved later.
                var label = new Label(token.Text, token.Position);
                if (!scope.TryAdd(token.Text, label)) throw Error(token, $"'{token.Text}' is defined already.");
                function.Body.Add(new LabelStatement(label));
            }
            else if (token.Kind == TokenKind.Identifier || token.Is("@")) function.Body.Add(Instruction(scope));
            else throw Error(token, token.Kind == TokenKind.End ? $"the body of '{function.Name}' has no end." : $"an instruction is expected, not {Show(token)}.");
        }
    }

    void Declaration(Scope scope)
    {
        var token = Peek();
        if (TryDirective(".loc")) { Integer(); Integer(); Integer(); return; }
        if (TryDirective(".pragma")) { Expect(TokenKind.String, "a string"); Expect(";"); return; }
        if (TryDirective(".reg"))
        {
            var type = Type();
            do
            {
                var name = Expect(TokenKind.Identifier, "a register's name");
                if (TryTake("<")) { scope.AddRange(name.Text, (int)Integer(), type); Expect(">"); }
                else if (!scope.TryAdd(name.Text, new Register(name.Text, type))) throw Error(name, $"'{name.Text}' is defined already.");
            } while (TryTake(","));
            Expect(";");
            return;
        }
        foreach (var variable in Variables(false))
        {
            if (variable.Space is not (StateSpace.Shared or StateSpace.Local or StateSpace.Param)) throw Error(token, $"a variable of a function cannot be {token.Text}.");
            if (!scope.TryAdd(variable.Name, variable)) throw new PtxSyntaxException(variable.Position, $"'{variable.Name}' is defined already.");
        }
    }

    InstructionStatement Instruction(Scope scope)
    {
        var start = Peek();
        Guard? guard = null;
        if (TryTake("@"))
        {
            var negated = TryTake("!");
            var mark = SpanFrom(start);
            var predicate = Expect(TokenKind.Identifier, "a predicate");
            guard = new Guard(predicate.Text, negated, mark, new Span(predicate.Position, predicate.Text.Length));
        }
        var opcode = Expect(TokenKind.Identifier, "an instruction");
        var modifiers = new List<Modifier>();
        while (Peek().Kind == TokenKind.Directive)
        {
            var modifier = Take();
            modifiers.Add(new Modifier(modifier.Text[1..], new Span(new Position(modifier.Position.Line, modifier.Position.Column + 1, modifier.Position.Offset + 1), modifier.Text.Length - 1)));
        }
        var operands = new List<Operand>();
        if (!Peek().Is(";"))
            do operands.Add(ParseOperand()); while (TryTake(","));
        var end = Expect(";").End;
        return new InstructionStatement(start.Position, guard, opcode.Text, modifiers, operands, scope, end, source[start.Position.Offset..end]);
    }

    Operand ParseOperand()
    {
        var first = SingleOperand();
        if (!TryTake("|")) return first;
        var second = SingleOperand();
        return new PairOperand(new Span(first.Span.Start, second.Span.End - first.Span.Start.Offset), first, second);
    }

    Operand SingleOperand()
    {
        var start = Peek();
        if (start.Kind == TokenKind.Number || start.Is("-")) return Immediate();
        if (TryTake("!")) { var inner = SingleOperand(); return new NegatedOperand(SpanFrom(start), inner); }
        if (TryTake("{")) { var elements = Elements("}"); return new VectorOperand(SpanFrom(start), elements); }
        if (TryTake("(")) { var elements = Elements(")"); return new ListOperand(SpanFrom(start), elements); }
        if (TryTake("["))
        {
            Operand? address = Peek().Kind == TokenKind.Identifier ? Name(false) : null;
            long offset = 0;
            Span? offsetSpan = null;
            if (address is null || Peek().Is("+") || Peek().Is("-"))
            {
                if (address is not null && Peek().Is("+")) Take();
                var number = Peek();
                offset = Integer();
                offsetSpan = SpanFrom(number);
            }
            Expect("]");
            return new AddressOperand(SpanFrom(start), address, offset, offsetSpan);
        }
        if (start.Kind == TokenKind.Identifier) return Name(true);
        throw Error(start, $"an operand is expected, not {Show(start)}.");
    }

    List<Operand> Elements(string close)
    {
        var elements = new List<Operand>();
        if (TryTake(close)) return elements;
        do elements.Add(SingleOperand()); while (TryTake(","));
        Expect(close);
        return elements;
    }

    Operand Name(bool withOffset)
    {
        var token = Take();
        if (token.Text == "_") return new SinkOperand(SpanFrom(token));
        if (Specials.Contains(token.Text)) return new SpecialOperand(SpanFrom(token), token.Text);
        if (SpecialPrefixes.Contains(token.Text))
        {
            var axis = Peek();
            if (axis.Text is not (".x" or ".y" or ".z")) throw Error(axis, $"'{token.Text}' is followed by .x, .y or .z, not {Show(axis)}.");
            Take();
            return new SpecialOperand(SpanFrom(token), token.Text + axis.Text);
        }
        long offset = 0;
        if (withOffset && (Peek().Is("+") || Peek().Is("-"))) { if (Peek().Is("+")) Take(); offset = Integer(); }
        return new NameOperand(SpanFrom(token), token.Text, offset);
    }
}
