using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Xunit;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Tests.Planning;

/// <summary>Plans within a budget: they fit, they hold, and every launch, repeated or not, reads what it read without.</summary>
public sealed class RematerializerTests
{
    // What launches do, as numbers that differ wherever anything differs: what each reads, by its turn.
    static Dictionary<(int Launch, int Iteration), List<ulong>> Reads(LoweredFunction function, IReadOnlyList<int> order)
    {
        static ulong Mix(ulong a, ulong b) => (a ^ b) * 0x9E3779B97F4A7C15 + (a >> 29);
        var values = new Dictionary<Buffer, ulong>();
        foreach (var buffer in function.Buffers)
            if (buffer.Kind is (BufferKind.Argument or BufferKind.State)) values[buffer] = (ulong)buffer.Name.Sum(c => 31 * c + 7);
        var reads = new Dictionary<(int, int), List<ulong>>();
        All(0, function.Launches.Length, 0);
        return reads;

        // Every loop runs three times; an iteration has a number of its own.
        void All(int from, int to, int iteration)
        {
            for (var i = from; i < to; i++)
            {
                if (function.Launches[i] is not RepeatLaunch { Length: var length })
                {
                    Run(i, iteration);
                    continue;
                }
                // What nothing outside knows an iteration begins without.
                var outside = new HashSet<Buffer>(function.Launches.Take(i).Concat(function.Launches.Skip(i + 1 + length)).SelectMany(l => l.Operands).Select(o => o.Buffer));
                for (var again = 1; again <= 3; again++)
                {
                    foreach (var operand in function.Launches.Skip(i + 1).Take(length).SelectMany(l => l.Operands))
                        if (operand.Buffer.Kind == BufferKind.Arena && !outside.Contains(operand.Buffer)) values.Remove(operand.Buffer);
                    All(i + 1, i + 1 + length, 4 * iteration + again);
                }
                i += length;
            }
        }

        void Run(int i, int iteration)
        {
            var launch = function.Launches[i];
            var seen = launch.Operands.Where(o => !o.IsWritten).Aggregate((ulong)order[i] + 1, (sum, o) => Mix(sum, values[o.Buffer]));
            if (!reads.TryGetValue((order[i], iteration), out var list)) reads.Add((order[i], iteration), list = []);
            list.Add(seen);
            // Several launches may write parts of one buffer.
            foreach (var operand in launch.Operands.Where(o => o.IsWritten)) values[operand.Buffer] = Mix(values.GetValueOrDefault(operand.Buffer), seen);
        }
    }

    static void Same(MemoryPlan plan)
    {
        PlanVerifier.Verify(plan);
        var expected = Reads(plan.Source, [.. Enumerable.Range(0, plan.Source.Launches.Length)]);
        foreach (var (launch, seen) in Reads(plan.Function, plan.Order.IsEmpty ? [.. Enumerable.Range(0, plan.Source.Launches.Length)] : plan.Order))
            Assert.All(seen, s => Assert.Equal(expected[launch][0], s));
    }

    // A forward and a backward pass with everything that stands in the way of a repetition: states that are read and written in the middle, buffers that are made in parts, results, readers of half a buffer.
    static LoweredFunction Twisted(int seed)
    {
        var random = new Random(seed);
        var list = new LaunchList();
        var x = list.Buffer("x", BufferKind.Argument, 500);
        var states = Enumerable.Range(0, 4).Select(i => list.Buffer("w" + i, BufferKind.State, 100)).ToArray();
        var kept = new List<Buffer> { x };
        for (var i = 0; i < 12; i++)
        {
            var made = list.Arena(random.Next(1, 40) * 100);
            var source = kept[^random.Next(1, Math.Min(3, kept.Count) + 1)];
            Buffer[] reads = random.Next(3) == 0 ? [source, states[random.Next(4)]] : [source];
            switch (random.Next(5))
            {
                case 0:
                    var other = list.Arena(200);
                    list.Launch(reads, [made, other]);
                    kept.Add(other);
                    break;
                case 1:
                    list.Launch(reads, [made]);
                    if (random.Next(2) == 0) kept.Add(Read(made));
                    list.Launch([kept[0]], [made]); // its other part
                    break;
                case 2:
                    list.Launch(reads, [made, states[random.Next(4)]]); // running statistics
                    break;
                default:
                    list.Launch(reads, [made]);
                    break;
            }
            kept.Add(made);
        }
        var gradient = Read(kept[^1]);
        for (var i = kept.Count - 1; i > 0; i--)
        {
            var next = list.Arena(random.Next(1, 10) * 100);
            list.Launch([gradient, kept[i], kept[random.Next(i)]], [next]);
            gradient = next;
            if (random.Next(4) == 0) list.Launch([gradient], [states[random.Next(4)]]);
        }
        return list.Build(gradient, kept[5]);

        Buffer Read(Buffer buffer)
        {
            var made = list.Arena(100);
            list.Launch([buffer], [made]);
            return made;
        }
    }

    // A loop over micro-batches: sums and a carry that are there before it, a state that it reads and one that it writes, what is stacked, and a forward and a backward pass in each iteration.
    static LoweredFunction Looped(int seed)
    {
        var random = new Random(seed);
        var list = new LaunchList();
        var x = list.Buffer("x", BufferKind.Argument, 500);
        var (read, written) = (list.Buffer("w", BufferKind.State, 100), list.Buffer("statistics", BufferKind.State, 100));
        var sums = Enumerable.Range(0, 10).Select(_ => list.Arena(100)).ToArray();
        var (carry, early, late, stack) = (list.Arena(100), list.Arena(random.Next(1, 20) * 100), list.Arena(300), list.Arena(400));
        list.Launch([x], sums).Launch([x], [carry]).Launch([x], [early]).Launch([x], [late]);
        list.Launch([], []); // the loop
        var kept = new List<Buffer> { early };
        for (var i = 0; i < sums.Length; i++)
        {
            var made = list.Arena(random.Next(4, 40) * 100);
            list.Launch(random.Next(3) switch { 0 => [kept[^1], carry], 1 => [kept[^1], read], _ => [kept[^1]] }, random.Next(6) == 0 ? [made, written] : [made]);
            if (i == 4) list.Launch([made, carry], [carry]);
            if (i == 6) list.Launch([made], [stack]);
            kept.Add(made);
        }
        var gradient = kept[^1];
        for (var i = sums.Length - 1; i >= 0; i--)
        {
            var next = list.Arena(random.Next(1, 10) * 100);
            list.Launch([gradient, kept[i], kept[random.Next(i + 1)]], [next]);
            list.Launch([next, kept[i + 1], sums[i]], [sums[i]], (sums[i], sums[i]));
            gradient = next;
        }
        list.Launch([gradient, carry], [carry]);
        var result = list.Buffer("y", BufferKind.Result, 10);
        list.Launch([.. sums, carry, late, stack], [result]);
        var function = list.Build();
        return function with { Launches = function.Launches.SetItem(4, new RepeatLaunch([], [], "#0", 3, false, function.Launches.Length - 6, false, false)) };
    }

    // A loop in a loop, both with a forward and a backward pass: what the inner one finds is made in the outer one, and before that.
    static LoweredFunction Nested(int seed)
    {
        var random = new Random(seed);
        var list = new LaunchList();
        var x = list.Buffer("x", BufferKind.Argument, 500);
        var launches = 0;
        var (outer, inner, behind) = (0, 0, 0);
        var (sum, total, written, early) = (list.Arena(100), list.Arena(100), list.Buffer("statistics", BufferKind.State, 100), list.Arena(random.Next(1, 20) * 100));
        Add([x], [sum]);
        Add([x], [early]);
        outer = launches;
        Add([], []);
        var kept = new List<Buffer> { early };
        for (var i = 0; i < 4; i++) Forward(kept, sum);
        Add([kept[1]], [total]);
        inner = launches;
        Add([], []);
        var within = new List<Buffer> { kept[^1], kept[random.Next(kept.Count)] };
        for (var i = 0; i < 6; i++) Forward(within, i % 2 == 0 ? total : early);
        Backward(within, total);
        behind = launches;
        kept.Add(total);
        for (var i = 0; i < 3; i++) Forward(kept, sum);
        Backward(kept, sum);
        var end = launches;
        Add([sum, early], [list.Buffer("y", BufferKind.Result, 10)]);
        var function = list.Build();
        function = function with { Launches = function.Launches.SetItem(inner, new RepeatLaunch([], [], "#1", 3, false, behind - inner - 1, false, false)) };
        return function with { Launches = function.Launches.SetItem(outer, new RepeatLaunch([], [], "#0", 3, false, end - outer - 1, false, false)) };

        void Add(Buffer[] reads, Buffer[] writes)
        {
            list.Launch(reads, writes);
            launches++;
        }

        void Forward(List<Buffer> chain, Buffer beside)
        {
            var made = list.Arena(random.Next(4, 40) * 100);
            Add(random.Next(3) == 0 ? [chain[^1], beside] : [chain[^1]], random.Next(8) == 0 ? [made, written] : [made]);
            chain.Add(made);
        }

        void Backward(List<Buffer> chain, Buffer sum)
        {
            var gradient = chain[^1];
            for (var i = chain.Count - 1; i > 0; i--)
            {
                var next = list.Arena(random.Next(1, 10) * 100);
                Add([gradient, chain[i], chain[random.Next(i)]], [next]);
                Add([next, sum], [sum]);
                gradient = next;
            }
        }
    }

    [Fact]
    public void Whatever_runs_again_reads_what_it_read_and_the_plan_fits()
    {
        var saved = 0;
        var (inLoops, nested) = (0, 0);
        for (var seed = 0; seed < 60; seed++)
            foreach (var function in new[] { Twisted(seed), LaunchList.Random(seed, 40), Looped(seed), Nested(seed) })
            {
                var all = Planner.Plan(function, DimBinding.Empty);
                foreach (var share in new[] { 0.9, 0.75, 0.6, 0.45 })
                {
                    var budget = (long)(share * all.ArenaBytes);
                    var plan = Rematerializer.Plan(function, DimBinding.Empty, budget, out var smallest, all);
                    Same(plan ?? smallest);
                    if (plan is null) continue;
                    Assert.InRange(plan.ArenaBytes, 0, budget);
                    Assert.Equal(budget, plan.Budget);
                    Assert.InRange(plan.Repeated, 1, int.MaxValue);
                    saved++;
                    var (loops, longer) = (function.Launches.OfType<RepeatLaunch>().ToList(), plan.Function.Launches.OfType<RepeatLaunch>().ToList());
                    if (loops.Count > 0 && longer.Count == loops.Count && longer[^1].Length > loops[^1].Length) (loops.Count == 1 ? ref inLoops : ref nested)++;
                }
            }
        Assert.InRange(inLoops, 60, int.MaxValue);
        Assert.InRange(nested, 20, int.MaxValue);
        Assert.InRange(saved, 60, int.MaxValue);
    }

    [Fact]
    public void A_chain_trains_in_a_third_of_its_memory_with_a_few_repetitions()
    {
        var function = LaunchList.Training(24, _ => 10_000);
        var all = Planner.Plan(function, DimBinding.Empty);
        var third = Rematerializer.Plan(function, DimBinding.Empty, all.ArenaBytes / 3, out _)!;
        Same(third);
        Assert.InRange(third.Repeated, 1, function.Launches.Length / 2); // the forward pass once more at most
        var smallest = Rematerializer.Smallest(function, DimBinding.Empty);
        Same(smallest);
        Assert.InRange(smallest.ArenaBytes, Planner.LargestLaunchBytes(function, DimBinding.Empty), all.ArenaBytes / 4);
    }

    [Fact]
    public void A_little_less_memory_costs_a_little()
    {
        var function = LaunchList.Training(24, _ => 10_000);
        var all = Planner.Plan(function, DimBinding.Empty);
        int Repeated(double share) => Rematerializer.Plan(function, DimBinding.Empty, (long)(share * all.ArenaBytes), out _)!.Repeated;
        Assert.Equal(0, Repeated(1));
        Assert.InRange(Repeated(0.97), 1, 2);
        Assert.InRange(Repeated(0.5), Repeated(0.97), Repeated(0.25));
    }

    [Fact]
    public void Without_a_way_the_smallest_that_was_found_is_said()
    {
        var function = LaunchList.Training(8, _ => 10_000);
        Assert.Null(Rematerializer.Plan(function, DimBinding.Empty, 1000, out var smallest));
        Assert.InRange(smallest.ArenaBytes, Planner.LargestLaunchBytes(function, DimBinding.Empty), Planner.Plan(function, DimBinding.Empty).ArenaBytes);
        Assert.Matches(@"^#\d+ none \(Model\.cs:\d+\)$", smallest.PeakDescription);
        Assert.Null(Rematerializer.Plan(function, DimBinding.Empty, -5, out _));
    }

    [Fact]
    public void A_loop_is_repeated_as_a_whole()
    {
        var list = new LaunchList();
        var x = list.Buffer("x", BufferKind.Argument, 100);
        var (carry, temporary, large, last) = (list.Arena(4000), list.Arena(50), list.Arena(6000), list.Arena(100));
        // A carry that is set before the loop, three launches of loop, what needs much memory in between, and who reads the carry in the end.
        list.Launch([x], [carry]).Launch([], []).Launch([carry], [temporary]).Launch([temporary], [carry]).Launch([x], [large]).Launch([large], [last]);
        var function = list.Launch([carry, last], [list.Buffer("y", BufferKind.Result, 10)]).Build();
        function = function with { Launches = function.Launches.SetItem(1, new RepeatLaunch([], [], "#0", 5, false, 2, false, false)) };
        var plan = Rematerializer.Plan(function, DimBinding.Empty, 25_000, out _)!;
        Same(plan);
        Assert.Equal("0 1 2 3 4 5 0 1 2 3 6", string.Join(" ", plan.Order));
        Assert.True(plan.ArenaBytes < Planner.Plan(function, DimBinding.Empty).ArenaBytes);
    }

    // Lowering counts a loop's operations over all iterations: five iterations of two million are ten, which are fewer than the other launch's twenty.
    [Fact]
    public void A_loop_costs_what_all_of_its_iterations_cost_once()
    {
        var list = new LaunchList();
        var x = list.Buffer("x", BufferKind.Argument, 100);
        var (looped, launched, large, last) = (list.Arena(4000), list.Arena(4000), list.Arena(6000), list.Arena(100));
        list.Launch([x], [looped]).Launch([], []).Launch([looped], [looped]).Launch([x], [launched]).Launch([x], [large]).Launch([large], [last]);
        var function = list.Launch([looped, launched, last], [list.Buffer("y", BufferKind.Result, 10)]).Build();
        Launch Costing(int launch, long operations) => function.Launches[launch] with { Flops = operations };
        function = function with { Launches = function.Launches.SetItem(1, new RepeatLaunch([], [], "#0", 5, false, 1, false, false)).SetItem(2, Costing(2, 10_000_000)).SetItem(3, Costing(3, 20_000_000)) };
        var plan = Rematerializer.Plan(function, DimBinding.Empty, 45_000, out _)!;
        Same(plan);
        Assert.Equal("0 1 2 3 4 5 0 1 2 6", string.Join(" ", plan.Order));
    }

    [Fact]
    public void What_a_loop_finds_is_made_again_before_it()
    {
        var list = new LaunchList();
        var x = list.Buffer("x", BufferKind.Argument, 100);
        var (made, large, middle, sum, first, second) = (list.Arena(4000), list.Arena(6000), list.Arena(100), list.Arena(100), list.Arena(5000), list.Arena(100));
        // Made long before the loop that reads it, in whose iterations the most lives.
        list.Launch([x], [made]).Launch([made], [sum]).Launch([x], [large]).Launch([large], [middle]).Launch([], []).Launch([made, middle], [first]).Launch([first], [second]).Launch([second, first, sum], [sum]);
        var function = list.Launch([sum], [list.Buffer("y", BufferKind.Result, 10)]).Build();
        function = function with { Launches = function.Launches.SetItem(4, new RepeatLaunch([], [], "#0", 5, false, 3, false, false)) };
        var plan = Rematerializer.Plan(function, DimBinding.Empty, 38_000, out _)!;
        Same(plan);
        Assert.Equal("0 1 2 3 0 4 5 6 7 8", string.Join(" ", plan.Order));
    }

    [Fact]
    public void The_text_of_a_plan_with_repetitions_reads_back_equal()
    {
        var function = LaunchList.Training(12, i => 10_000 + i);
        var program = new LoweredProgram("M", [], [], [], [function]);
        var plan = Rematerializer.Plan(function, DimBinding.Empty, Planner.Plan(function, DimBinding.Empty).ArenaBytes / 2, out _)!;
        var read = Assert.Single(PlanText.Read(PlanText.Write([plan]), program));
        Assert.Same(function, read.Source);
        Assert.Equal((plan.Budget, plan.ArenaBytes, plan.PeakDescription), (read.Budget, read.ArenaBytes, read.PeakDescription));
        Assert.Equal(string.Join(" ", plan.Order), string.Join(" ", read.Order));
        Assert.Equal(string.Join(" ", plan.Offsets), string.Join(" ", read.Offsets));
        PlanVerifier.Verify(read);
        var text = PlanPrinter.Print(plan, "M", ImmutableArray<StateDecl>.Empty);
        Assert.Contains($"{plan.Repeated} launches run again", text, StringComparison.Ordinal);
        Assert.Contains("none again", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("4GB", 4_000_000_000)]
    [InlineData("1.5 gib", 1610612736)]
    [InlineData("65536", 65536)]
    [InlineData(" 12 KiB ", 12288)]
    [InlineData("3B", 3)]
    [InlineData("-1GB", 0)]
    [InlineData("0", 0)]
    [InlineData("4 gigs", 0)]
    [InlineData("1e3", 0)]
    [InlineData("9999999999TB", 0)]
    [InlineData("", 0)]
    [InlineData("GB", 0)]
    public void Sizes_are_read_as_people_write_them(string text, long bytes) => Assert.Equal(bytes, ByteSize.Parse(text) ?? 0); // 0: it is none
}
