using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.PtxEmulator;

/// <summary>A loaded module: its kernels, and its variables in the device's memory.</summary>
public sealed class EmulatedModule
{
    readonly Dictionary<string, EmulatedKernel> kernels = new(StringComparer.Ordinal);
    readonly Dictionary<Variable, Region> variables = new(ReferenceEqualityComparer.Instance);

    internal EmulatedModule(EmulatedDevice device, PtxModule module)
    {
        Syntax = module;
        foreach (var variable in module.Variables.Where(variable => variable.Space is StateSpace.Global or StateSpace.Const))
        {
            var region = device.Memory.Allocate($"'{variable.Name}'", variable.Size, variable.Space);
            region.Mark(0, variable.Size, 1); // what has no initial value is zero
            region.ReadOnly = variable.Space == StateSpace.Const;
            if (!region.ReadOnly) region.Shadow = new RaceShadow(variable.Size);
            for (var i = 0; i < variable.Initial.Count; i++)
                for (var b = 0; b < variable.Type.Size(); b++) region.Bytes(0, variable.Size)[i * variable.Type.Size() + b] = (byte)(variable.Initial[i] >> (8 * b));
            variables.Add(variable, region);
        }
        foreach (var function in module.Functions.Where(function => function.IsEntry))
            kernels.Add(function.Name, new EmulatedKernel(ProgramBuilder.Build(module, function, variables)));
    }

    /// <summary>The text as it was parsed.</summary>
    public PtxModule Syntax { get; }

    public IReadOnlyCollection<EmulatedKernel> Kernels => kernels.Values;

    /// <summary>The kernel of a name.</summary>
    public EmulatedKernel this[string name] => kernels.TryGetValue(name, out var kernel) ? kernel : throw new KeyNotFoundException($"The module has no kernel '{name}', only {string.Join(", ", kernels.Keys)}.");

    /// <summary>Address and size of a variable of the module.</summary>
    public (ulong Address, long Size) Variable(string name)
    {
        foreach (var (variable, region) in variables) if (variable.Name == name) return (region.Base, variable.Size);
        throw new KeyNotFoundException($"The module has no variable '{name}' in global or constant memory.");
    }
}

/// <summary>A kernel that can be launched.</summary>
public sealed class EmulatedKernel
{
    internal EmulatedKernel(Program program) => Program = program;

    internal Program Program { get; }
    public string Name => Program.Name;
    /// <summary>Bytes of its parameters, with the gaps that alignment leaves.</summary>
    public int ParameterBytes => Program.EntryBytes;
    /// <summary>Bytes of shared memory that its text fixes.</summary>
    public int StaticShared => Program.SharedStatic;
    /// <summary>Bytes of local memory of a thread.</summary>
    public int LocalBytes => Program.LocalBytes;
    /// <summary>Threads that a block may have.</summary>
    public int MaxThreads
    {
        get
        {
            var (x, y, z) = Program.Function.RequiredThreads ?? Program.Function.MaxThreads ?? (1024, 1, 1);
            return Math.Min(1024, x * y * z);
        }
    }
    /// <summary>Instructions that it decoded to.</summary>
    public int Length => Program.Code.Length;

    /// <summary>Lays arguments out as the parameters are declared.</summary>
    public byte[] Pack(params ReadOnlySpan<object> arguments)
    {
        var formals = Program.Function.Parameters;
        if (arguments.Length != formals.Count) throw new ArgumentException($"'{Name}' has {formals.Count} parameters, not {arguments.Length}.", nameof(arguments));
        var bytes = new byte[ParameterBytes];
        var at = 0L;
        for (var i = 0; i < arguments.Length; i++)
        {
            at = (at + formals[i].Align - 1) / formals[i].Align * formals[i].Align;
            var value = arguments[i] switch
            {
                ulong v => BitConverter.GetBytes(v),
                long v => BitConverter.GetBytes(v),
                int v => BitConverter.GetBytes(v),
                uint v => BitConverter.GetBytes(v),
                short v => BitConverter.GetBytes(v),
                ushort v => BitConverter.GetBytes(v),
                byte v => [v],
                float v => BitConverter.GetBytes(v),
                double v => BitConverter.GetBytes(v),
                Half v => BitConverter.GetBytes(v),
                byte[] v => v,
                var other => throw new ArgumentException($"parameter {i} is a {other.GetType().Name}, which is no value of PTX.", nameof(arguments)),
            };
            if (value.Length != formals[i].Size) throw new ArgumentException($"parameter {i} ('{formals[i].Name}') of '{Name}' has {formals[i].Size} bytes, not {value.Length}.", nameof(arguments));
            value.CopyTo(bytes, at);
            at += formals[i].Size;
        }
        return bytes;
    }
}
