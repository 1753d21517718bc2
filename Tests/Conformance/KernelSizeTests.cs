using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Conformance;

/// <summary>The JIT compiles large methods without optimization (measured: from 45 KB of IL on, eight times slower), so generated ones stay far below.</summary>
public class KernelSizeTests
{
    const int MostBytes = 16 << 10;

    [Fact]
    public void No_method_of_a_compiled_model_has_more_than_16_KB_of_IL()
    {
        using var file = new PEReader(File.OpenRead(typeof(Mlp).Assembly.Location));
        var metadata = file.GetMetadataReader();
        var sizes = new List<(string Method, int Bytes)>();
        foreach (var handle in metadata.MethodDefinitions)
        {
            var method = metadata.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress == 0) continue;
            var type = metadata.GetTypeDefinition(method.GetDeclaringType());
            sizes.Add(($"{metadata.GetString(type.Name)}.{metadata.GetString(method.Name)}", file.GetMethodBody(method.RelativeVirtualAddress).GetILReader().Length));
        }
        Assert.Contains(sizes, s => s.Method.Contains("Kernels.", System.StringComparison.Ordinal) && s.Bytes > 100);
        var large = sizes.Where(s => s.Bytes > MostBytes).OrderByDescending(s => s.Bytes).Select(s => $"{s.Method}: {s.Bytes}").ToList();
        Assert.True(large.Count == 0, $"{large.Count} methods are too large: {string.Join(", ", large.Take(10))}.");
    }
}
