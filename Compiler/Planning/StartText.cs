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
/// it is first called at typical sizes. Real numbers are their bits, states their numbers, and a launch that differs from an earlier one in nothing but where its operands lie says that alone: so does every layer but the first.
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
            if (training.MicroBatches != 1) text.Append(" micro ").Append(Number(training.MicroBatches));
            if (training.MemoryBudget is { } budget) text.Append(" budget ").Append(Number(budget));
            if (training.LearningRate is { } rate) text.Append(" rate ").Append(Bits(rate));
            text.Append('\n');
        }
        var states = new Dictionary<string, int>(program.States.Length, StringComparer.Ordinal);
        foreach (var state in program.States) states.Add(state.Path, states.Count);
        foreach (var function in program.Functions) Write(function, states, text);
        return SealedText.Seal(What, Version, text);
    }

    static void Write(StartFunction function, Dictionary<string, int> states, StringBuilder text)
    {
        text.Append("function ").Append(Number(function.Arguments)).Append(' ').Append(Number(function.Names.Length)).Append(' ').Append(Number(function.Symbols.Length)).Append(' ').Append(Number(function.Assigned.Length));
        foreach (var (word, isSo) in Flags(function))
            if (isSo) text.Append(' ').Append(word);
        text.Append(" named ").Append(function.Name).Append('\n');
        for (var i = 0; i < function.Names.Length; i++) text.Append("  ").Append(function.Types[i].Name()).Append(' ').Append(new Attr.Text(function.Names[i])).Append('\n');
        foreach (var symbol in function.Symbols) text.Append("  ").Append(symbol).Append('\n');
        if (function.Assigned.Length > 0) Line(text, "assigns", [.. function.Assigned.Select(path => (long)states[path])]);
        if (function.Typical is not { } typical) return;
        Line(text, "typical", typical.Values);
        Line(text, "stated", typical.Stated);
        Line(text, "lengths", typical.Lengths);
        foreach (var pick in typical.Picks) Line(text, "picks", pick);
        var bound = typical.Read();
        Line(text, "bound", [bound.ArenaBytes, bound.FirstWrite, bound.Names.Length]);
        foreach (var name in bound.Names) text.Append("    ").Append(states.TryGetValue(name, out var state) ? Number(state) : new Attr.Text(name).ToString()).Append('\n');
        var known = new Dictionary<long[], int>(new ButForPlaces());
        for (var i = 0; i < bound.Launches.Length; i++)
        {
            var launch = bound.Launches[i];
            if (known.TryGetValue(launch, out var like)) Line(text, "  again", [like, .. Places(launch)]);
            else
            {
                known.Add(launch, i);
                Line(text, "  " + kinds[launch[0]], launch, first: 1);
            }
        }
        foreach (var load in bound.Loads) Line(text, "  load", load);
        foreach (var copy in bound.Copies) Line(text, "  copy", copy);
    }

    static (string Word, bool IsSo)[] Flags(StartFunction f) =>
        [("trains", f.IsTraining), ("derived", f.ReadsDerived), ("optimizer", f.TakesOptimizer), ("sized", f.HasSizedStates), ("stable", f.HasStableAddresses)];

    static void Line(StringBuilder text, string word, long[] numbers, int first = 0)
    {
        text.Append("  ").Append(word);
        for (var i = first; i < numbers.Length; i++)
        {
            // What is not negative is written alike everywhere in the world.
            text.Append(' ');
            if (numbers[i] < 0) text.Append(Number(numbers[i]));
            else text.Append(numbers[i]);
        }
        text.Append('\n');
    }

    // Where the number of an operand begins that says which place of its kind it is; its offset is the next. The first operand begins behind kind, bytes of threads and the number of operands.
    static IEnumerable<int> PlacesIn(long[] launch)
    {
        var at = 3;
        for (var operand = 0; operand < launch[2]; operand++, at += 5 + 2 * (int)launch[at + 4]) yield return at + 1;
    }

    static IEnumerable<long> Places(long[] launch)
    {
        foreach (var at in PlacesIn(launch))
        {
            yield return launch[at];
            yield return launch[at + 1];
        }
    }

    /// <summary>Launches that differ in nothing but the places of their operands.</summary>
    sealed class ButForPlaces : IEqualityComparer<long[]>
    {
        public bool Equals(long[]? a, long[]? b)
        {
            if (a is null || b is null || a.Length != b.Length || a[2] != b[2]) return false;
            var from = 0;
            foreach (var at in PlacesIn(a))
            {
                if (!Same(a, b, from, at)) return false;
                from = at + 2;
            }
            return Same(a, b, from, a.Length);
        }

        static bool Same(long[] a, long[] b, int from, int to)
        {
            for (var i = from; i < to; i++)
                if (a[i] != b[i]) return false;
            return true;
        }

        public int GetHashCode(long[] launch)
        {
            var (hash, from) = (launch.Length, 0);
            foreach (var at in PlacesIn(launch))
            {
                for (; from < at; from++) hash = unchecked(hash * 31 + launch[from].GetHashCode());
                from = at + 2;
            }
            for (; from < launch.Length; from++) hash = unchecked(hash * 31 + launch[from].GetHashCode());
            return hash;
        }
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
        for (var i = 0; i < functions.Length; i++) functions[i] = Function(t, states);
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
        var micro = t.TryWord("micro") ? (int)t.Integer() : 1;
        long? budget = t.TryWord("budget") ? t.Integer() : null;
        double? rate = t.TryWord("rate") ? BitConverter.Int64BitsToDouble(t.Integer()) : null;
        t.EndLine();
        return new(name, loss, clip, precision, rate, optimizer) { LossScale = scale, MicroBatches = micro, MemoryBudget = budget };
    }

    static StartFunction Function(TextCursor t, StateDecl[] states)
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
        if (assigned.Length > 0)
        {
            t.ExpectWord("assigns");
            for (var i = 0; i < assigned.Length; i++) assigned[i] = states[t.Index(states.Length, "state")].Path;
            t.EndLine();
        }
        return new()
        {
            Name = name, Arguments = arguments, Names = names, Types = types, Symbols = symbols, Assigned = ImmutableCollectionsMarshal.AsImmutableArray(assigned), IsTraining = trains, ReadsDerived = derived, TakesOptimizer = optimizer,
            HasSizedStates = sized, HasStableAddresses = stable, Typical = t.TryWord("typical") ? Typical(t, states) : null,
        };
    }

    // The launches are passed over now.
    static TypicalCall Typical(TextCursor t, StateDecl[] states)
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
        return new(values, stated, lengths, picks, () => Bound(t.Part(start, end), states));
    }

    static BoundFunction Bound(TextCursor t, StateDecl[] states)
    {
        t.ExpectWord("bound");
        var (arena, first) = (t.Integer(), (int)t.Integer());
        var names = new string[t.Integer()];
        t.EndLine();
        for (var i = 0; i < names.Length; i++)
        {
            t.Skip();
            names[i] = t.Peek == '"' ? t.Quoted() : states[t.Index(states.Length, "state")].Path;
            t.EndLine();
        }
        var launches = new long[t.Count("    ")][];
        var count = 0;
        while (true)
        {
            if (t.TryWord("again")) launches[count] = Again(t, launches[t.Index(count, "launch")]);
            else if (Kind(t) is >= 0 and var kind) launches[count] = Numbers(t, kind);
            else break;
            count++;
        }
        Array.Resize(ref launches, count);
        return new(arena, first, names, launches, Lines(t, "load"), Lines(t, "copy"));
    }

    static long[] Again(TextCursor t, long[] like)
    {
        var launch = (long[])like.Clone();
        var at = 3;
        for (var operand = 0; operand < launch[2]; operand++, at += 5 + 2 * (int)launch[at + 4]) (launch[at + 1], launch[at + 2]) = (t.Integer(), t.Integer());
        t.EndLine();
        return launch;
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
