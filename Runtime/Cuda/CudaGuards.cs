using System;
using System.Collections.Generic;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Runtime.Cuda;

/// <summary>Intermediates of a function, each in memory of its own between guards: for <see cref="CudaDebug.HasGuards"/>. What takes over another's memory is in it.</summary>
sealed unsafe class CudaGuards : IDisposable
{
    readonly ICudaDriver driver;
    readonly Dictionary<int, (ulong Address, long Bytes, string Name)> pieces = [];
    readonly MemoryPlan plan;

    public CudaGuards(ICudaDriver driver, LoweredFunction function, MemoryPlan plan)
    {
        (this.driver, this.plan) = (driver, plan);
        foreach (var buffer in function.Buffers)
        {
            if (buffer.Kind != BufferKind.Arena) continue;
            var (root, bytes) = (Root(buffer.Id), plan.Bytes[buffer.Id]);
            var known = pieces.GetValueOrDefault(root);
            pieces[root] = (0, Math.Max(known.Bytes, bytes), known.Name is null ? $"{buffer} ({buffer.Name})" : known.Name + "/" + buffer);
        }
        var guard = new byte[CudaDebug.GuardBytes];
        Array.Fill(guard, CudaDebug.Guard);
        foreach (var (root, (_, bytes, name)) in new Dictionary<int, (ulong, long, string)>(pieces))
        {
            var address = driver.Allocate(bytes + 2 * CudaDebug.GuardBytes, name) + CudaDebug.GuardBytes;
            pieces[root] = (address, bytes, name);
            fixed (byte* from = guard)
            {
                driver.CopyIn(address - CudaDebug.GuardBytes, from, guard.Length);
                driver.CopyIn(address + (ulong)bytes, from, guard.Length);
            }
        }
    }

    int Root(int buffer) => plan.TakesOver[buffer] >= 0 ? Root(plan.TakesOver[buffer]) : buffer;

    /// <summary>Where an intermediate lies.</summary>
    public ulong Address(Buffer buffer) => pieces[Root(buffer.Id)].Address;

    /// <summary>Looks at all guards.</summary>
    /// <param name="who">What has run since they were looked at.</param>
    /// <exception cref="CudaException">One was written.</exception>
    public void Check(string who)
    {
        var found = new byte[CudaDebug.GuardBytes];
        foreach (var (address, bytes, name) in pieces.Values)
            foreach (var isBehind in (bool[])[false, true])
            {
                var at = isBehind ? address + (ulong)bytes : address - CudaDebug.GuardBytes;
                fixed (byte* to = found) driver.CopyOut(to, at, found.Length);
                var place = Array.FindIndex(found, b => b != CudaDebug.Guard);
                if (place >= 0)
                    throw new CudaException($"{who} wrote outside of {name} of {bytes} bytes: {(isBehind ? $"byte {place} behind its end" : $"{CudaDebug.GuardBytes - place} bytes before its beginning")}.", 0);
            }
    }

    public void Dispose()
    {
        foreach (var piece in pieces.Values) driver.Free(piece.Address - CudaDebug.GuardBytes);
    }
}
