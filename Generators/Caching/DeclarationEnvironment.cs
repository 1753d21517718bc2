using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Caching;

/// <summary>
/// The declarations of a whole compilation by name, and what else decides the meaning of bodies: references and options. Made from the environment of the compilation before
/// it: only files that came, went or changed are looked at.
/// </summary>
sealed class DeclarationEnvironment
{
    static readonly ConditionalWeakTable<Compilation, DeclarationEnvironment> Environments = new();
    static long versions;

    readonly ImmutableArray<DeclarationTable> tables;
    readonly ImmutableDictionary<string, Declared> names;
    Dictionary<DeclarationTable, int>? ordinals;

    DeclarationEnvironment(Compilation compilation, DeclarationEnvironment? before)
    {
        var now = ImmutableArray.CreateBuilder<DeclarationTable>();
        foreach (var tree in compilation.SyntaxTrees)
            if (DeclarationTable.Of(tree) is { IsOurs: false } table) now.Add(table);
        tables = now.ToImmutable();
        var changed = new HashSet<string>(StringComparer.Ordinal);
        if (before is null)
        {
            names = Merge(ImmutableDictionary.Create<string, Declared>(StringComparer.Ordinal), [], tables, changed);
            (Version, Before, Changed) = (Interlocked.Increment(ref versions), 0, changed);
        }
        else
        {
            var (gone, come) = Difference(before.tables, tables);
            Follow(gone, come);
            names = Merge(before.names, gone, come, changed);
            // What bodies can mean is the same: so is the version.
            (Version, Before, Changed) = changed.Count == 0 ? (before.Version, before.Before, before.Changed) : (Interlocked.Increment(ref versions), before.Version, changed);
        }
        Stamp = before?.Stamp.Fits(compilation) == true ? before.Stamp : new ReferenceStamp(compilation);
    }

    /// <summary>The environment of a compilation, made once.</summary>
    public static DeclarationEnvironment Of(Compilation compilation, ProjectMemory memory) => Environments.GetValue(compilation, c => memory.Environment = new DeclarationEnvironment(c, memory.Environment));

    public ReferenceStamp Stamp { get; }

    /// <summary>Equal for environments with the same declarations, one after the other.</summary>
    public long Version { get; }

    /// <summary>The version that this one was made from; 0 for none.</summary>
    public long Before { get; }

    /// <summary>The names whose declarations are not those of the version before.</summary>
    public HashSet<string> Changed { get; }

    /// <summary>The place of a file in the compilation's order, in which C# takes the parts of a class; -1 for a file that is not there.</summary>
    public int Ordinal(SyntaxTree tree)
    {
        if (Volatile.Read(ref ordinals) is not { } known)
        {
            known = [];
            for (var i = 0; i < tables.Length; i++) known[tables[i]] = i;
            Volatile.Write(ref ordinals, known);
        }
        return known.TryGetValue(DeclarationTable.Of(tree), out var ordinal) ? ordinal : -1;
    }

    /// <summary>The hash of the declarations of a name; 0 for a name that is not declared here.</summary>
    public ulong Hash(string name) => names.TryGetValue(name, out var declared) ? declared.Hash : 0;

    /// <summary>The names that binding the given files can come to: theirs, and those of the declarations met on the way.</summary>
    public Dictionary<string, ulong> Dependencies(IEnumerable<SyntaxTree> trees)
    {
        var result = new Dictionary<string, ulong>(StringComparer.Ordinal);
        var work = new Stack<string>();
        void Visit(string name)
        {
            if (result.ContainsKey(name)) return;
            result.Add(name, Hash(name));
            work.Push(name);
        }
        Visit(DeclarationTable.Everywhere);
        foreach (var tree in trees)
            foreach (var name in DeclarationTable.Of(tree).Identifiers(tree)) Visit(name);
        while (work.Count > 0)
            if (names.TryGetValue(work.Pop(), out var declared))
                foreach (var entry in declared.Entries)
                    foreach (var name in entry.Mentions) Visit(name);
        return result;
    }

    /// <summary>The declarations of one name: the sum of their hashes, and each file's part of them.</summary>
    sealed record Declared(ulong Hash, ImmutableArray<DeclarationTable.Entry> Entries);

    // An edit changes a file in place or moves the end of the list: what is the same at both ends is not looked at.
    static (List<DeclarationTable> Gone, List<DeclarationTable> Come) Difference(ImmutableArray<DeclarationTable> before, ImmutableArray<DeclarationTable> now)
    {
        var start = 0;
        while (start < before.Length && start < now.Length && before[start] == now[start]) start++;
        var end = 0;
        while (end < before.Length - start && end < now.Length - start && before[before.Length - 1 - end] == now[now.Length - 1 - end]) end++;
        var gone = before.AsSpan().Slice(start, before.Length - start - end).ToArray();
        var come = now.AsSpan().Slice(start, now.Length - start - end).ToArray();
        if (gone.Length <= 1 || come.Length <= 1) return ([.. gone.Except(come)], [.. come.Except(gone)]);
        var (left, right) = (new HashSet<DeclarationTable>(gone), new HashSet<DeclarationTable>(come));
        return (gone.Where(t => !right.Contains(t)).ToList(), come.Where(t => !left.Contains(t)).ToList());
    }

    // A file that changed in place may have moved its lines and nothing else.
    static void Follow(List<DeclarationTable> gone, List<DeclarationTable> come)
    {
        if (gone.Count == 0 || come.Count == 0) return;
        var before = new Dictionary<string, DeclarationTable>(StringComparer.Ordinal);
        foreach (var table in gone) before[table.Path] = table;
        foreach (var table in come)
            if (before.TryGetValue(table.Path, out var old) && old.Tree is { } from && table.Tree is { } to) TreeMove.Note(from, to);
    }

    static ImmutableDictionary<string, Declared> Merge(ImmutableDictionary<string, Declared> names, IEnumerable<DeclarationTable> gone, IEnumerable<DeclarationTable> come, HashSet<string> changed)
    {
        // What a file declared before and after an edit cancels out: an edit of a body touches no name at all.
        var balance = new Dictionary<(string Name, ulong Hash), (int Count, DeclarationTable.Entry Entry)>();
        void Count(DeclarationTable table, int sign)
        {
            foreach (var pair in table.Entries)
            {
                balance.TryGetValue((pair.Key, pair.Value.Hash), out var known);
                balance[(pair.Key, pair.Value.Hash)] = (known.Count + sign, pair.Value);
            }
        }
        foreach (var table in gone) Count(table, -1);
        foreach (var table in come) Count(table, 1);

        var builder = names.ToBuilder();
        foreach (var item in balance)
        {
            var (count, entry) = item.Value;
            if (count == 0) continue;
            changed.Add(item.Key.Name);
            var declared = builder.TryGetValue(item.Key.Name, out var known) ? known : new(0, []);
            var entries = declared.Entries;
            for (var i = 0; i < count; i++) entries = entries.Add(entry);
            // Equal hashes are equal declarations, whichever file they are of.
            for (var i = 0; i > count; i--) entries = entries.RemoveAt(entries.IndexOf(entries.First(e => e.Hash == entry.Hash)));
            if (entries.IsEmpty) builder.Remove(item.Key.Name);
            else builder[item.Key.Name] = new(unchecked(declared.Hash + (ulong)count * entry.Hash), entries);
        }
        return builder.ToImmutable();
    }
}
