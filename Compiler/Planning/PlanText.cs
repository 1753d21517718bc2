using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>
/// Plans as text that reads back equal: a model's class embeds those of its typical sizes, so that a first call at such sizes plans nothing. Sealed as <see cref="LoweredText"/> is.
/// </summary>
public static class PlanText
{
    /// <summary>Version of the text; a reader refuses another one.</summary>
    public const int Version = 3;

    public static string Write(IEnumerable<MemoryPlan> plans)
    {
        var text = new StringBuilder();
        foreach (var plan in plans) Write(plan, text);
        return SealedText.Seal("planned", Version, text);
    }

    static void Write(MemoryPlan plan, StringBuilder text)
    {
        text.Append("plan ").Append(plan.Function.Name).Append('\n');
        foreach (var dim in plan.Binding.Values) text.Append("  dim ").Append(dim.Key).Append(' ').Append(Number(dim.Value)).Append('\n');
        text.Append("  arena ").Append(Number(plan.ArenaBytes)).Append(" bound ").Append(Number(plan.LowerBound)).Append(" peak ").Append(Number(plan.PeakLaunch))
            .Append(" flops ").Append(Number(plan.Flops)).Append(" moves ").Append(Number(plan.Traffic)).Append(" work ").Append(Number(plan.Work)).Append(' ').Append(plan.Method).Append('\n');
        if (plan.Budget is { } budget) text.Append("  within ").Append(Number(budget)).Append('\n');
        if (!plan.Order.IsEmpty) Order(plan.Order, text);
        // Other buffers are nothing that a plan says: theirs is the size that they have.
        foreach (var buffer in plan.Function.Buffers)
        {
            if (!plan.Function.IsPlanned(buffer)) continue;
            var i = buffer.Id;
            text.Append("  ").Append(Number(plan.Bytes[i]));
            if (plan.Offsets[i] >= 0 || plan.Lives[i].Exists)
                text.Append(" at ").Append(Number(plan.Offsets[i])).Append(' ').Append(Number(plan.Lives[i].First)).Append(' ').Append(Number(plan.Lives[i].Last));
            if (plan.TakesOver[i] >= 0) text.Append(" over ").Append(Number(plan.TakesOver[i]));
            text.Append('\n');
        }
    }

    // Launches that stand behind one another as they do in the function are a range.
    static void Order(ImmutableArray<int> order, StringBuilder text)
    {
        var ranges = new List<(int First, int Last)>();
        foreach (var launch in order)
            if (ranges.Count > 0 && ranges[ranges.Count - 1] is var last && last.Last + 1 == launch) ranges[ranges.Count - 1] = (last.First, launch);
            else ranges.Add((launch, launch));
        text.Append("  order ").Append(Number(ranges.Count));
        foreach (var (first, last) in ranges) text.Append(' ').Append(Number(first)).Append(' ').Append(Number(last));
        text.Append('\n');
    }

    static ImmutableArray<int> Order(TextCursor t, int launches)
    {
        var order = ImmutableArray.CreateBuilder<int>();
        for (var left = t.Integer(); left > 0; left--)
        {
            var first = t.Index(launches, "launch");
            for (var last = t.Index(launches, "launch"); first <= last; first++) order.Add(first);
        }
        t.EndLine();
        return order.ToImmutable();
    }

    /// <summary>Reads the plans of a program's functions.</summary>
    /// <exception cref="FormatException">The text is of another version, was cut off or altered, or is of another program; the message says which.</exception>
    public static ImmutableArray<MemoryPlan> Read(string text, LoweredProgram program)
    {
        var (start, end) = SealedText.Range("planned", Version, text);
        var cursor = new TextCursor(text, start, end);
        var plans = ImmutableArray.CreateBuilder<MemoryPlan>();
        try
        {
            while (!cursor.AtEnd) plans.Add(Read(cursor, program));
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new FormatException($"line {cursor.Line} of the plans of {program.Name}: {e.Message.TrimEnd('.')}.", e);
        }
        return plans.ToImmutable();
    }

    static MemoryPlan Read(TextCursor t, LoweredProgram program)
    {
        t.ExpectWord("plan");
        var name = t.RestOfLine();
        var function = program.Find(name) ?? throw new FormatException($"the program has no function {name}");
        var binding = DimBinding.Empty;
        while (t.TryWord("dim"))
        {
            binding = binding.With(t.Word(), t.Integer());
            t.EndLine();
        }
        var (arena, bound, peak, flops, traffic, work) = (After(t, "arena"), After(t, "bound"), After(t, "peak"), After(t, "flops"), After(t, "moves"), After(t, "work"));
        var method = t.RestOfLine();
        long? budget = null;
        if (t.TryWord("within"))
        {
            budget = t.Integer();
            t.EndLine();
        }
        var source = function;
        ImmutableArray<int> order = t.TryWord("order") ? Order(t, function.Launches.Length) : [];
        if (!order.IsEmpty) function = RepeatedLaunches.In(source, order);
        var count = function.Buffers.Length;
        var (offsets, bytes, lives, takesOver) = (new long[count], new long[count], new Life[count], new int[count]);
        for (var i = 0; i < count; i++)
        {
            (offsets[i], lives[i], takesOver[i]) = (-1, Life.None, -1);
            if (!function.IsPlanned(function.Buffers[i]))
            {
                bytes[i] = function.Buffers[i].BytesAt(binding);
                continue;
            }
            bytes[i] = t.Integer();
            if (t.TryWord("at")) (offsets[i], lives[i]) = (t.Integer(), new((int)t.Integer(), (int)t.Integer()));
            if (t.TryWord("over")) takesOver[i] = t.Index(count, "buffer");
            t.EndLine();
        }
        return new(function, binding, Owned(offsets), Owned(bytes), Owned(lives), Owned(takesOver), arena, bound, (int)peak, flops, traffic, method) { Work = work, Source = source, Order = order, Budget = budget };
    }

    static ImmutableArray<T> Owned<T>(T[] array) => ImmutableCollectionsMarshal.AsImmutableArray(array);

    static long After(TextCursor t, string word)
    {
        t.ExpectWord(word);
        return t.Integer();
    }

    static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
