using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Conversions between element types, and elements on their way from and to memory. Numbers of 16 bits are rounded once, ties to even; bfloat16 is arithmetic on integers, which every card has.</summary>
static class PtxConversions
{
    /// <summary>A number of one element type as one of another.</summary>
    public static PtxOperand Cast(PtxWriter code, PtxOperand x, DType from, DType to)
    {
        if (from == to) return x;
        if (to == DType.Bool) return IsTrue(code, x, from);
        if (from == DType.Bool)
        {
            var of = PtxRegisters.Of(to);
            var (one, zero) = of switch
            {
                RegisterClass.Single => (PtxOperand.Single(1), PtxOperand.Single(0)),
                RegisterClass.Long => (PtxOperand.Long(1), PtxOperand.Long(0)),
                _ => (PtxOperand.Word(1), PtxOperand.Word(0)),
            };
            return code.Instruction("selp." + (of == RegisterClass.Single ? "f32" : of.Type()), of, one, zero, x);
        }
        x = InRegister(code, x);
        if (from == DType.F64) return OfDouble(code, x, to);
        if (to == DType.F64) return code.Instruction(from.IsFloat() ? "cvt.f64.f32" : "cvt.rn.f64." + (x.Class == RegisterClass.Long ? "s64" : "s32"), RegisterClass.Double, x);
        if (from.IsFloat())
        {
            if (to.IsFloat()) return to == DType.F32 ? x : Round(code, x, to);
            return to switch
            {
                DType.I64 => code.Instruction("cvt.rzi.s64.f32", RegisterClass.Long, x),
                DType.I32 => code.Instruction("cvt.rzi.s32.f32", RegisterClass.Word, x),
                DType.I8 or DType.U8 => Wrap(code, code.Instruction("cvt.rzi.s32.f32", RegisterClass.Word, x), to),
                _ => throw Unknown(to),
            };
        }
        var type = x.Class == RegisterClass.Long ? "s64" : "s32";
        switch (to)
        {
            case DType.F32: return code.Instruction("cvt.rn.f32." + type, RegisterClass.Single, x);
            case DType.F16 or DType.BF16: return Round(code, Odd(code, x, type), to);
            case DType.I64: return code.Instruction("cvt.s64.s32", RegisterClass.Long, x);
            case DType.I32: return x.Class == RegisterClass.Long ? code.Instruction("cvt.s32.s64", RegisterClass.Word, x) : x;
            case DType.I8 or DType.U8: return Wrap(code, x.Class == RegisterClass.Long ? code.Instruction("cvt.s32.s64", RegisterClass.Word, x) : x, to);
            default: throw Unknown(to);
        }
    }

    /// <summary>What an integer of 8 bits holds of a word.</summary>
    public static PtxOperand Wrap(PtxWriter code, PtxOperand word, DType type) =>
        type == DType.U8 ? code.Instruction("and.b32", RegisterClass.Word, word, PtxOperand.Word(0xFF)) : code.Instruction("cvt.s32.s8", RegisterClass.Word, word);

    // What functions that are written out need of it: no element is a float64.
    static PtxOperand OfDouble(PtxWriter code, PtxOperand x, DType to) => to switch
    {
        DType.F32 => code.Instruction("cvt.rn.f32.f64", RegisterClass.Single, x),
        DType.I32 => code.Instruction("cvt.rzi.s32.f64", RegisterClass.Word, x),
        _ => throw Unknown(to),
    };

    // Numbers in the text have no conversion.
    internal static PtxOperand InRegister(PtxWriter code, PtxOperand x) => x.IsRegister ? x : code.Copy(x);

    static PtxOperand IsTrue(PtxWriter code, PtxOperand x, DType from) => PtxRegisters.Of(from) switch
    {
        RegisterClass.Single => code.Compare("neu", "f32", x, PtxOperand.Single(0)),
        RegisterClass.Long => code.Compare("ne", "s64", x, PtxOperand.Long(0)),
        RegisterClass.Word => code.Compare("ne", "s32", x, PtxOperand.Word(0)),
        _ => x,
    };

    // A float32 towards zero, whose last bit says that there was more: what rounds that to fewer bits rounds the integer itself.
    static PtxOperand Odd(PtxWriter code, PtxOperand x, string type)
    {
        var cut = code.Instruction("cvt.rz.f32." + type, RegisterClass.Single, x);
        // Back again a float beyond the type's end would be cut off at it: its last bits say nothing then, for 16 bits hold less.
        var differs = code.Compare("ne", type, code.Instruction($"cvt.rzi.{type}.f32", x.Class, cut), x);
        var bits = code.Instruction("mov.b32", RegisterClass.Word, cut);
        return code.Instruction("mov.b32", RegisterClass.Single, code.Instruction("or.b32", RegisterClass.Word, bits, code.Instruction("selp.b32", RegisterClass.Word, PtxOperand.Word(1), PtxOperand.Word(0), differs)));
    }

    /// <summary>A float32 as the nearest number of a type of 16 bits, still in float32.</summary>
    public static PtxOperand Round(PtxWriter code, PtxOperand x, DType type) => Widened(code, Narrowed(code, x, type), type);

    /// <summary>A float32 rounded to 16 bits, as they lie in memory.</summary>
    public static PtxOperand Narrowed(PtxWriter code, PtxOperand x, DType type)
    {
        x = InRegister(code, x);
        if (type == DType.F16) return code.Instruction("cvt.rn.f16.f32", RegisterClass.Half, x);
        if (type != DType.BF16) throw Unknown(type);
        var bits = code.Instruction("mov.b32", RegisterClass.Word, x);
        var upper = code.Instruction("shr.u32", RegisterClass.Word, bits, PtxOperand.Word(16));
        var even = code.Instruction("and.b32", RegisterClass.Word, upper, PtxOperand.Word(1));
        var rounded = code.Instruction("add.s32", RegisterClass.Word, code.Instruction("add.s32", RegisterClass.Word, bits, PtxOperand.Word(0x7FFF)), even);
        rounded = code.Instruction("shr.u32", RegisterClass.Word, rounded, PtxOperand.Word(16));
        // A NaN stays one.
        var none = code.Instruction("or.b32", RegisterClass.Word, upper, PtxOperand.Word(0x40));
        return code.Instruction("cvt.u16.u32", RegisterClass.Half, code.Instruction("selp.b32", RegisterClass.Word, none, rounded, code.Compare("nan", "f32", x, x)));
    }

    /// <summary>What 16 bits of memory stand for, in float32.</summary>
    public static PtxOperand Widened(PtxWriter code, PtxOperand x, DType type)
    {
        if (type == DType.F16) return code.Instruction("cvt.f32.f16", RegisterClass.Single, x);
        if (type != DType.BF16) throw Unknown(type);
        var bits = code.Instruction("shl.b32", RegisterClass.Word, code.Instruction("cvt.u32.u16", RegisterClass.Word, x), PtxOperand.Word(16));
        return code.Instruction("mov.b32", RegisterClass.Single, bits);
    }

    /// <summary>The element at an address, in a register of its type.</summary>
    /// <param name="code">Where it is written.</param>
    /// <param name="space">The state space: <c>global</c> or <c>shared</c>.</param>
    /// <param name="type">The storage type.</param>
    /// <param name="address">A register and perhaps an offset in bytes, in brackets.</param>
    public static PtxOperand Load(PtxWriter code, string space, DType type, string address)
    {
        PtxOperand From(string width, RegisterClass of) => code.Instruction($"ld.{space}.{width}", of, new PtxOperand(of, address));
        return type switch
        {
            DType.F32 => From("f32", RegisterClass.Single),
            DType.F16 or DType.BF16 => Widened(code, From("b16", RegisterClass.Half), type),
            DType.I64 => From("s64", RegisterClass.Long),
            DType.I32 => From("s32", RegisterClass.Word),
            DType.I8 => From("s8", RegisterClass.Word),
            DType.U8 => From("u8", RegisterClass.Word),
            DType.Bool => code.Compare("ne", "s32", From("u8", RegisterClass.Word), PtxOperand.Word(0)),
            _ => throw Unknown(type),
        };
    }

    /// <summary>Writes an element, rounded to its storage type.</summary>
    /// <inheritdoc cref="Load"/>
    public static void Store(PtxWriter code, string space, DType type, string address, PtxOperand value)
    {
        void To(string width, PtxOperand x) => code.Do($"st.{space}.{width} {address}, {x}");
        switch (type)
        {
            case DType.F32: To("f32", value); break;
            case DType.F16 or DType.BF16: To("b16", Narrowed(code, value, type)); break;
            case DType.I64: To("s64", value); break;
            case DType.I32: To("s32", value); break;
            case DType.I8 or DType.U8: To(type == DType.I8 ? "s8" : "u8", InRegister(code, value)); break;
            case DType.Bool: To("u8", Cast(code, value, DType.Bool, DType.I32)); break;
            default: throw Unknown(type);
        }
    }

    /// <summary>Four elements that lie behind one another, at a multiple of their size.</summary>
    public static PtxOperand[] LoadFour(PtxWriter code, DType type, string address)
    {
        var (width, of) = Of(type);
        PtxOperand[] four = [code.Register(of), code.Register(of), code.Register(of), code.Register(of)];
        code.Do($"ld.global.v4.{width} {{{four[0]}, {four[1]}, {four[2]}, {four[3]}}}, {address}");
        return of == RegisterClass.Half ? [.. four.Select(x => Widened(code, x, type))] : four;
    }

    /// <summary>Writes four elements, rounded to their storage type.</summary>
    public static void StoreFour(PtxWriter code, DType type, string address, IEnumerable<PtxOperand> values)
    {
        var (width, of) = Of(type);
        code.Do($"st.global.v4.{width} {address}, {{{string.Join(", ", values.Select(x => of == RegisterClass.Half ? Narrowed(code, x, type) : InRegister(code, x)))}}}");
    }

    static (string Width, RegisterClass Class) Of(DType type) => type switch
    {
        DType.F32 => ("f32", RegisterClass.Single),
        DType.I32 => ("b32", RegisterClass.Word),
        DType.F16 or DType.BF16 => ("b16", RegisterClass.Half),
        DType.I8 => ("s8", RegisterClass.Word),
        DType.U8 => ("u8", RegisterClass.Word),
        _ => throw Unknown(type),
    };

    /// <summary>Copies an element, bit by bit.</summary>
    public static void Move(PtxWriter code, DType type, string to, string from)
    {
        var (width, of) = type.Size() switch { 1 => ("b8", RegisterClass.Word), 2 => ("b16", RegisterClass.Half), 4 => ("b32", RegisterClass.Word), 8 => ("b64", RegisterClass.Long), _ => throw Unknown(type) };
        code.Do($"st.global.{width} {to}, {code.Instruction("ld.global." + width, of, new PtxOperand(of, from))}");
    }

    static NotSupportedException Unknown(DType type) => new($"The PTX target has no memory for {type.Name()}.");
}
