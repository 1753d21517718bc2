using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Compiler.Lowering;

/// <summary>
/// The called functions whose weights all calls in entries read packed: each takes packed weights for arguments, in place of those that it reads no more, so the launches of these calls are said once as well.
/// </summary>
sealed class PackedBodies
{
    const string Suffix = "/packed";

    readonly Dictionary<LoweredFunction, Packed> known = [];

    /// <summary>A call of such a function.</summary>
    /// <param name="Of">The call in the function as it was lowered.</param>
    /// <param name="Template">What it calls now.</param>
    /// <param name="Places">Where its arguments lie, then where its results go.</param>
    public sealed record Call(LaunchCall Of, LaunchTemplate Template, ImmutableArray<Operand> Places);

    // One launch of a body that reads a packed weight.
    readonly record struct Use(int Number, int Pointer, Kernel Kernel, EquatableArray<Dim> Dims);

    sealed record Packed(ImmutableArray<Use> Uses, ImmutableArray<int> Arguments, LaunchTemplate Template);

    /// <summary>The calls of a function whose launches were given packed weights. One that differs from the first of its body is none any more: its launches stand in the function itself.</summary>
    /// <param name="function">The function as it was lowered.</param>
    /// <param name="launches">Its launches with packed weights.</param>
    public IEnumerable<Call> Of(LoweredFunction function, ImmutableArray<Launch> launches)
    {
        foreach (var call in function.Calls)
        {
            var uses = Uses(function, launches, call);
            if (!known.TryGetValue(call.Body, out var packed)) known.Add(call.Body, packed = Pack(call, uses, launches));
            if (!packed.Uses.SequenceEqual(uses)) continue;
            var results = call.Places.Skip(call.Body.Arguments.Length);
            yield return new(call, packed.Template, [.. packed.Arguments.Select(a => call.Places[a]), .. uses.Select(use => launches[call.First + use.Number].Operands[use.Pointer]), .. results]);
        }
    }

    static ImmutableArray<Use> Uses(LoweredFunction function, ImmutableArray<Launch> launches, LaunchCall call)
    {
        var uses = ImmutableArray.CreateBuilder<Use>();
        for (var i = 0; i < call.Body.Launches.Length; i++)
        {
            var (old, now) = (function.Launches[call.First + i], launches[call.First + i]);
            for (var p = 0; p < now.Operands.Length; p++)
                if (now.Operands[p] != old.Operands[p]) uses.Add(now switch
                {
                    ConvolutionLaunch convolution => new(i, p, convolution.Kernel, new(convolution.Dims)),
                    ContractLaunch product => new(i, p, product.Kernel, new(product.Dims)),
                    _ => throw new InvalidOperationException($"{now.Title} reads no packed weight"),
                });
        }
        return uses.ToImmutable();
    }

    static Packed Pack(LaunchCall call, ImmutableArray<Use> uses, ImmutableArray<Launch> packed)
    {
        var body = call.Body;
        if (uses.IsEmpty) return new(uses, [.. Enumerable.Range(0, body.Arguments.Length)], new(body));
        var launches = body.Launches.ToBuilder();
        var added = new List<(Buffer Buffer, NamedTensor Parameter)>();
        foreach (var use in uses)
        {
            var (launch, made) = (launches[use.Number], packed[call.First + use.Number]);
            var state = made.Operands[use.Pointer].Buffer;
            var buffer = new Buffer(body.Buffers.Length + added.Count, "packed" + added.Count.ToString(CultureInfo.InvariantCulture), BufferKind.Argument, state.DType, state.Elements);
            added.Add((buffer, new(buffer.Name, new(state.DType, new Shape([state.Elements])))));
            launches[use.Number] = made with { Origins = launch.Origins, Incoming = launch.Incoming, Operands = launch.Operands.SetItem(use.Pointer, new(buffer, Dim.Zero, false)) };
        }
        var touched = new HashSet<Buffer>(launches.SelectMany(l => l.Operands).Select(o => o.Buffer).Concat(body.Results));
        ImmutableArray<int> kept = [.. Enumerable.Range(0, body.Arguments.Length).Where(a => touched.Contains(body.Arguments[a]))];
        var signature = body.Signature with { Name = body.Name + Suffix, Parameters = [.. kept.Select(a => body.Signature.Parameters[a]), .. added.Select(a => a.Parameter)] };
        var map = new Dictionary<Buffer, Buffer>();
        foreach (var buffer in body.Buffers.Concat(added.Select(a => a.Buffer)))
            if (buffer.Kind != BufferKind.Argument || touched.Contains(buffer)) map.Add(buffer, new(map.Count, buffer.Name, buffer.Kind, buffer.DType, buffer.Elements));
        return new(uses, kept, new(body with
        {
            Signature = signature, Buffers = [.. map.Values], Launches = [.. launches.Select(l => PackWeights.Mapped(l, map))],
            Arguments = [.. kept.Select(a => map[body.Arguments[a]]), .. added.Select(a => map[a.Buffer])], Results = [.. body.Results.Select(b => map[b])],
        }));
    }
}
