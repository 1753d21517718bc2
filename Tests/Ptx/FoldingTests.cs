using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>
/// NVIDIA's own arithmetic without a GPU: the assembler computes instructions of constants itself, and what it stores stands in the machine code. The emulator runs the same text.
/// </summary>
[Collection(nameof(PtxasCount))]
public sealed class FoldingTests(PtxasCount count)
{
    /// <summary>An instruction, the types of its result and operands.</summary>
    static readonly (string Form, PtxType Result, PtxType[] Operands)[] Forms =
    [
        ("add.u32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("sub.s32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("mul.lo.s32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("mul.hi.u32", PtxType.B32, [PtxType.B32, PtxType.B32]),
        ("mul.hi.s32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("mul.wide.s32", PtxType.B64, [PtxType.B32, PtxType.B32]), ("mad.lo.s32", PtxType.B32, [PtxType.B32, PtxType.B32, PtxType.B32]), ("min.s32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("max.u32", PtxType.B32, [PtxType.B32, PtxType.B32]),
        ("abs.s32", PtxType.B32, [PtxType.B32]), ("shl.b32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("shr.s32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("shr.u32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("shf.l.wrap.b32", PtxType.B32, [PtxType.B32, PtxType.B32, PtxType.B32]), ("shf.r.clamp.b32", PtxType.B32, [PtxType.B32, PtxType.B32, PtxType.B32]),
        ("bfe.s32", PtxType.B32, [PtxType.B32, PtxType.B32, PtxType.B32]), ("bfe.u32", PtxType.B32, [PtxType.B32, PtxType.B32, PtxType.B32]), ("bfi.b32", PtxType.B32, [PtxType.B32, PtxType.B32, PtxType.B32, PtxType.B32]), ("brev.b32", PtxType.B32, [PtxType.B32]), ("popc.b32", PtxType.B32, [PtxType.B32]), ("clz.b32", PtxType.B32, [PtxType.B32]),
        ("prmt.b32", PtxType.B32, [PtxType.B32, PtxType.B32, PtxType.B32]), ("xor.b32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("add.sat.s32", PtxType.B32, [PtxType.B32, PtxType.B32]),
        ("add.rn.f32", PtxType.F32, [PtxType.F32, PtxType.F32]), ("mul.rn.f32", PtxType.F32, [PtxType.F32, PtxType.F32]), ("fma.rn.f32", PtxType.F32, [PtxType.F32, PtxType.F32, PtxType.F32]), ("add.rz.f32", PtxType.F32, [PtxType.F32, PtxType.F32]), ("mul.rm.f32", PtxType.F32, [PtxType.F32, PtxType.F32]), ("add.rp.f32", PtxType.F32, [PtxType.F32, PtxType.F32]),
        ("min.f32", PtxType.F32, [PtxType.F32, PtxType.F32]), ("max.f32", PtxType.F32, [PtxType.F32, PtxType.F32]), ("max.NaN.f32", PtxType.F32, [PtxType.F32, PtxType.F32]), ("neg.f32", PtxType.F32, [PtxType.F32]), ("abs.f32", PtxType.F32, [PtxType.F32]), ("mul.rn.ftz.f32", PtxType.F32, [PtxType.F32, PtxType.F32]), ("add.rn.sat.f32", PtxType.F32, [PtxType.F32, PtxType.F32]),
        ("add.rn.f64", PtxType.F64, [PtxType.F64, PtxType.F64]), ("mul.rn.f64", PtxType.F64, [PtxType.F64, PtxType.F64]), ("fma.rn.f64", PtxType.F64, [PtxType.F64, PtxType.F64, PtxType.F64]),
        ("cvt.rn.f16.f32", PtxType.B16, [PtxType.F32]), ("cvt.rz.f16.f32", PtxType.B16, [PtxType.F32]), ("cvt.f32.f16", PtxType.F32, [PtxType.B16]), ("cvt.rn.bf16.f32", PtxType.B16, [PtxType.F32]), ("cvt.rni.s32.f32", PtxType.B32, [PtxType.F32]), ("cvt.rzi.u32.f32", PtxType.B32, [PtxType.F32]), ("cvt.rmi.s64.f32", PtxType.B64, [PtxType.F32]),
        ("cvt.rpi.f32.f32", PtxType.F32, [PtxType.F32]), ("cvt.sat.f32.f32", PtxType.F32, [PtxType.F32]), ("cvt.rn.f32.s32", PtxType.F32, [PtxType.B32]), ("cvt.rz.f32.u32", PtxType.F32, [PtxType.B32]), ("cvt.rn.f32.u64", PtxType.F32, [PtxType.B64]), ("cvt.rn.f32.f64", PtxType.F32, [PtxType.F64]), ("cvt.rn.f64.s64", PtxType.F64, [PtxType.B64]),
        ("cvt.s8.s32", PtxType.B32, [PtxType.B32]), ("cvt.sat.u8.s32", PtxType.B32, [PtxType.B32]), ("add.rn.f16", PtxType.B16, [PtxType.B16, PtxType.B16]), ("fma.rn.f16", PtxType.B16, [PtxType.B16, PtxType.B16, PtxType.B16]), ("add.rn.f16x2", PtxType.B32, [PtxType.B32, PtxType.B32]), ("copysign.f32", PtxType.F32, [PtxType.F32, PtxType.F32]),
        ("set.ltu.u32.f32", PtxType.B32, [PtxType.F32, PtxType.F32]), ("set.gt.u32.s32", PtxType.B32, [PtxType.B32, PtxType.B32]), ("set.nan.u32.f32", PtxType.B32, [PtxType.F32, PtxType.F32]),
    ];

    static ulong Value(PtxType type, Random random)
    {
        var edges = type switch { PtxType.F32 => Table.Floats, PtxType.F64 => Table.Doubles, _ => Table.Integers(8 * type.Size()) };
        if (type == PtxType.B32 && random.Next(3) == 0) return (ulong)random.Next(0, 40); // shifts and positions
        return random.Next(4) == 0 && !type.IsFloat() ? (ulong)random.NextInt64() & (type.Size() == 8 ? ulong.MaxValue : (1UL << (8 * type.Size())) - 1) : edges[random.Next(edges.Length)];
    }

    [PtxasFact]
    public void What_the_assembler_computes_is_what_the_emulator_computes()
    {
        const int Rows = 40;
        var random = new Random(5);
        var body = new StringBuilder();
        var rows = new List<string>();
        foreach (var (form, result, operands) in Forms)
            for (var row = 0; row < Rows; row++)
            {
                var values = operands.Select(type => Value(type, random)).ToArray();
                body.Append("{ ").Append(Declare(result, "d"));
                for (var k = 0; k < values.Length; k++) body.Append(Declare(operands[k], $"v{k}")).Append(CultureInfo.InvariantCulture, $"mov.{(operands[k].Size() == 2 ? "b16" : operands[k].Size() == 4 ? "b32" : "b64")} v{k}, 0x{values[k]:x}; ");
                body.Append(CultureInfo.InvariantCulture, $"{form} d, {string.Join(", ", values.Select((_, k) => $"v{k}"))}; st.global.b{8 * result.Size()} [%y+{8 * rows.Count}], d; }}\n");
                rows.Add(string.Create(CultureInfo.InvariantCulture, $"{form} of {string.Join(", ", values.Select(v => $"0x{v:x}"))}"));
            }
        var text = $".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 y)\n{{\n.reg .b64 %y;\nld.param.u64 %y, [y];\n{body}ret;\n}}\n";

        var session = new Session(text, new LaunchOptions { Strict = false });
        var y = session.Upload(new ulong[rows.Count], "y");
        session.Launch("k", 1, 1, 0, y);
        var ours = session.Download<ulong>(y, rows.Count);
        var theirs = Stored(Disassemble(count.Assemble(text, 80)));
        var wrong = theirs.Where(store => (ours[store.Key / 8] & store.Value.Mask) != store.Value.Bits && !Excused(rows[store.Key / 8])).Select(store => $"{rows[store.Key / 8]} is 0x{store.Value.Bits:x}, the emulator says 0x{ours[store.Key / 8]:x}").ToList();
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {theirs.Count} differ:\n" + string.Join("\n", wrong));
        var families = theirs.Keys.Select(offset => offset / 8 / Rows).Distinct().ToHashSet();
        // Most are folded; those of which no row is, are known: the assembler leaves them to the machine.
        Assert.True(theirs.Count > 0.6 * rows.Count, $"only {theirs.Count} of {rows.Count} rows are folded; not at all: {string.Join(", ", Forms.Where((_, i) => !families.Contains(i)).Select(form => form.Form))}");
    }

    /// <summary>
    /// Where the assembler's own arithmetic is not the machine's: ptxas 12.4 takes a difference that lies exactly between two floats to the lower magnitude (1.5 - 0.3 becomes 0x3F999999
    /// where every IEEE machine has 0x3F99999A), and keeps the sign of a NaN that is converted, where the machine gives 0x7FFFFFFF.
    /// </summary>
    static bool Excused(string row)
    {
        if (row.StartsWith("cvt.rn.f32.f64 of 0xfff8", StringComparison.Ordinal)) return true;
        var sum = Regex.Match(row, "^add.rn.f32 of 0x([0-9a-f]+), 0x([0-9a-f]+)$");
        if (!sum.Success) return false;
        float Operand(int group) => BitConverter.UInt32BitsToSingle(uint.Parse(sum.Groups[group].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        var (a, b) = (Operand(1), Operand(2));
        var (exact, nearest) = ((double)a + b, a + b);
        var other = nearest < exact ? MathF.BitIncrement(nearest) : MathF.BitDecrement(nearest);
        return float.IsNegative(a) != float.IsNegative(b) && exact - nearest != 0 && exact - nearest == other - exact;
    }

    static string Declare(PtxType type, string name) => $".reg .{(type.Size() == 2 ? "b16" : type.Size() == 4 ? "b32" : "b64")} {name}; ";

    static string Disassemble(Assembly assembly)
    {
        Assert.True(assembly.Success, assembly.Log);
        var tool = Path.Combine(Path.GetDirectoryName(Ptxas.Find()!.Path)!, "nvdisasm");
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, assembly.Cubin);
            using var process = Process.Start(new ProcessStartInfo(tool, ["-c", file]) { RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return output;
        }
        finally { File.Delete(file); }
    }

    /// <summary>What straight code stores whose value is a constant: offset, bits, and which bits are stored.</summary>
    static Dictionary<int, (ulong Bits, ulong Mask)> Stored(string machine)
    {
        var registers = new Dictionary<string, uint> { ["RZ"] = 0, ["URZ"] = 0 };
        var stored = new Dictionary<int, (ulong, ulong)>();
        foreach (Match line in Regex.Matches(machine, @"/\*[0-9a-f]{4,}\*/\s+(@\S+\s+)?([A-Z0-9._]+)\s+([^;]*);"))
        {
            var (guarded, opcode, operands) = (line.Groups[1].Success, line.Groups[2].Value, line.Groups[3].Value.Split(',', StringSplitOptions.TrimEntries));
            uint? Constant(string operand)
            {
                operand = operand.Replace(".reuse", "", StringComparison.Ordinal);
                if (registers.TryGetValue(operand, out var known)) return known;
                var hex = Regex.Match(operand, @"^(-?)0x([0-9a-f]+)$");
                if (!hex.Success) return null;
                var value = uint.Parse(hex.Groups[2].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                return hex.Groups[1].Length > 0 ? 0 - value : value;
            }
            if (opcode.StartsWith("STG", StringComparison.Ordinal))
            {
                var offset = Regex.Match(operands[0], @"\+(0x[0-9a-f]+)\]");
                var at = offset.Success ? Convert.ToInt32(offset.Groups[1].Value, 16) : 0;
                var words = opcode.Contains(".128", StringComparison.Ordinal) ? 4 : opcode.Contains(".64", StringComparison.Ordinal) ? 2 : 1;
                if (guarded || words == 4) continue;
                var low = Constant(operands[1]);
                var high = words == 1 ? 0 : operands[1] == "RZ" ? 0 : Constant("R" + (int.Parse(operands[1][1..].Replace(".reuse", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) + 1));
                if (low is null || high is null) continue;
                var mask = words == 2 ? ulong.MaxValue : opcode.Contains(".U16", StringComparison.Ordinal) ? 0xFFFF : uint.MaxValue;
                stored[at] = (((ulong)high << 32 | low.Value) & mask, mask);
                continue;
            }
            if (!Regex.IsMatch(operands[0], @"^U?R\d+$")) continue;
            var number = int.Parse(operands[0].TrimStart('U')[1..], CultureInfo.InvariantCulture);
            uint? result = opcode switch
            {
                "MOV" or "UMOV" => Constant(operands[1]),
                "IMAD.MOV.U32" or "IMAD.U32" when operands[1] == "RZ" && operands[2] == "RZ" => Constant(operands[3]),
                "HFMA2.MMA" or "HFMA2" when operands[1] == "-RZ" && operands[2] == "RZ" => Halves(operands[3], operands[4]),
                "CS2R" or "CS2R.32" when operands[1] == "SRZ" => 0,
                _ => null,
            };
            void Set(string register, uint? value)
            {
                if (value is { } known && !guarded) registers[register] = known; else registers.Remove(register);
            }
            Set(operands[0], result);
            // Results of two words take the next register too.
            var pair = opcode is "CS2R" || opcode.Contains(".64", StringComparison.Ordinal) || opcode.Contains("WIDE", StringComparison.Ordinal) || opcode.StartsWith('D') || opcode.Contains("F64", StringComparison.Ordinal) || opcode.Contains("S64", StringComparison.Ordinal);
            if (pair) Set((operands[0][0] == 'U' ? "UR" : "R") + (number + 1), opcode == "CS2R" ? result : null);
        }
        return stored;
    }

    static uint? Halves(string high, string low)
        => double.TryParse(high, CultureInfo.InvariantCulture, out var h) && double.TryParse(low, CultureInfo.InvariantCulture, out var l) && double.IsFinite(h) && double.IsFinite(l)
            ? (uint)BitConverter.HalfToUInt16Bits((Half)h) << 16 | BitConverter.HalfToUInt16Bits((Half)l) : null;
}
