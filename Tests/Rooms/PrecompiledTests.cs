using System.IO;
using System.Reflection.PortableExecutable;
using Xunit;

namespace Graph.Tests.Rooms;

/// <summary>The libraries that run when a model starts hold code for this machine's processor beside their IL.</summary>
public sealed class PrecompiledTests
{
    [Theory]
    [InlineData(typeof(Graph.Compiler.Ir.Dim))]
    [InlineData(typeof(Graph.Tensor))]
    [InlineData(typeof(Graph.ParameterStore))]
    public void What_runs_at_a_start_is_compiled_ahead_of_time(System.Type type)
    {
        using var image = new PEReader(File.OpenRead(type.Assembly.Location));
        var native = image.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory;
#if DEBUG
        Assert.Equal(0, native.Size);
#else
        Assert.NotEqual(0, native.Size);
#endif
    }
}
