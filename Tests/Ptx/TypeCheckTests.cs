using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>The emulator takes the operands that NVIDIA's assembler takes, and refuses those that it refuses.</summary>
[Collection(nameof(PtxasCount))]
public sealed class TypeCheckTests(PtxasCount count)
{
    static readonly string[] Registers = ["pred", "b16", "u16", "s16", "f16", "b32", "u32", "s32", "f32", "f16x2", "b64", "u64", "s64", "f64"];

    /// <summary>An instruction, and registers that it certainly takes.</summary>
    static readonly (string Form, string[] Right)[] Forms =
    [
        ("add.u32 {0}, {1}, {2};", ["u32", "u32", "u32"]), ("sub.s64 {0}, {1}, {2};", ["s64", "s64", "s64"]), ("min.u16 {0}, {1}, {2};", ["u16", "u16", "u16"]), ("neg.s32 {0}, {1};", ["s32", "s32"]),
        ("mul.wide.u16 {0}, {1}, {2};", ["u32", "u16", "u16"]), ("mad.wide.s32 {0}, {1}, {2}, {3};", ["s64", "s32", "s32", "s64"]), ("mul.hi.u32 {0}, {1}, {2};", ["u32", "u32", "u32"]), ("div.s32 {0}, {1}, {2};", ["s32", "s32", "s32"]),
        ("and.b32 {0}, {1}, {2};", ["b32", "b32", "b32"]), ("not.b16 {0}, {1};", ["b16", "b16"]), ("xor.pred {0}, {1}, {2};", ["pred", "pred", "pred"]), ("shl.b64 {0}, {1}, {2};", ["b64", "b64", "u32"]), ("shr.s32 {0}, {1}, {2};", ["s32", "s32", "u32"]),
        ("popc.b64 {0}, {1};", ["u32", "b64"]), ("clz.b32 {0}, {1};", ["u32", "b32"]), ("brev.b32 {0}, {1};", ["b32", "b32"]), ("bfe.s32 {0}, {1}, {2}, {3};", ["s32", "s32", "u32", "u32"]), ("bfi.b32 {0}, {1}, {2}, {3}, {4};", ["b32", "b32", "b32", "u32", "u32"]),
        ("lop3.b32 {0}, {1}, {2}, {3}, 7;", ["b32", "b32", "b32", "b32"]), ("prmt.b32 {0}, {1}, {2}, {3};", ["b32", "b32", "b32", "b32"]),
        ("add.rn.f32 {0}, {1}, {2};", ["f32", "f32", "f32"]), ("fma.rn.f64 {0}, {1}, {2}, {3};", ["f64", "f64", "f64", "f64"]), ("abs.f32 {0}, {1};", ["f32", "f32"]), ("ex2.approx.f32 {0}, {1};", ["f32", "f32"]), ("copysign.f32 {0}, {1}, {2};", ["f32", "f32", "f32"]),
        ("add.rn.f16 {0}, {1}, {2};", ["f16", "f16", "f16"]), ("fma.rn.f16x2 {0}, {1}, {2}, {3};", ["f16x2", "f16x2", "f16x2", "f16x2"]), ("fma.rn.bf16 {0}, {1}, {2}, {3};", ["b16", "b16", "b16", "b16"]),
        ("setp.lt.s32 {0}, {1}, {2};", ["pred", "s32", "s32"]), ("setp.geu.f64 {0}, {1}, {2};", ["pred", "f64", "f64"]), ("setp.eq.b16 {0}, {1}, {2};", ["pred", "b16", "b16"]), ("setp.eq.f16 {0}, {1}, {2};", ["pred", "f16", "f16"]),
        ("selp.b32 {0}, {1}, {2}, {3};", ["b32", "b32", "b32", "pred"]), ("selp.f32 {0}, {1}, {2}, {3};", ["f32", "f32", "f32", "pred"]), ("slct.u64.s32 {0}, {1}, {2}, {3};", ["u64", "u64", "u64", "s32"]), ("set.gt.u32.f32 {0}, {1}, {2};", ["u32", "f32", "f32"]), ("testp.normal.f32 {0}, {1};", ["pred", "f32"]),
        ("mov.b32 {0}, {1};", ["b32", "b32"]), ("mov.f32 {0}, {1};", ["f32", "f32"]), ("mov.u64 {0}, {1};", ["u64", "u64"]), ("mov.u16 {0}, {1};", ["u16", "u16"]), ("mov.pred {0}, {1};", ["pred", "pred"]),
        ("cvt.u64.u32 {0}, {1};", ["u64", "u32"]), ("cvt.s8.s32 {0}, {1};", ["s32", "s32"]), ("cvt.rn.f32.s32 {0}, {1};", ["f32", "s32"]), ("cvt.rzi.u16.f32 {0}, {1};", ["u16", "f32"]), ("cvt.f32.f16 {0}, {1};", ["f32", "f16"]), ("cvt.rn.f16.f32 {0}, {1};", ["f16", "f32"]), ("cvt.rn.bf16.f32 {0}, {1};", ["b16", "f32"]),
        ("ld.global.u8 {0}, [{1}];", ["u32", "u64"]), ("ld.global.s16 {0}, [{1}];", ["s32", "u64"]), ("ld.global.b32 {0}, [{1}];", ["b32", "b64"]), ("ld.global.f32 {0}, [{1}];", ["f32", "u64"]), ("ld.global.f64 {0}, [{1}];", ["f64", "u64"]), ("ld.shared.u32 {0}, [{1}];", ["u32", "u32"]),
        ("st.global.u8 [{1}], {0};", ["u32", "u64"]), ("st.global.b16 [{1}], {0};", ["b16", "u64"]), ("st.global.f32 [{1}], {0};", ["f32", "u64"]), ("st.shared.b64 [{1}], {0};", ["b64", "u32"]),
        ("atom.global.add.u32 {0}, [{1}], {2};", ["u32", "u64", "u32"]), ("red.global.add.f32 [{0}], {1};", ["u64", "f32"]), ("atom.global.cas.b64 {0}, [{1}], {2}, {3};", ["b64", "u64", "b64", "b64"]),
        ("shfl.sync.idx.b32 {0}, {1}, {2}, 31, {3};", ["b32", "b32", "b32", "b32"]), ("vote.sync.ballot.b32 {0}, {1}, -1;", ["b32", "pred"]), ("bar.sync {0};", ["u32"]), ("bar.warp.sync {0};", ["b32"]),
        ("cvta.to.global.u64 {0}, {1};", ["u64", "u64"]), ("add.u32 {0}, {1}, 5;", ["u32", "u32"]), ("add.u32 {0}, {1}, -5;", ["u32", "u32"]), ("mov.b64 {0}, {{{1}, {2}}};", ["b64", "b32", "b32"]), ("mov.b32 {{{0}, {1}}}, {2};", ["b16", "b16", "b32"]),
    ];

    /// <summary>Numbers where some types take them and some do not.</summary>
    static readonly string[] Others =
    [
        "add.u32 %u32, %u32, 0x1ffffffff;", "add.rn.f32 %f32, %f32, 1;", "add.rn.f32 %f32, %f32, 1.5;", "add.rn.f32 %f32, %f32, 0f3F800000;", "add.rn.f64 %f64, %f64, 1.5;", "mov.b32 %b32, 0f3F800000;", "mov.b16 %b16, 65535;", "mov.b16 %b16, -32768;",
        "add.u32 %u32, %u32, 1, 2;", "add.u32 %u32, %u32;", "add.u32.sat %u32, %u32, 1;", "shl.u32 %u32, %u32, 1;", "mul.u32 %u32, %u32, %u32;", "cvt.f32.s32 %f32, %s32;", "cvt.s32.f32 %s32, %f32;", "cvt.rn.f64.f32 %f64, %f32;", "setp.lo.s32 %pred, %s32, %s32;", "setp.lt.b32 %pred, %b32, %b32;",
        "ld.shared.nc.u32 %u32, [%u32];", "ld.global.v4.f64 {%f64, %f64, %f64, %f64}, [%u64];", "bfe.b32 %b32, %b32, 1, 2;", "neg.u32 %u32, %u32;", "fma.f32 %f32, %f32, %f32, %f32;", "lop3.b32 %b32, %b32, %b32, %b32, 256;", "add.sat.u32 %u32, %u32, %u32;", "abs.u32 %u32, %u32;",
        "mov.u32 %u32, %tid.x;", "mov.u64 %u64, %tid.x;", "max.f16 %f16, %f16, %f16;", "selp.b32 %b32, %b32, %b32, !%pred;", "setp.eq.and.u32 %pred, %u32, 1, !%pred;", "not.u32 %u32, %u32;", "and.u32 %u32, %u32, 1;", "div.f32 %f32, %f32, %f32;", "sqrt.f32 %f32, %f32;", "ex2.f32 %f32, %f32;", "rem.f32 %f32, %f32, %f32;",
    ];

    static string Module(string body) => ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n" + string.Concat(Registers.Select(type => $".reg .{type} %{type};\n")) + body + "ret;\n}\n";

    static IEnumerable<string> Lines() => Forms.SelectMany(form => Enumerable.Range(0, form.Right.Length).SelectMany(varied => Registers.Select(type =>
        string.Format(CultureInfo.InvariantCulture, form.Form, [.. form.Right.Select((right, i) => "%" + (i == varied ? type : right))])))).Concat(Others).Distinct();

    /// <summary>
    /// What the assembler takes and the emulator refuses on purpose, as nobody writes it but by mistake: a register of two halves where an integer is meant, a register wider than a
    /// float that is loaded, stored or converted, an address of less than 64 bits in global memory or of 16 anywhere, a result written twice, numbers cut off.
    /// </summary>
    static readonly Regex Stricter = new(@"%f16x2|^(ld|st)\.(global|shared)\.\S+ .*\[%[bus](16|32)\]|^(st|ld)\.shared\.\S+ .*\[%[bus]16\]|^(atom|red)\S+ .*\[%[bus](16|32)\]"
        + @"|^cvt\S*\.f\S* .*%b(32|64)|^(ld|st)\.global\.f32 .*%b64|^ld\.global\.b32 %f64|^st\.global\.b16 \[%u64\], %f(32|64)|\{%b16, %b16\}|\{.*%pred|0x1ffffffff|, 256;");

    [PtxasFact]
    public void The_assembler_takes_the_same_operands()
    {
        var lines = Lines().ToList();
        var before = Module("").Split('\n').ToList().IndexOf("ret;");
        var assembly = count.Assemble(Module(string.Join("\n", lines) + "\n"), 80);
        Assert.False(assembly.Success);
        var refused = Regex.Matches(assembly.Log, @"line (\d+); error").Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) - 1 - before).ToHashSet();
        var differences = new List<string>();
        for (var i = 0; i < lines.Count; i++)
        {
            string? refusal = null;
            try { new EmulatedDevice().Load(Module(lines[i] + "\n")); }
            catch (PtxSyntaxException exception) { refusal = exception.Message; }
            if (refusal is null && refused.Contains(i)) differences.Add($"only the assembler refuses  {lines[i]}");
            if (refusal is not null && !refused.Contains(i) && !Stricter.IsMatch(lines[i])) differences.Add($"only the emulator refuses  {lines[i]}  ({refusal})");
        }
        Assert.True(differences.Count == 0, $"{differences.Count} of {lines.Count} differ:\n" + string.Join("\n", differences));
    }
}
