using System;
using System.Collections.Generic;

namespace Graph.Compiler.Modules.Text;

/// <summary>The text forms of a family of nodes: for each a head, how its parts are written and how they are read back. The location comes last and is handled here.</summary>
sealed class FormTable<TNode>
    where TNode : class
{
    readonly Dictionary<Type, (string Head, Action<FormWriter, TNode> Write)> writers = [];
    readonly Dictionary<string, Func<FormReader, Location, TNode>> readers = new(StringComparer.Ordinal);

    public FormTable<TNode> Add<T>(string head, Action<FormWriter, T> write, Func<FormReader, Location, T> read)
        where T : class, TNode
    {
        writers.Add(typeof(T), (head, (w, node) => write(w, (T)node)));
        readers.Add(head, read);
        return this;
    }

    /// <summary>The kinds of nodes that have a form.</summary>
    public IReadOnlyCollection<Type> Types => writers.Keys;

    public FormWriter Write(FormWriter writer, TNode? node, Location? location)
    {
        if (node is null) return writer.Null();
        var (head, write) = writers[node.GetType()];
        return writer.Form(head, w =>
        {
            write(w, node);
            w.At(location!);
        });
    }

    public TNode? Read(FormReader? reader)
    {
        if (reader is null) return null;
        var head = reader.Word();
        if (!readers.TryGetValue(head, out var read)) throw reader.Error(head + " is unknown");
        var location = reader.LastLocation();
        return reader.Finish(read(reader, location));
    }
}
