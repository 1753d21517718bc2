using System;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>mov (registers, numbers, special registers, addresses of variables, packing and unpacking), cvta, isspacep.</summary>
static class Moves
{
    static readonly PtxType[] Types = [PtxType.B16, PtxType.B32, PtxType.B64, PtxType.U16, PtxType.U32, PtxType.U64, PtxType.S16, PtxType.S32, PtxType.S64, PtxType.F32, PtxType.F64];

    struct Same<T> : IUnary<T, T> { public static T Apply(T a) => a; }

    public static void Register()
    {
        InstructionSet.Add("mov", Mov);
        InstructionSet.Add("cvta", Cvta);
        InstructionSet.Add("isspacep", IsSpace);
    }

    static unsafe Instruction Mov(Site site)
    {
        if (site.Next == "pred")
        {
            site.TakeType(PtxType.Pred);
            site.Done(2);
            var p = site.WritePredicate(site[0]);
            var q = site.ReadPredicate(site[1]);
            return new OfWarp((warp, lanes) => warp.P[p] = warp.P[p] & ~lanes | warp.P[q] & lanes);
        }
        if (site.Next == "b128") throw site.Refuse("mov.b128 is not modelled.");
        var type = site.TakeType(Types);
        site.Done(2);
        if (site[0] is VectorOperand parts) return Unpack(site, type, parts);
        var t = Shapes.Raw(type);
        var make = typeof(Unary<,,>).MakeGenericType(t, t, typeof(Same<>).MakeGenericType(t));
        switch (site[1])
        {
            case VectorOperand elements: return PackElements(site, type, elements);
            case SpecialOperand special:
                var register = site.Builder.Special(special.Name, special);
                if (!type.Accepts(register.Type)) throw site.Refuse($"{special.Name} is .{register.Type.Name()}.");
                return Shapes.Make(make, site.Write(0, type), register.Offset);
            case NameOperand name when site.Statement.Scope.Find(name.Name) is Variable variable:
                if (variable.Space == StateSpace.Param && !site.Builder.AddressOf(variable).Entry) throw site.Refuse("the address of a parameter of a call cannot be taken.");
                if (type is not (PtxType.U32 or PtxType.B32 or PtxType.U64 or PtxType.B64 or PtxType.S64 or PtxType.S32)) throw site.Refuse("an address is a value of 32 or 64 bits.");
                var (space, address, _) = site.Builder.AddressOf(variable);
                if (type.Size() == 4 && space is not (StateSpace.Shared or StateSpace.Local or StateSpace.Param)) throw site.Refuse($"the address of '{name.Name}' has 64 bits.");
                return Shapes.Make(make, site.Write(0, type), site.Builder.Constant(address + (ulong)name.Offset, type.Size()));
            default:
                return Shapes.Make(make, site.Write(0, type), site.Read(1, type));
        }
    }

    static PtxType Part(Site site, PtxType type, int count)
    {
        if (!type.IsBits()) throw site.Refuse("packing and unpacking are of untyped values (.b32, .b64).");
        return (8 * type.Size() / count) switch
        {
            8 => PtxType.B8,
            16 => PtxType.B16,
            32 => PtxType.B32,
            _ => throw site.Refuse($"{count} parts do not make a value of .{type.Name()}."),
        };
    }

    static unsafe Instruction Unpack(Site site, PtxType type, VectorOperand parts)
    {
        var part = Part(site, type, parts.Elements.Count);
        var a = site.Read(1, type);
        var to = new int?[parts.Elements.Count];
        for (var k = 0; k < to.Length; k++) to[k] = parts.Elements[k] is SinkOperand ? null : site.Write(parts.Elements[k], part);
        var (whole, size) = (type.Size(), part.Size());
        return new PerLane((warp, i) =>
        {
            var bits = Raw.Read(warp.Read(a) + i * whole, whole);
            for (var k = 0; k < to.Length; k++)
                if (to[k] is { } d) Raw.Write(warp.Write(d) + i * size, size, bits >> (8 * size * k));
        });
    }

    static unsafe Instruction PackElements(Site site, PtxType type, VectorOperand elements)
    {
        var part = Part(site, type, elements.Elements.Count);
        var d = site.Write(0, type);
        var from = new int[elements.Elements.Count];
        for (var k = 0; k < from.Length; k++) from[k] = site.Read(elements.Elements[k], part);
        var (whole, size) = (type.Size(), part.Size());
        return new PerLane((warp, i) =>
        {
            ulong bits = 0;
            for (var k = 0; k < from.Length; k++) bits |= Raw.Read(warp.Read(from[k]) + i * size, size) << (8 * size * k);
            Raw.Write(warp.Write(d) + i * whole, whole, bits);
        });
    }

    struct ToShared : IUnary<ulong, ulong> { public static ulong Apply(ulong a) => a - AddressSpace.SharedWindow; }
    struct FromShared : IUnary<ulong, ulong> { public static ulong Apply(ulong a) => a + AddressSpace.SharedWindow; }
    struct ToLocal : IUnary<ulong, ulong> { public static ulong Apply(ulong a) => a - AddressSpace.LocalWindow; }
    struct FromLocal : IUnary<ulong, ulong> { public static ulong Apply(ulong a) => a + AddressSpace.LocalWindow; }

    static Instruction Cvta(Site site)
    {
        var to = site.Take("to");
        var space = site.Expect("global", "shared", "local", "const");
        if (space == "shared") site.TakeAny(":cta");
        site.TakeType(PtxType.U64);
        site.Done(2);
        var operation = (space, to) switch
        {
            ("shared", true) => typeof(ToShared),
            ("shared", false) => typeof(FromShared),
            ("local", true) => typeof(ToLocal),
            ("local", false) => typeof(FromLocal),
            _ => typeof(Same<ulong>), // global and constant memory lie in generic addresses where they are
        };
        var make = typeof(Unary<,,>).MakeGenericType(typeof(ulong), typeof(ulong), operation);
        if (site[1] is NameOperand name && site.Statement.Scope.Find(name.Name) is Variable variable)
        {
            if (to) throw site.Refuse("a variable's address lies in its own space already.");
            var (where, address, _) = site.Builder.AddressOf(variable);
            if (where.ToString().ToLowerInvariant() != space) throw site.Refuse($"'{name.Name}' does not lie in .{space}.");
            return Shapes.Make(make, site.Write(0, PtxType.U64), site.Builder.Constant(address + (ulong)name.Offset, 8));
        }
        return Shapes.Make(make, site.Write(0, PtxType.U64), site.Read(1, PtxType.U64));
    }

    static unsafe Instruction IsSpace(Site site)
    {
        var space = site.Expect("global", "shared", "local", "const");
        site.Done(2);
        var p = site.WritePredicate(site[0]);
        var a = site.Read(1, PtxType.U64);
        return new PerLane((warp, i) =>
        {
            var address = ((ulong*)warp.Read(a))[i];
            var where = DeviceMemory.SpaceOf(address);
            var holds = space switch
            {
                "shared" => where == StateSpace.Shared,
                "local" => where == StateSpace.Local,
                "const" => warp.Launch.Memory.Find(address)?.Space == StateSpace.Const,
                _ => where == StateSpace.Global && warp.Launch.Memory.Find(address)?.Space != StateSpace.Const,
            };
            if (p >= 0) warp.P[p] = holds ? warp.P[p] | 1u << i : warp.P[p] & ~(1u << i);
        });
    }
}
