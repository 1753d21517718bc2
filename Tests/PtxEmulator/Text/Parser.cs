using System;
using System.Collections.Generic;
using System.Globalization;

namespace Graph.PtxEmulator;

/// <summary>Reads the text of a module. Whatever it does not know is an error with line and column.</summary>
public sealed partial class Parser
{
    readonly string source;
    readonly List<Token> tokens;
    readonly List<Comment> comments;
    int at;

    Parser(string source)
    {
        this.source = source;
        var lexer = new Lexer(source).Run();
        (tokens, comments) = (lexer.Tokens, lexer.Comments);
    }

    /// <summary>Parses a module.</summary>
    /// <exception cref="PtxSyntaxException">The text is not PTX, or not of the part that is modelled.</exception>
    public static PtxModule Parse(string source) => new Parser(source).Module();

    Token Peek(int ahead = 0) => tokens[Math.Min(at + ahead, tokens.Count - 1)];
    Token Take() => tokens[at < tokens.Count - 1 ? at++ : at];
    bool TryTake(string punctuation) { if (!Peek().Is(punctuation)) return false; at++; return true; }
    bool TryDirective(string name) { if (Peek().Kind != TokenKind.Directive || Peek().Text != name) return false; at++; return true; }
    static PtxSyntaxException Error(Token token, string message) => new(token.Position, message);
    static string Show(Token token) => token.Kind == TokenKind.End ? "the end of the text" : $"'{token.Text}'";

    Token Expect(string punctuation)
    {
        if (!Peek().Is(punctuation)) throw Error(Peek(), $"'{punctuation}' is expected, not {Show(Peek())}.");
        return Take();
    }

    Token Expect(TokenKind kind, string what)
    {
        if (Peek().Kind != kind) throw Error(Peek(), $"{what} is expected, not {Show(Peek())}.");
        return Take();
    }

    Span SpanFrom(Token start) => new(start.Position, tokens[at - 1].End - start.Position.Offset);

    PtxModule Module()
    {
        if (!TryDirective(".version")) throw Error(Peek(), $"a module begins with .version, not {Show(Peek())}.");
        var number = Expect(TokenKind.Number, "a version");
        var version = Version.TryParse(number.Text, out var parsed) ? parsed : throw Error(number, $"'{number.Text}' is no version.");
        if (!TryDirective(".target")) throw Error(Peek(), $".target is expected after .version, not {Show(Peek())}.");
        var targetToken = Expect(TokenKind.Identifier, "a target");
        if (!targetToken.Text.StartsWith("sm_", StringComparison.Ordinal)) throw Error(targetToken, $"target '{targetToken.Text}' is not of the form sm_NN.");
        if (!TryDirective(".address_size")) throw Error(Peek(), $".address_size is expected after .target, not {Show(Peek())}.");
        var size = Expect(TokenKind.Number, "an address size");
        if (size.Text != "64") throw Error(size, $"addresses of {size.Text} bits are not modelled; only 64 are.");

        var variables = new List<Variable>();
        var functions = new List<Function>();
        var scope = moduleScope;
        while (Peek().Kind != TokenKind.End)
        {
            var start = Peek();
            if (start.Kind != TokenKind.Directive) throw Error(start, $"a directive is expected, not {Show(start)}.");
            if (TryDirective(".file")) { Take(); Expect(TokenKind.String, "a file name"); while (TryTake(",")) Take(); continue; }
            bool isExtern = false;
            while (Peek().Text is ".visible" or ".extern" or ".weak")
            {
                if (Peek().Text == ".weak") throw Error(Peek(), ".weak is not modelled.");
                isExtern |= Take().Text == ".extern";
            }
            if (Peek().Text is ".entry" or ".func")
            {
                if (isExtern) throw Error(Peek(), "a function that another module defines (.extern) is not modelled.");
                if (ParseFunction() is { } function) functions.Add(function);
            }
            else
                foreach (var variable in Variables(isExtern))
                {
                    if (variable.Space is not (StateSpace.Global or StateSpace.Shared or StateSpace.Const))
                        throw new PtxSyntaxException(variable.Position, $"a variable of a module is .global, .shared or .const, not {variable.Space}.");
                    if (!scope.TryAdd(variable.Name, variable)) throw new PtxSyntaxException(variable.Position, $"'{variable.Name}' is defined already.");
                    variables.Add(variable);
                }
        }
        return new PtxModule(source, version, targetToken.Text, 64, variables, functions, comments);
    }

    readonly Scope moduleScope = new(null);

    /// <summary>One declaration, which may name several variables: <c>.shared .align 16 .b8 a[64], b[64];</c></summary>
    List<Variable> Variables(bool isExtern)
    {
        var space = Space();
        var made = new List<Variable>();
        var align = 0;
        if (TryDirective(".align")) align = (int)Integer();
        var vector = TryDirective(".v2") ? 2 : TryDirective(".v4") ? 4 : 1;
        var type = Type();
        do
        {
            var name = Expect(TokenKind.Identifier, "a name");
            long? count = null;
            while (TryTake("["))
            {
                var length = Peek().Is("]") ? 0 : Integer();
                Expect("]");
                count = (count ?? 1) * length;
            }
            IReadOnlyList<ulong> initial = [];
            if (TryTake("="))
            {
                if (space is not (StateSpace.Global or StateSpace.Const)) throw Error(Peek(), $"a variable in {space} memory cannot have an initial value.");
                initial = Initial(type);
                if (count == 0) count = initial.Count;
                if (initial.Count > (count ?? 1) * vector) throw Error(Peek(), $"'{name.Text}' has {count ?? 1} elements but {initial.Count} initial values.");
            }
            if (count == 0 && !(isExtern && space == StateSpace.Shared)) throw Error(name, $"the array '{name.Text}' needs a size (only .extern .shared has none).");
            var natural = Math.Max(1, type.Size()) * vector;
            if (align == 0) align = natural;
            if ((align & (align - 1)) != 0) throw Error(name, $"an alignment of {align} is no power of two.");
            made.Add(new Variable(space, type, vector, name.Text, align, count, initial, isExtern, name.Position));
        } while (TryTake(","));
        Expect(";");
        return made;
    }

    StateSpace Space()
    {
        var token = Take();
        return token.Text switch
        {
            ".global" => StateSpace.Global,
            ".shared" => StateSpace.Shared,
            ".const" => StateSpace.Const,
            ".local" => StateSpace.Local,
            ".param" => StateSpace.Param,
            _ => throw Error(token, $"a state space is expected, not {Show(token)}."),
        };
    }

    PtxType Type()
    {
        var token = Take();
        if (token.Kind != TokenKind.Directive || !PtxTypes.TryParse(token.Text[1..], out var type)) throw Error(token, $"a type is expected, not {Show(token)}.");
        if (type is PtxType.TF32 or PtxType.BF16 or PtxType.BF16x2) throw Error(token, $"{token.Text} is no type of a register or variable; declare .b{8 * type.Size()}.");
        return type;
    }

    List<ulong> Initial(PtxType type)
    {
        var values = new List<ulong>();
        if (!TryTake("{")) { values.Add(Number(type)); return values; }
        do
        {
            if (Peek().Is("{")) values.AddRange(Initial(type));
            else values.Add(Number(type));
        } while (TryTake(","));
        Expect("}");
        return values;
    }

    ulong Number(PtxType type)
    {
        var start = Peek();
        var operand = Immediate();
        return Immediates.TryFit(operand, type, out var bits) ? bits : throw Error(start, $"{Show(start)} is no value of .{type.Name()}.");
    }

    long Integer()
    {
        var start = Peek();
        var operand = Immediate();
        if (operand.Kind != ImmediateKind.Integer) throw Error(start, $"an integer is expected, not {Show(start)}.");
        return (long)operand.Bits;
    }

    ImmediateOperand Immediate()
    {
        var start = Peek();
        var negative = TryTake("-");
        var token = Expect(TokenKind.Number, "a number");
        var text = token.Text.TrimEnd('U');
        ImmediateKind kind;
        ulong bits;
        try
        {
            if (text.Length > 2 && text[0] == '0' && text[1] is 'f' or 'F')
            {
                if (text.Length != 10) throw Error(token, "0f is followed by exactly 8 hexadecimal digits.");
                (kind, bits) = (ImmediateKind.Float32, uint.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            }
            else if (text.Length > 2 && text[0] == '0' && text[1] is 'd' or 'D')
            {
                if (text.Length != 18) throw Error(token, "0d is followed by exactly 16 hexadecimal digits.");
                (kind, bits) = (ImmediateKind.Float64, ulong.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            }
            else if (text.Length > 2 && text[0] == '0' && text[1] is 'x' or 'X') (kind, bits) = (ImmediateKind.Integer, ulong.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            else if (text.Length > 2 && text[0] == '0' && text[1] == 'b') (kind, bits) = (ImmediateKind.Integer, Convert.ToUInt64(text[2..], 2));
            else if (text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0) (kind, bits) = (ImmediateKind.Float64, BitConverter.DoubleToUInt64Bits(double.Parse(text, CultureInfo.InvariantCulture)));
            else if (text.Length > 1 && text[0] == '0') (kind, bits) = (ImmediateKind.Integer, Convert.ToUInt64(text, 8));
            else (kind, bits) = (ImmediateKind.Integer, ulong.Parse(text, CultureInfo.InvariantCulture));
        }
        catch (Exception exception) when (exception is FormatException or OverflowException)
        {
            throw Error(token, $"'{token.Text}' is no number of 64 bits.");
        }
        if (negative)
            bits = kind switch
            {
                ImmediateKind.Integer => 0 - bits,
                ImmediateKind.Float64 => bits ^ 1UL << 63,
                _ => bits ^ 1UL << 31,
            };
        return new ImmediateOperand(SpanFrom(start), kind, bits);
    }
}
