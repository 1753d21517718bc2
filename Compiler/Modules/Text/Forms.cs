namespace Graph.Compiler.Modules.Text;

/// <summary>How every expression, statement and pattern is written and read: one entry each.</summary>
static class Forms
{
    public static readonly FormTable<Expression> Expressions = new FormTable<Expression>()
        .Add<LiteralExpression>("lit", (w, e) => w.Type(e.Type).Constant(e.Value), (r, at) => Literal(r, at))
        .Add<EnumExpression>("enum", (w, e) => w.Name(e.Enum).Name(e.Member).Integer(e.Value), (r, at) => new(r.Name(), r.Name(), r.Integer(), at))
        .Add<VariableExpression>("var", (w, e) => w.Name(e.Name), (r, at) => new(r.Name(), at))
        .Add<CapturedExpression>("captured", (w, e) => w.Name(e.Name), (r, at) => new(r.Name(), at))
        .Add<ThisExpression>("this", (w, e) => { }, (r, at) => new(at))
        .Add<FieldExpression>("field", (w, e) => w.Node(e.Target).Name(e.Owner).Name(e.Field), (r, at) => new(r.Node(), r.Name(), r.Name(), at))
        .Add<StaticFieldExpression>("static-field", (w, e) => w.Name(e.Owner).Name(e.Field), (r, at) => new(r.Name(), r.Name(), at))
        .Add<TupleElementExpression>("element", (w, e) => w.Node(e.Target).Integer(e.Index), (r, at) => new(r.Node(), (int)r.Integer(), at))
        .Add<TensorMemberExpression>("tensor-member", (w, e) => w.Node(e.Target).Name(e.Member), (r, at) => new(r.Node(), r.Name(), at))
        .Add<TrainingExpression>("training", (w, e) => { }, (r, at) => new(at))
        .Add<NewExpression>("new", (w, e) => w.Type(e.Type).Name(e.Constructor).Nodes(e.Arguments).List(e.Members, Member), (r, at) => new(r.Type(), r.Name(), r.Nodes(), r.List(Member), at))
        .Add<NewParameterExpression>("new-parameter", (w, e) => w.Node(e.Shape).Node(e.Initializer).Node(e.Name), (r, at) => new(r.Node(), r.Node(), r.Node(), at))
        .Add<NewStateExpression>(
            "new-state",
            (w, e) => { w.Node(e.Shape).Node(e.Initializer).Node(e.Name); if (e.Lifetime is not null || e.Storage is not null) w.Node(e.Lifetime); if (e.Storage is { } storage) w.Node(storage); },
            (r, at) => new(r.Node(), r.Node(), r.Node(), r.IsAtEnd ? null : r.NullableNode(), r.IsAtEnd ? null : r.Node(), at))
        .Add<NumberArrayExpression>("numbers", (w, e) => w.Type(e.Element).Node(e.Values).Node(e.Shape), (r, at) => new(r.Type(), r.Node(), r.Node(), at))
        .Add<InitializerExpression>("init", (w, e) => w.Name(e.Name).List(e.Arguments, Named), (r, at) => new(r.Name(), r.List(Named), at))
        .Add<NewArrayExpression>("new-array", (w, e) => w.Type(e.Element).Nodes(e.Lengths), (r, at) => new(r.Type(), r.Nodes(), at))
        .Add<CollectionExpression>("collection", (w, e) => w.Type(e.Type).Nodes(e.Elements), (r, at) => new(r.Type(), r.Nodes(), at))
        .Add<SpreadExpression>("spread", (w, e) => w.Node(e.Sequence), (r, at) => new(r.Node(), at))
        .Add<TupleExpression>("tuple", (w, e) => w.Nodes(e.Elements), (r, at) => new(r.Nodes(), at))
        .Add<OperationExpression>("op", (w, e) => w.Name(e.Operation).Nodes(e.Operands).List(e.Attributes, Named), (r, at) => new(r.Name(), r.Nodes(), r.List(Named), at))
        .Add<CallExpression>("call", (w, e) => w.Node(e.Target).Name(e.Owner).Name(e.Method).Nodes(e.Arguments).Flag("virtual", e.IsVirtual), (r, at) => new(r.Node(), r.Name(), r.Name(), r.Nodes(), r.Flag(), at))
        .Add<FunctionCallExpression>("call-static", (w, e) => w.Name(e.Owner).Name(e.Method).Nodes(e.Arguments), (r, at) => new(r.Name(), r.Name(), r.Nodes(), at))
        .Add<LocalCallExpression>("call-local", (w, e) => w.Name(e.Function).Nodes(e.Arguments), (r, at) => new(r.Name(), r.Nodes(), at))
        .Add<InvokeExpression>("invoke", (w, e) => w.Node(e.Function).Nodes(e.Arguments), (r, at) => new(r.Node(), r.Nodes(), at))
        .Add<LibraryCallExpression>("library", (w, e) => w.Name(e.Function).Type(e.Type).Nodes(e.Arguments), (r, at) => new(r.Name(), r.Type(), r.Nodes(), at))
        .Add<LambdaExpression>("lambda", (w, e) => w.Names(e.Parameters).Node(e.Body), (r, at) => new(r.Names(), r.Block(), at))
        .Add<MethodGroupExpression>("method", (w, e) => w.Node(e.Target).Name(e.Owner).Name(e.Method).Flag("virtual", e.IsVirtual), (r, at) => new(r.NullableNode(), r.Name(), r.Name(), r.Flag(), at))
        .Add<UnaryExpression>("unary", (w, e) => w.Enum(e.Operator).Node(e.Operand).Type(e.Type).Flag("checked", e.IsChecked), (r, at) => new(r.Enum<UnaryOperator>(), r.Node(), r.Type(), r.Flag(), at))
        .Add<BinaryExpression>("binary", (w, e) => w.Enum(e.Operator).Type(e.Type).Flag("checked", e.IsChecked).Node(e.Left).Node(e.Right), (r, at) => Binary(r, at))
        .Add<ConvertExpression>("convert", (w, e) => w.Node(e.Operand).Type(e.From).Type(e.To).Flag("checked", e.IsChecked), (r, at) => new(r.Node(), r.Type(), r.Type(), r.Flag(), at))
        .Add<ConditionalExpression>("if", (w, e) => w.Node(e.Condition).Node(e.WhenTrue).Node(e.WhenFalse), (r, at) => new(r.Node(), r.Node(), r.Node(), at))
        .Add<CoalesceExpression>("coalesce", (w, e) => w.Node(e.Value).Node(e.WhenNull), (r, at) => new(r.Node(), r.Node(), at))
        .Add<ConditionalAccessExpression>("unless-null", (w, e) => w.Node(e.Target).Name(e.Variable).Node(e.WhenNotNull), (r, at) => new(r.Node(), r.Name(), r.Node(), at))
        .Add<IsPatternExpression>("is", (w, e) => w.Node(e.Value).Node(e.Pattern), (r, at) => new(r.Node(), r.Pattern(), at))
        .Add<SwitchExpression>("switch", (w, e) => w.Node(e.Value).List(e.Arms, Arm), (r, at) => new(r.Node(), r.List(Arm), at))
        .Add<IndexExpression>("index", (w, e) => w.Node(e.Target).Nodes(e.Indices), (r, at) => new(r.Node(), r.Nodes(), at))
        .Add<FromEndExpression>("from-end", (w, e) => w.Node(e.Value), (r, at) => new(r.Node(), at))
        .Add<RangeExpression>("range", (w, e) => w.Node(e.Start).Node(e.End), (r, at) => new(r.NullableNode(), r.NullableNode(), at))
        .Add<WithExpression>("with", (w, e) => w.Node(e.Value).List(e.Members, Member), (r, at) => new(r.Node(), r.List(Member), at))
        .Add<DefaultExpression>("default", (w, e) => w.Type(e.Type), (r, at) => new(r.Type(), at))
        .Add<InterpolationExpression>("interpolation", (w, e) => w.List(e.Parts, Part), (r, at) => new(r.List(Part), at))
        .Add<AssignExpression>("assign", (w, e) => w.Node(e.Target).Node(e.Value), (r, at) => new(r.Node(), r.Node(), at))
        .Add<UpdateExpression>("update", (w, e) => w.Node(e.Target).Name(e.Variable).Node(e.Operation).Flag("postfix", e.IsPostfix), (r, at) => new(r.Node(), r.Name(), r.Node(), r.Flag(), at))
        .Add<CoalesceAssignExpression>("coalesce-assign", (w, e) => w.Node(e.Target).Node(e.Value), (r, at) => new(r.Node(), r.Node(), at))
        .Add<DeclarationExpression>("declare", (w, e) => w.Name(e.Name), (r, at) => new(r.Name(), at))
        .Add<DiscardExpression>("discard", (w, e) => { }, (r, at) => new(at))
        .Add<AssignStateExpression>("assign-state", (w, e) => w.Node(e.State).Node(e.Value), (r, at) => new(r.Node(), r.Node(), at))
        .Add<ThrowExpression>("throw", (w, e) => w.Name(e.Exception).Node(e.Message), (r, at) => new(r.Name(), r.NullableNode(), at));

    public static readonly FormTable<Pattern> Patterns = new FormTable<Pattern>()
        .Add<ConstantPattern>("constant", (w, p) => w.Node(p.Value), (r, at) => new(r.Node(), at))
        .Add<RelationalPattern>("relation", (w, p) => w.Enum(p.Operator).Node(p.Value), (r, at) => new(r.Enum<BinaryOperator>(), r.Node(), at))
        .Add<TypePattern>("type", (w, p) => w.Type(p.Type).Name(p.Variable), (r, at) => new(r.NullableType(), r.NullableName(), at))
        .Add<DiscardPattern>("any", (w, p) => { }, (r, at) => new(at))
        .Add<PropertyPattern>(
            "members",
            (w, p) => w.Type(p.Type).List(p.Members, (m, x) => m.Form("member", f => f.Name(x.Variable).Node(x.Member).Node(x.Pattern))).Name(p.Variable),
            (r, at) => new(r.NullableType(), r.List(m => m.Form("member", f => new MemberPattern(f.Name(), f.Node(), f.Pattern())) ?? throw m.Error("a member is missing")), r.NullableName(), at))
        .Add<TuplePattern>("tuple", (w, p) => w.Nodes(p.Elements), (r, at) => new(r.List(e => e.Pattern()), at))
        .Add<ListPattern>("list", (w, p) => w.Nodes(p.Elements), (r, at) => new(r.List(e => e.Pattern()), at))
        .Add<SlicePattern>("slice", (w, p) => w.Node(p.Pattern), (r, at) => new(r.NullablePattern(), at))
        .Add<NotPattern>("not", (w, p) => w.Node(p.Pattern), (r, at) => new(r.Pattern(), at))
        .Add<AndPattern>("and", (w, p) => w.Node(p.Left).Node(p.Right), (r, at) => new(r.Pattern(), r.Pattern(), at))
        .Add<OrPattern>("or", (w, p) => w.Node(p.Left).Node(p.Right), (r, at) => new(r.Pattern(), r.Pattern(), at));

    public static readonly FormTable<Statement> Statements = new FormTable<Statement>()
        .Add<BlockStatement>("do", (w, s) => Block(w, s), (r, at) => new(Rest(r), at))
        .Add<DeclareStatement>("let", (w, s) => w.Name(s.Name).Type(s.Type).Node(s.Value), (r, at) => new(r.Name(), r.Type(), r.NullableNode(), at))
        .Add<ExpressionStatement>("eval", (w, s) => w.Node(s.Expression), (r, at) => new(r.Node(), at))
        .Add<IfStatement>("if", (w, s) => w.Node(s.Condition).Node(s.Then).Node(s.Else), (r, at) => new(r.Node(), r.Statement(), r.NullableStatement(), at))
        .Add<ForStatement>(
            "for",
            (w, s) => w.Nodes(s.Initializers).Node(s.Condition).Nodes(s.Updates).Node(s.Body),
            (r, at) => new(r.Statements(), r.NullableNode(), r.Statements(), r.Statement(), at))
        .Add<ForEachStatement>("foreach", (w, s) => w.Node(s.Target).Node(s.Sequence).Node(s.Body), (r, at) => new(r.Node(), r.Node(), r.Statement(), at))
        .Add<WhileStatement>("while", (w, s) => w.Node(s.Condition).Node(s.Body), (r, at) => new(r.Node(), r.Statement(), at))
        .Add<DoStatement>("do-while", (w, s) => w.Node(s.Body).Node(s.Condition), (r, at) => new(r.Statement(), r.Node(), at))
        .Add<SwitchStatement>("switch", (w, s) => w.Node(s.Value).List(s.Sections, Section), (r, at) => new(r.Node(), r.List(Section), at))
        .Add<ReturnStatement>("return", (w, s) => w.Node(s.Value), (r, at) => new(r.NullableNode(), at))
        .Add<BreakStatement>("break", (w, s) => { }, (r, at) => new(at))
        .Add<ContinueStatement>("continue", (w, s) => { }, (r, at) => new(at))
        .Add<LocalFunctionStatement>("function", (w, s) => w.Name(s.Name).Names(s.Parameters).Node(s.Body), (r, at) => new(r.Name(), r.Names(), r.Block(), at));

    static LiteralExpression Literal(FormReader r, Location at)
    {
        var type = r.Type();
        return new(type, r.Constant(type), at);
    }

    static BinaryExpression Binary(FormReader r, Location at)
    {
        var operation = r.Enum<BinaryOperator>();
        var type = r.Type();
        var isChecked = r.Flag();
        return new(operation, r.Node(), r.Node(), type, isChecked, at);
    }

    static void Block(FormWriter w, BlockStatement block)
    {
        foreach (var statement in block.Statements) w.Node(statement);
    }

    static EquatableArray<Statement> Rest(FormReader r)
    {
        var statements = new System.Collections.Generic.List<Statement>();
        while (!r.IsAtEnd) statements.Add(r.Statement());
        return new(statements.ToArray());
    }

    static void Member(FormWriter w, MemberValue member) => w.Form("set", f => f.Name(member.Owner).Name(member.Member).Node(member.Value));

    static MemberValue Member(FormReader r) => r.Form("set", f => new MemberValue(f.Name(), f.Name(), f.Node())) ?? throw r.Error("a member is missing");

    static void Named(FormWriter w, NamedValue value) => w.Form("named", f => f.Name(value.Name).Node(value.Value));

    static NamedValue Named(FormReader r) => r.Form("named", f => new NamedValue(f.Name(), f.Node())) ?? throw r.Error("a value is missing");

    static void Arm(FormWriter w, SwitchArm arm) => w.Form("arm", f => f.Node(arm.Pattern).Node(arm.When).Node(arm.Value));

    static SwitchArm Arm(FormReader r) => r.Form("arm", f => new SwitchArm(f.Pattern(), f.NullableNode(), f.Node())) ?? throw r.Error("an arm is missing");

    static void Part(FormWriter w, InterpolationPart part) => w.Form("part", f => f.Text(part.Text).Node(part.Value).Text(part.Format));

    static InterpolationPart Part(FormReader r) =>
        r.Form("part", f => new InterpolationPart(f.Name(), f.NullableNode(), f.NullableName())) ?? throw r.Error("a part is missing");

    static void Section(FormWriter w, SwitchSection section) =>
        w.Form("section", f => f.List(section.Labels, (l, label) => l.Form("case", c => c.Node(label.Pattern).Node(label.When))).Nodes(section.Body));

    static SwitchSection Section(FormReader r) =>
        r.Form("section", f => new SwitchSection(
            f.List(l => l.Form("case", c => new SwitchLabel(c.NullablePattern(), c.NullableNode())) ?? throw l.Error("a label is missing")),
            f.Statements())) ?? throw r.Error("a section is missing");
}
