using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels.Text;

namespace Graph.Compiler.Planning;

/// <summary>
/// A <see cref="StartProgram"/> as text that reads back equal: what a model's class starts from. Sealed as <see cref="LoweredText"/> is. Reading it loads little of the compiler's types, and a function's launches are read when
/// it is first called at typical sizes. Real numbers are their bits.
/// </summary>
public static class StartText
{
    /// <summary>Version of the text; a reader refuses another one.</summary>
    public const int Version = 2;

    const string What = "started";

    // What lines of launches begin with, by BoundKind.
    static readonly string[] kinds = ["loop", "segments", "product", "convolution", "attention", "library", "repeat", "branch", "pack"];

    public static string Write(StartProgram program)
    {
        var text = new StringBuilder();
        text.Append("model ").Append(Number(program.Kernels)).Append(' ').Append(Number(program.States.Length)).Append(' ').Append(Number(program.Training.Length)).Append(' ').Append(Number(program.Functions.Length)).Append(' ')
            .Append(program.Name).Append('\n');
        foreach (var state in program.States)
        {
            text.Append("state ").Append(Number((int)state.Kind)).Append(' ').Append(state.Type.Bare).Append(' ').Append(state.Init.Kind).Append(' ').Append(Bits(state.Init.Scale));
            Numbers(text.Append(' '), [state.Init.Values.Count, .. state.Init.Values.Select(BitConverter.DoubleToInt64Bits)]);
            text.Append(' ').Append(state.Path).Append('\n');
        }
        foreach (var training in program.Training)
        {
            text.Append("train ").Append(new Attr.Text(training.Name)).Append(' ').Append(new Attr.Text(training.Loss)).Append(' ').Append(new Attr.Text(training.Precision)).Append(' ').Append(new Attr.Text(training.Optimizer)).Append(' ').Append(Bits(training.LossScale));
            if (training.ClipNorm is { } clip) text.Append(" clip ").Append(Bits(clip));
            if (training.LearningRate is { } rate) text.Append(" rate ").Append(Bits(rate));
            text.Append('\n');
        }
        foreach (var function in program.Functions) Write(function, text);
        return SealedText.Seal(What, Version, text.ToString());
    }

    static void Write(StartFunction function, StringBuilder text)
    {
        text.Append("function ").Append(Number(function.Arguments)).Append(' ').Append(Number(function.Names.Length)).Append(' ').Append(Number(function.Symbols.Length)).Append(' ').Append(Number(function.Assigned.Length));
        foreach (var (word, isSo) in Flags(function))
            if (isSo) text.Append(' ').Append(word);
        text.Append(" named ").Append(function.Name).Append('\n');
        for (var i = 0; i < function.Names.Length; i++) text.Append("  ").Append(function.Types[i].Name()).Append(' ').Append(new Attr.Text(function.Names[i])).Append('\n');
        foreach (var symbol in function.Symbols) text.Append("  ").Append(symbol).Append('\n');
        foreach (var path in function.Assigned) text.Append("  ").Append(path).Append('\n');
        if (function.Typical is not { } typical) return;
        Line(text, "typical", typical.Values);
        Line(text, "stated", typical.Stated);
        Line(text, "lengths", typical.Lengths);
        foreach (var pick in typical.Picks) Line(text, "picks", pick);
        var bound = typical.Read();
        text.Append("  bound ").Append(Number(bound.ArenaBytes)).Append(' ').Append(Number(bound.FirstWrite)).Append('\n');
        foreach (var name in bound.Names) text.Append("    name ").Append(name).Append('\n');
        foreach (var launch in bound.Launches) Line(text, "  " + kinds[launch[0]], launch, first: 1);
        foreach (var load in bound.Loads) Line(text, "  load", load);
        foreach (var copy in bound.Copies) Line(text, "  copy", copy);
    }

    static (string Word, bool IsSo)[] Flags(StartFunction f) =>
        [("trains", f.IsTraining), ("derived", f.ReadsDerived), ("optimizer", f.TakesOptimizer), ("sized", f.HasSizedStates), ("stable", f.HasStableAddresses)];

    static void Line(StringBuilder text, string word, long[] numbers, int first = 0)
    {
        text.Append("  ").Append(word);
        for (var i = first; i < numbers.Length; i++) text.Append(' ').Append(Number(numbers[i]));
        text.Append('\n');
    }

    static void Numbers(StringBuilder text, IEnumerable<long> numbers) => text.Append(string.Join(" ", numbers.Select(Number)));

    static string Bits(double number) => Number(BitConverter.DoubleToInt64Bits(number));

    static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Reads what a model starts from.</summary>
    /// <exception cref="FormatException">The text is of another version, was cut off or altered; the message says which.</exception>
    public static StartProgram Read(string text)
    {
        var (start, end) = SealedText.Range(What, Version, text);
        var cursor = new TextCursor(text, start, end);
        try
        {
            return Program(cursor);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new FormatException($"line {cursor.Line} of what a model starts from: {e.Message.TrimEnd('.')}.", e);
        }
    }

    static StartProgram Program(TextCursor t)
    {
        t.ExpectWord("model");
        var kernels = (int)t.Integer();
        var (states, training, functions) = (new StateDecl[t.Integer()], new TrainingProgram[t.Integer()], new StartFunction[t.Integer()]);
        var name = t.RestOfLine();
        for (var i = 0; i < states.Length; i++) states[i] = State(t);
        for (var i = 0; i < training.Length; i++) training[i] = Training(t);
        for (var i = 0; i < functions.Length; i++) functions[i] = Function(t);
        if (!t.AtEnd) throw new FormatException($"'{t.RestOfLine()}' begins no part of what a model starts from");
        return new(name, kernels, ImmutableCollectionsMarshal.AsImmutableArray(states), ImmutableCollectionsMarshal.AsImmutableArray(training), functions);
    }

    static StateDecl State(TextCursor t)
    {
        t.ExpectWord("state");
        var kind = (StateKind)t.Integer();
        var type = Constant(t) ?? t.Type();
        var init = new InitSpec(t.Word(), BitConverter.Int64BitsToDouble(t.Integer()));
        var listed = new double[t.Integer()];
        for (var i = 0; i < listed.Length; i++) listed[i] = BitConverter.Int64BitsToDouble(t.Integer());
        if (init.Kind == InitSpec.Listed) init = InitSpec.Of(listed);
        return new(t.RestOfLine(), type, kind, init);
    }

    // Of a shape of numbers, as all but those of sessions have: what reads polynomials stays unloaded. Null where there is another.
    static TensorType? Constant(TextCursor t)
    {
        var rank = t.ConstantRank();
        if (rank < 0) return null;
        var type = t.DType();
        var dims = new Dim[rank];
        for (var i = 0; i < rank; i++)
        {
            t.Expect(i == 0 ? '[' : ',');
            dims[i] = t.Integer();
        }
        if (rank == 0) t.Expect('[');
        t.Expect(']');
        return new(type, new Shape(ImmutableCollectionsMarshal.AsImmutableArray(dims)));
    }

    static TrainingProgram Training(TextCursor t)
    {
        t.ExpectWord("train");
        var (name, loss, precision, optimizer) = (t.Quoted(), t.Quoted(), t.Quoted(), t.Quoted());
        var scale = BitConverter.Int64BitsToDouble(t.Integer());
        double? clip = t.TryWord("clip") ? BitConverter.Int64BitsToDouble(t.Integer()) : null;
        double? rate = t.TryWord("rate") ? BitConverter.Int64BitsToDouble(t.Integer()) : null;
        t.EndLine();
        return new(name, loss, clip, precision, rate, optimizer) { LossScale = scale };
    }

    static StartFunction Function(TextCursor t)
    {
        t.ExpectWord("function");
        var arguments = (int)t.Integer();
        var (names, symbols, assigned) = (new string[t.Integer()], new string[t.Integer()], new string[t.Integer()]);
        var (trains, derived, optimizer, sized, stable) = (t.TryWord("trains"), t.TryWord("derived"), t.TryWord("optimizer"), t.TryWord("sized"), t.TryWord("stable"));
        t.ExpectWord("named");
        var name = t.RestOfLine();
        var types = new DType[names.Length];
        for (var i = 0; i < names.Length; i++)
        {
            types[i] = t.DType();
            names[i] = t.Quoted();
            t.EndLine();
        }
        for (var i = 0; i < symbols.Length; i++) symbols[i] = t.RestOfLine();
        for (var i = 0; i < assigned.Length; i++) assigned[i] = t.RestOfLine();
        return new()
        {
            Name = name, Arguments = arguments, Names = names, Types = types, Symbols = symbols, Assigned = ImmutableCollectionsMarshal.AsImmutableArray(assigned), IsTraining = trains, ReadsDerived = derived, TakesOptimizer = optimizer,
            HasSizedStates = sized, HasStableAddresses = stable, Typical = t.TryWord("typical") ? Typical(t) : null,
        };
    }

    // The launches are passed over now.
    static TypicalCall Typical(TextCursor t)
    {
        var values = Numbers(t);
        t.ExpectWord("stated");
        var stated = Numbers(t);
        t.ExpectWord("lengths");
        var lengths = Numbers(t);
        var picks = Lines(t, "picks");
        var start = t.Position;
        t.SkipBlock();
        var end = t.Position;
        return new(values, stated, lengths, picks, () => Bound(t.Part(start, end)));
    }

    static BoundFunction Bound(TextCursor t)
    {
        t.ExpectWord("bound");
        var (arena, first) = (t.Integer(), (int)t.Integer());
        t.EndLine();
        var names = new string[t.Count("    name ")];
        for (var i = 0; i < names.Length; i++)
        {
            t.ExpectWord("name");
            names[i] = t.RestOfLine();
        }
        var launches = new long[t.Count("    ")][];
        var count = 0;
        for (var kind = Kind(t); kind >= 0; kind = Kind(t)) launches[count++] = Numbers(t, kind);
        Array.Resize(ref launches, count);
        return new(arena, first, names, launches, Lines(t, "load"), Lines(t, "copy"));
    }

    // −1 where no launch begins.
    static int Kind(TextCursor t)
    {
        for (var i = 0; i < kinds.Length; i++)
            if (t.TryWord(kinds[i])) return i;
        return -1;
    }

    static long[][] Lines(TextCursor t, string word)
    {
        var lines = new long[4][];
        var count = 0;
        while (t.TryWord(word))
        {
            if (count == lines.Length) Array.Resize(ref lines, 2 * count);
            lines[count++] = Numbers(t);
        }
        Array.Resize(ref lines, count);
        return lines;
    }

    // The rest of the line, behind what is there already.
    static long[] Numbers(TextCursor t, long? first = null)
    {
        var numbers = new long[t.CountNumbers() + (first is null ? 0 : 1)];
        var at = 0;
        if (first is { } given) numbers[at++] = given;
        while (at < numbers.Length) numbers[at++] = t.Integer();
        t.EndLine();
        return numbers;
    }
}
