using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.PtxEmulator;

/// <summary>Decodes a kernel and every function that it calls into one program; there is no recursion, so that each register and variable has one fixed place.</summary>
sealed unsafe class ProgramBuilder
{
    readonly Program program;
    readonly Dictionary<Register, RegisterSlot> slots = [];
    readonly Dictionary<(ulong, int), int> constants = [];
    readonly List<byte> constantBytes = [];
    readonly Dictionary<string, Special> specials = new(StringComparer.Ordinal);
    readonly Dictionary<Variable, (StateSpace Space, long Offset)> places = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Label, int> labels = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Function, int> starts = [];
    readonly IReadOnlyDictionary<Variable, Region> variables;

    ProgramBuilder(PtxModule module, Function kernel, IReadOnlyDictionary<Variable, Region> variables)
    {
        Module = module;
        this.variables = variables;
        program = new Program(module, kernel);
    }

    public PtxModule Module { get; }
    public Program Program => program;

    /// <summary>Decodes a kernel; <paramref name="variables"/> says where the module's global and constant variables lie.</summary>
    public static Program Build(PtxModule module, Function kernel, IReadOnlyDictionary<Variable, Region> variables) => new ProgramBuilder(module, kernel, variables).Run();

    Program Run()
    {
        var functions = new List<Function>();
        Reach(program.Function, functions, []);
        Place(functions);
        var pc = 0;
        foreach (var function in functions)
        {
            starts[function] = pc;
            foreach (var statement in function.Body)
                if (statement is LabelStatement label) labels[label.Label] = pc;
                else pc++;
            pc++; // the return at the end
        }
        var code = new List<Instruction>(pc);
        foreach (var function in functions)
        {
            foreach (var statement in function.Body.OfType<InstructionStatement>()) code.Add(Decode(statement, function));
            code.Add(new Return { Owner = function });
        }
        for (var i = 0; i < code.Count; i++) code[i].Pc = i;
        program.Code = [.. code];
        program.RegisterCount = program.RegisterNames.Count;
        program.ConstantBytes = GC.AllocateArray<byte>(Math.Max(8, constantBytes.Count), pinned: true);
        constantBytes.CopyTo(program.ConstantBytes);
        fixed (byte* k = program.ConstantBytes) program.Constants = k;
        return program;
    }

    Instruction Decode(InstructionStatement statement, Function function)
    {
        var site = new Site(statement, this);
        var instruction = InstructionSet.Decode(site);
        instruction.Statement = statement;
        instruction.Owner = function;
        instruction.Reads = site.Reads;
        instruction.Writes = site.Writes;
        if (statement.Guard is { } guard)
        {
            if (statement.Scope.Find(guard.Name) is not Register { Type: PtxType.Pred } register) throw new PtxSyntaxException(guard.NameSpan.Start, $"'{guard.Name}' is no predicate register.");
            instruction.Guard = Slot(register).Index;
            instruction.GuardNegated = guard.Negated;
        }
        return instruction;
    }

    void Reach(Function function, List<Function> reached, List<Function> path)
    {
        if (path.Contains(function)) throw new PtxSyntaxException(function.Position, $"'{function.Name}' calls itself; recursion is not modelled.");
        if (reached.Contains(function)) return;
        reached.Add(function);
        path.Add(function);
        foreach (var call in function.Body.OfType<InstructionStatement>().Where(statement => statement.Opcode == "call"))
            foreach (var name in call.Operands.OfType<NameOperand>())
                if (call.Scope.Find(name.Name) is Function callee) Reach(callee, reached, path);
        path.Remove(function);
    }

    /// <summary>Lays out everything that has an address: the kernel's parameters, shared, local and parameter variables.</summary>
    void Place(List<Function> functions)
    {
        long entry = 0, param = 0, local = 0, shared = 0;
        Variable? dynamic = null;
        var sharedAlign = 16;
        void Put(Variable variable, ref long size)
        {
            size = (size + variable.Align - 1) / variable.Align * variable.Align;
            places[variable] = (variable.Space, size);
            size += variable.Size;
        }
        foreach (var parameter in program.Function.Parameters) Put(parameter, ref entry);
        foreach (var function in functions)
        {
            if (function != program.Function)
                foreach (var formal in function.Parameters.Concat(function.Results).Where(formal => formal.Space == StateSpace.Param)) Put(formal, ref param);
            foreach (var statement in function.Body.OfType<InstructionStatement>())
                foreach (var name in statement.Operands.SelectMany(Names))
                    if (statement.Scope.Find(name) is Variable variable && !places.ContainsKey(variable))
                        switch (variable.Space)
                        {
                            case StateSpace.Local: Put(variable, ref local); break;
                            case StateSpace.Param: Put(variable, ref param); break;
                            case StateSpace.Shared when variable.Count == 0: dynamic = variable; places[variable] = (StateSpace.Shared, -1); sharedAlign = Math.Max(sharedAlign, variable.Align); break;
                            case StateSpace.Shared: Put(variable, ref shared); break;
                        }
        }
        shared = dynamic is null ? shared : (shared + sharedAlign - 1) / sharedAlign * sharedAlign;
        // All arrays without a size begin where the sized ones end.
        foreach (var variable in places.Keys.Where(variable => variable is { Space: StateSpace.Shared, Count: 0 }).ToList()) places[variable] = (StateSpace.Shared, shared);
        (program.EntryBytes, program.ParamBytes, program.LocalBytes, program.SharedStatic) = ((int)entry, (int)param, (int)local, (int)shared);
    }

    static IEnumerable<string> Names(Operand operand) => operand switch
    {
        NameOperand name => [name.Name],
        AddressOperand { Base: { } address } => Names(address),
        VectorOperand vector => vector.Elements.SelectMany(Names),
        ListOperand list => list.Elements.SelectMany(Names),
        NegatedOperand negated => Names(negated.Inner),
        PairOperand pair => Names(pair.First).Concat(Names(pair.Second)),
        _ => [],
    };

    public RegisterSlot Slot(Register register)
    {
        if (slots.TryGetValue(register, out var slot)) return slot;
        slot = new RegisterSlot(program.RegisterNames.Count, program.RegisterBytes, register.Name, register.Type);
        program.RegisterNames.Add(register.Name);
        program.RegisterBytes += 32 * register.Type.Size();
        return slots[register] = slot;
    }

    public int Constant(ulong bits, int size)
    {
        if (constants.TryGetValue((bits, size), out var at)) return at;
        at = ~constantBytes.Count;
        for (var lane = 0; lane < 32; lane++)
            for (var i = 0; i < size; i++) constantBytes.Add((byte)(bits >> (8 * i)));
        return constants[(bits, size)] = at;
    }

    public Special Special(string name, Operand operand)
    {
        if (specials.TryGetValue(name, out var special)) return special;
        if (PtxEmulator.Special.TypeOf(name) is not { } type) throw new PtxSyntaxException(operand.Span.Start, $"the special register {name} is not modelled.");
        special = new Special(name, type, program.RegisterBytes);
        program.RegisterBytes += 32 * type.Size();
        program.Specials.Add(special);
        return specials[name] = special;
    }

    /// <summary>The address of a variable within its state space, and which bytes it has.</summary>
    public (StateSpace Space, ulong Address, bool Entry) AddressOf(Variable variable)
    {
        if (variables.TryGetValue(variable, out var region)) return (variable.Space, region.Base, false);
        var (space, offset) = places[variable];
        var entry = program.Function.Parameters.Contains(variable);
        return (space, (ulong)offset + space switch { StateSpace.Shared => AddressSpace.Shared, StateSpace.Local => AddressSpace.Local, _ => 0 }, entry);
    }

    public int Target(Operand operand, Scope scope) => operand is NameOperand name && scope.Find(name.Name) is Label label
        ? labels[label]
        : throw new PtxSyntaxException(operand.Span.Start, "a label is expected here.");

    public Function Callee(Operand operand, Scope scope) => operand is NameOperand name && scope.Find(name.Name) is Function { IsEntry: false } function
        ? function
        : throw new PtxSyntaxException(operand.Span.Start, "a function (.func) of this module is expected here.");

    public int Start(Function function) => starts[function];

    /// <summary>The registers of a function, which hold nothing when it is called; complete once everything is decoded.</summary>
    public int[] RegistersOf(Function function)
    {
        var own = new HashSet<int>();
        foreach (var instruction in program.Code)
            if (instruction.Owner == function)
            {
                own.UnionWith(instruction.Reads);
                own.UnionWith(instruction.Writes);
                if (instruction.Guard >= 0) own.Add(instruction.Guard);
            }
        return [.. own];
    }
}
