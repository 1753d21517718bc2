using System;
using System.Linq;
using System.Text;
using Graph.PtxEmulator;

namespace Graph.Tests.Ptx;

/// <summary>Runs one instruction over a table of operands, a thread a row, and gives the results' bits.</summary>
static class Table
{
    static string Register(PtxType type) => type.Size() == 1 ? "b16" : $"b{8 * type.Size()}";
    static string Memory(PtxType type) => $"b{8 * type.Size()}";

    /// <summary>The instruction's text has {0} for the result and {1}, {2}, … for the operands, e.g. <c>add.u32 {0}, {1}, {2};</c></summary>
    public static ulong[] Run(string instruction, PtxType result, params (PtxType Type, ulong[] Values)[] operands) => Run(90, instruction, result, operands);

    public static ulong[] Run(int sm, string instruction, PtxType result, params (PtxType Type, ulong[] Values)[] operands)
    {
        var rows = operands[0].Values.Length;
        var text = new StringBuilder($".version 8.0\n.target sm_{sm}\n.address_size 64\n.visible .entry k(.param .u64 r, .param .u32 n");
        for (var k = 1; k <= operands.Length; k++) text.Append($", .param .u64 o{k}");
        text.Append(")\n{\n.reg .pred %p<9>;\n.reg .b32 %i<9>;\n.reg .b64 %a<9>;\n");
        text.Append($".reg .{Register(result)} %v0;\n");
        for (var k = 1; k <= operands.Length; k++) text.Append($".reg .{Register(operands[k - 1].Type)} %v{k};\n");
        text.Append("mov.u32 %i0, %ctaid.x; mov.u32 %i1, %tid.x; mad.lo.u32 %i2, %i0, 256, %i1; ld.param.u32 %i3, [n]; setp.ge.u32 %p0, %i2, %i3; @%p0 exit;\n");
        for (var k = 1; k <= operands.Length; k++)
            text.Append($"ld.param.u64 %a{k}, [o{k}]; mul.wide.u32 %a0, %i2, {operands[k - 1].Type.Size()}; add.u64 %a{k}, %a{k}, %a0; ld.global.{Memory(operands[k - 1].Type)} %v{k}, [%a{k}];\n");
        text.AppendFormat(System.Globalization.CultureInfo.InvariantCulture, instruction, ["%v0", .. Enumerable.Range(1, operands.Length).Select(k => $"%v{k}")]);
        text.Append($"\nld.param.u64 %a0, [r]; mul.wide.u32 %a1, %i2, {result.Size()}; add.u64 %a0, %a0, %a1; st.global.{Memory(result)} [%a0], %v0;\nret;\n}}\n");

        var session = new Session(text.ToString(), new LaunchOptions { Strict = false, Seed = 0 });
        var arguments = new object[2 + operands.Length];
        var r = session.Device.Allocate(rows * result.Size());
        (arguments[0], arguments[1]) = (r, rows);
        for (var k = 0; k < operands.Length; k++)
        {
            var size = operands[k].Type.Size();
            if (operands[k].Values.Length != rows) throw new ArgumentException("operands differ in length");
            var bytes = operands[k].Values.SelectMany(value => BitConverter.GetBytes(value).Take(size)).ToArray();
            arguments[2 + k] = session.Upload(bytes, $"operand {k}");
        }
        session.Launch("k", (rows + 255) / 256, 256, 0, arguments);
        var raw = session.Download<byte>(r, rows * result.Size());
        return [.. Enumerable.Range(0, rows).Select(i =>
        {
            ulong bits = 0;
            for (var b = 0; b < result.Size(); b++) bits |= (ulong)raw[i * result.Size() + b] << (8 * b);
            return bits;
        })];
    }

    /// <summary>Every pair of two lists.</summary>
    public static (ulong[] A, ulong[] B) Pairs(ulong[] a, ulong[] b) => ([.. a.SelectMany(x => b.Select(_ => x))], [.. a.SelectMany(_ => b)]);

    public static (ulong[] A, ulong[] B, ulong[] C) Triples(ulong[] a)
        => ([.. a.SelectMany(x => a.SelectMany(_ => a.Select(_ => x)))], [.. a.SelectMany(_ => a.SelectMany(y => a.Select(_ => y)))], [.. a.SelectMany(_ => a.SelectMany(_ => a))]);

    /// <summary>Integers at and around every edge of a width, and some without any pattern.</summary>
    public static ulong[] Integers(int bits)
    {
        var mask = bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        var random = new Random(bits);
        ulong[] values = [0, 1, 2, 3, 5, 31, 32, 33, mask, mask - 1, mask >> 1, (mask >> 1) + 1, (mask >> 1) - 1, (mask >> 1) + 2, 0xFF, 0x80, 0x7F, 0xDEADBEEFCAFEF00D, .. Enumerable.Range(0, 6).Select(_ => (ulong)random.NextInt64())];
        return [.. values.Select(v => v & mask).Distinct()];
    }

    public static readonly float[] FloatValues =
    [
        0f, -0f, 1f, -1f, 1.5f, -2.5f, 0.1f, -0.3f, 3.1415927f, 16777216f, 16777215f, -16777217f, 1e10f, -1e-10f, 65504f, 65520f, 1e-7f, 1e38f, -3e38f, float.MaxValue, float.MinValue,
        float.Epsilon, -float.Epsilon, 1.1754942E-38f, 1.1754944E-38f, 5e-39f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 0.99999994f, 1.0000001f, 2147483648f, -2147483648f, 4294967296f, 2.5f, 3.5f, -0.5f,
    ];

    public static ulong[] Floats { get; } = [.. FloatValues.Select(f => (ulong)BitConverter.SingleToUInt32Bits(f))];
    public static ulong[] Doubles { get; } =
    [
        .. FloatValues.Select(f => BitConverter.DoubleToUInt64Bits(f)),
        .. new[] { double.MaxValue, double.Epsilon, -2.2250738585072009E-308, 1e300, -1e-300, 0.1, 1.0000000000000002, 9007199254740993.0, 1.8446744073709552E19, -9.2233720368547758E18 }.Select(BitConverter.DoubleToUInt64Bits),
    ];
}
