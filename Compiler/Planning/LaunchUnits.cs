using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>
/// What of a function can be repeated, under one binding. A *step* is a launch, or a loop or branch with all that is in it. A *unit* is the steps that write the same intermediates: they are repeated together or not at all.
/// </summary>
/// <remarks>
/// Loops may be *opened*, one in another too: the launches of the body are steps then, behind one that only begins the iterations, and all iterations are the same one. What an iteration makes and uses up is repeated within it, and
/// outside of the loops that are in that; what a loop finds is provided before it begins and held until it ends.
/// </remarks>
sealed class LaunchUnits
{
    /// <summary>A launch or a whole loop or branch.</summary>
    /// <param name="First">The number of its first launch.</param>
    /// <param name="Count">How many launches it is.</param>
    public sealed record Step(int First, int Count)
    {
        /// <summary>Intermediates that it reads and other steps write, too.</summary>
        public required int[] Reads { get; init; }

        /// <summary>Intermediates that it writes and other steps know.</summary>
        public required int[] Writes { get; init; }

        /// <summary>Bytes of the most that it has for itself at once, workspaces among them.</summary>
        public required long Internal { get; init; }

        /// <summary>What running it takes, in the steps of <see cref="LaunchCost"/>.</summary>
        public required double Cost { get; init; }
    }

    /// <summary>Steps that write the same intermediates.</summary>
    public sealed class Unit
    {
        public List<int> Steps { get; } = [];

        /// <summary>Intermediates that it reads and does not write.</summary>
        public int[] Inputs { get; set; } = [];

        /// <summary>Intermediates that it writes and others read.</summary>
        public int[] Outputs { get; set; } = [];

        /// <summary>It has no effect but its outputs, and nobody sees these half written.</summary>
        public bool CanRepeat { get; set; } = true;

        /// <summary>The step before which it gives the same numbers as at first: that one writes to a state, or to more of an intermediate, that it, or what its inputs are made of, reads.</summary>
        public int Expires { get; set; } = int.MaxValue;

        public double Cost { get; set; }

        public int Last => Steps[Steps.Count - 1];
    }

    /// <summary>An opened loop.</summary>
    /// <param name="Begin">The step that begins its iterations.</param>
    /// <param name="End">The last step of its body.</param>
    public sealed record Loop(int Begin, int End)
    {
        /// <summary>Intermediates that it reads or writes and that are made before it: read by the beginning, too, and when an iteration ends.</summary>
        public int[] Held { get; set; } = [];

        /// <summary>Whether a step is in its body.</summary>
        public bool Has(int step) => step > Begin && step <= End;
    }

    readonly int[] loopOf; // the innermost opened loop that each step is in; −1 for none

    /// <param name="function">The function.</param>
    /// <param name="binding">The values of its named dimensions.</param>
    /// <param name="opened">The numbers of the launches that begin the opened loops; those around each are among them.</param>
    public LaunchUnits(LoweredFunction function, DimBinding binding, IReadOnlyCollection<int> opened)
    {
        Function = function;
        var bytes = function.BytesOf(binding);
        Bytes = [.. function.Buffers.Select(b => function.Align(bytes[b.Id]))];
        var ranges = Ranges(function, opened);
        Loops = [.. ranges.Select((r, s) => (r.First, Step: s)).Where(r => opened.Contains(r.First))
            .Select(r => new Loop(r.Step, ranges.FindLastIndex(inner => inner.First <= r.First + ((RepeatLaunch)function.Launches[r.First]).Length)))];
        loopOf = [.. ranges.Select((_, s) => Array.FindLastIndex(Loops, l => l.Has(s)))];
        var (readers, writers) = (new List<int>[Bytes.Length], new List<int>[Bytes.Length]);
        for (var i = 0; i < Bytes.Length; i++) (readers[i], writers[i]) = ([], []);
        for (var s = 0; s < ranges.Count; s++)
            foreach (var operand in Operands(ranges[s]))
            {
                var list = operand.IsWritten ? writers[operand.Buffer.Id] : readers[operand.Buffer.Id];
                if (list.Count == 0 || list[list.Count - 1] != s) list.Add(s);
            }
        var isArena = function.Buffers.Select(b => b.Kind == BufferKind.Arena).ToArray();
        var around = ranges.Select(_ => new List<int>()).ToArray(); // what the first and the last step of a loop read for it
        void Read(int step, int buffer)
        {
            var at = readers[buffer].BinarySearch(step);
            if (at < 0) readers[buffer].Insert(~at, step);
            around[step].Add(buffer);
        }
        foreach (var loop in Loops)
        {
            loop.Held = [.. Enumerable.Range(0, Bytes.Length).Where(b => isArena[b] && writers[b].Exists(s => s < loop.Begin) && (readers[b].Exists(loop.Has) || writers[b].Exists(loop.Has)))];
            foreach (var b in loop.Held)
            {
                Read(loop.Begin, b);
                Read(loop.End, b);
            }
            // The number of the iteration.
            foreach (var operand in Operands((ranges[loop.Begin].First, 1)))
                if (operand.IsWritten) Read(loop.End, operand.Buffer.Id);
        }
        var results = new HashSet<Kernels.Buffer>(function.Results);
        IsTracked = [.. function.Buffers.Select(b => isArena[b.Id] && (results.Contains(b) || readers[b.Id].Concat(writers[b.Id]).Distinct().Skip(1).Any()))];
        Fixed = function.Buffers.Where(b => b.Kind != BufferKind.Arena && function.IsPlanned(b)).Sum(b => Bytes[b.Id]);
        var costs = LaunchCost.Of(function, binding);
        Steps = [.. ranges.Select((range, s) => new Step(range.First, range.Count)
        {
            Reads = [.. Operands(range).Where(o => !o.IsWritten).Select(o => o.Buffer.Id).Concat(around[s]).Where(b => IsTracked[b]).Distinct()],
            Writes = [.. Operands(range).Where(o => o.IsWritten && IsTracked[o.Buffer.Id]).Select(o => o.Buffer.Id).Distinct()],
            Internal = Internal(range),
            Cost = Enumerable.Range(range.First, range.Count).Sum(i => costs[i]),
        })];
        Uses = [.. readers.Select((list, b) => IsTracked[b] && results.Contains(function.Buffers[b]) ? [.. list, ranges.Count] : list.ToArray())];
        UnitOf = new int[ranges.Count];
        Units = Group(writers);
        LastWriter = [.. writers.Select(list => list.Count == 0 ? -1 : list[list.Count - 1])];
        Producer = [.. writers.Select(list => list.Count == 0 ? -1 : UnitOf[list[0]])];
        foreach (var unit in Units)
        {
            Describe(unit, readers, writers, results);
            DescribeAround(unit, readers, writers);
        }
        Expire();
    }

    /// <summary>The outermost loop around a launch that is not opened; −1 where there is none.</summary>
    public static int LoopAround(LoweredFunction function, int launch, IReadOnlyCollection<int> opened)
    {
        foreach (var (first, count) in Ranges(function, opened))
            if (first < launch && launch < first + count && function.Launches[first] is RepeatLaunch) return first;
        return -1;
    }

    public LoweredFunction Function { get; }

    /// <summary>Bytes of each buffer, rounded up to the alignment.</summary>
    public long[] Bytes { get; }

    /// <summary>Bytes of arguments and results that have places in the arena.</summary>
    public long Fixed { get; }

    /// <summary>Whether a buffer is an intermediate of several steps.</summary>
    public bool[] IsTracked { get; }

    public Step[] Steps { get; }

    /// <summary>The opened loops, those around others before them.</summary>
    public Loop[] Loops { get; }

    /// <summary>The steps that read each buffer, in order; behind the last for a result.</summary>
    public int[][] Uses { get; }

    public List<Unit> Units { get; }

    /// <summary>The unit of each step.</summary>
    public int[] UnitOf { get; }

    /// <summary>The unit that writes each buffer; −1 where none does.</summary>
    public int[] Producer { get; }

    /// <summary>The last step that writes each buffer; −1 where none does.</summary>
    public int[] LastWriter { get; }

    /// <summary>The launches of a step, in order.</summary>
    public IEnumerable<int> Launches(int step) => Enumerable.Range(Steps[step].First, Steps[step].Count);

    static List<(int First, int Count)> Ranges(LoweredFunction function, IReadOnlyCollection<int> opened)
    {
        var ranges = new List<(int, int)>();
        for (var i = 0; i < function.Launches.Length;)
        {
            var count = opened.Contains(i) ? 1 : function.Launches[i] switch { RepeatLaunch repeat => 1 + repeat.Length, BranchLaunch branch => 1 + branch.Then + branch.Else, _ => 1 };
            ranges.Add((i, count));
            i += count;
        }
        return ranges;
    }

    IEnumerable<Operand> Operands((int First, int Count) range)
    {
        for (var i = range.First; i < range.First + range.Count; i++)
            foreach (var operand in Function.Launches[i].Operands) yield return operand;
    }

    // Of a loop, what one iteration makes and uses up; of a launch its workspace.
    long Internal((int First, int Count) range)
    {
        var lives = new Dictionary<int, (int First, int Last)>();
        for (var i = range.First; i < range.First + range.Count; i++)
            foreach (var operand in Function.Launches[i].Operands)
                if (operand.Buffer.Kind == BufferKind.Arena && !IsTracked[operand.Buffer.Id])
                    lives[operand.Buffer.Id] = (lives.TryGetValue(operand.Buffer.Id, out var life) ? life.First : i, i);
        if (range.Count == 1) return lives.Keys.Sum(b => Bytes[b]);
        return Enumerable.Range(range.First, range.Count).Max(i => lives.Where(l => l.Value.First <= i && i <= l.Value.Last).Sum(l => Bytes[l.Key]));
    }

    List<Unit> Group(List<int>[] writers)
    {
        var parent = Enumerable.Range(0, Steps.Length).ToArray();
        int Root(int step)
        {
            while (parent[step] != step) step = parent[step] = parent[parent[step]];
            return step;
        }
        foreach (var list in writers.Where((_, b) => IsTracked[b]))
            for (var i = 1; i < list.Count; i++) parent[Root(list[i])] = Root(list[0]);
        var units = new List<Unit>();
        var numbers = new Dictionary<int, int>();
        for (var s = 0; s < Steps.Length; s++)
        {
            if (!numbers.TryGetValue(Root(s), out var number))
            {
                numbers.Add(Root(s), number = units.Count);
                units.Add(new());
            }
            units[number].Steps.Add(s);
            UnitOf[s] = number;
        }
        return units;
    }

    void Describe(Unit unit, List<int>[] readers, List<int>[] writers, HashSet<Kernels.Buffer> results)
    {
        var steps = new HashSet<int>(unit.Steps);
        var written = new HashSet<int>(unit.Steps.SelectMany(s => Steps[s].Writes));
        unit.Outputs = [.. written];
        unit.Inputs = [.. unit.Steps.SelectMany(s => Steps[s].Reads).Distinct().Where(b => !written.Contains(b))];
        unit.Cost = unit.Steps.Sum(s => Steps[s].Cost);
        foreach (var s in unit.Steps)
            foreach (var operand in Operands((Steps[s].First, Steps[s].Count)))
            {
                var buffer = operand.Buffer;
                if (operand.IsWritten) unit.CanRepeat &= buffer.Kind == BufferKind.Arena && !results.Contains(buffer);
                else if (!written.Contains(buffer.Id))
                    foreach (var writer in writers[buffer.Id])
                        if (writer > unit.Steps[0] && !steps.Contains(writer)) unit.Expires = Math.Min(unit.Expires, writer);
            }
        foreach (var buffer in written)
            unit.CanRepeat &= readers[buffer].TrueForAll(r => steps.Contains(r) || r > writers[buffer][writers[buffer].Count - 1]);
    }

    // What has to do with the opened loops.
    void DescribeAround(Unit unit, List<int>[] readers, List<int>[] writers)
    {
        var number = loopOf[unit.Steps[0]];
        unit.CanRepeat &= unit.Steps.TrueForAll(s => loopOf[s] == number && !Array.Exists(Loops, l => l.Begin == s));
        if (number < 0) return;
        unit.Expires = Math.Min(unit.Expires, Loops[number].End);
        // What is read before it is written comes from the iteration before, and what is read behind the loop is not of one iteration.
        foreach (var buffer in unit.Outputs) unit.CanRepeat &= readers[buffer].TrueForAll(r => Loops[number].Has(r) && r > writers[buffer][0]);
    }

    // What is made of something that expires, expires with it.
    void Expire()
    {
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var unit in Units)
                foreach (var input in unit.Inputs)
                {
                    var producer = Units[Producer[input]];
                    if (!producer.CanRepeat || producer.Expires >= unit.Expires) continue;
                    unit.Expires = producer.Expires;
                    changed = true;
                }
        }
    }
}

/// <summary>
/// What launches take, for comparing them: operations, or the bytes that they move, whichever takes longer, and something for being launched. Bits never depend on it, nor on the machine that runs it.
/// </summary>
static class LaunchCost
{
    // A core that multiplies and adds 60 numbers in the time in which memory gives it 8 bytes has this ratio; those of servers of the last ten years lie around it.
    const double OperationsPerByte = 8;

    // Some microseconds.
    const double Launched = 100_000;

    /// <summary>What each launch of a function takes, in all iterations of the loops around it.</summary>
    public static double[] Of(LoweredFunction function, DimBinding binding)
    {
        var costs = new double[function.Launches.Length];
        var around = new Stack<(int Last, double Times)>();
        for (var i = 0; i < costs.Length; i++)
        {
            while (around.Count > 0 && around.Peek().Last < i) around.Pop();
            var times = around.Count > 0 ? around.Peek().Times : 1;
            var launch = function.Launches[i];
            if (launch is RepeatLaunch repeat) around.Push((i + repeat.Length, times * repeat.Count.Evaluate(binding)));
            // Operations and bytes are those of all iterations.
            else costs[i] = Launched * times + Math.Max(launch.Flops.Evaluate(binding), OperationsPerByte * launch.Traffic.Evaluate(binding));
        }
        return costs;
    }
}
