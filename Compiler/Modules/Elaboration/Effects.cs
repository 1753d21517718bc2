using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>
/// What a statement would have changed, where a mistake kept it from running to its end: whatever it could have given a value is unknown from then on. A construct that is not
/// known here is taken for one that leaves the body, so that nothing after it is looked at.
/// </summary>
sealed class Effects
{
    static readonly HashSet<string> Changing = new(StringComparer.Ordinal)
    {
        "Add", "AddRange", "Insert", "InsertRange", "Remove", "RemoveAt", "RemoveAll", "RemoveRange", "Clear", "Reverse", "Sort", "Fill", "Copy",
    };

    readonly HashSet<string> functions = new(StringComparer.Ordinal);
    readonly Scope scope;

    public Effects(Statement statement, Scope scope)
    {
        this.scope = scope;
        Visit(statement, inLoop: false, inFunction: false);
    }

    /// <summary>Local variables: declared, assigned, or bound by a pattern.</summary>
    public HashSet<string> Variables { get; } = new(StringComparer.Ordinal);

    /// <summary>Fields of the object whose code this is.</summary>
    public List<FieldExpression> Fields { get; } = [];

    /// <summary>Expressions that hold an array or list that changes.</summary>
    public List<Expression> Containers { get; } = [];

    /// <summary>Expressions that hold what is given to a call, which may change it where it is a list.</summary>
    public List<Expression> Arguments { get; } = [];

    /// <summary>Whether it may end the body, or the loop around it.</summary>
    public bool Leaves { get; private set; }

    void Visit(EquatableArray<Statement> statements, bool inLoop, bool inFunction)
    {
        foreach (var statement in statements) Visit(statement, inLoop, inFunction);
    }

    void Visit(Statement? statement, bool inLoop, bool inFunction)
    {
        switch (statement)
        {
            case null: break;
            case BlockStatement s: Visit(s.Statements, inLoop, inFunction); break;
            case DeclareStatement s:
                Variables.Add(s.Name);
                Visit(s.Value);
                break;
            case ExpressionStatement s: Visit(s.Expression); break;
            case IfStatement s:
                Visit(s.Condition);
                Visit(s.Then, inLoop, inFunction);
                Visit(s.Else, inLoop, inFunction);
                break;
            case ForStatement s:
                Visit(s.Initializers, inLoop: true, inFunction);
                Visit(s.Condition);
                Visit(s.Updates, inLoop: true, inFunction);
                Visit(s.Body, inLoop: true, inFunction);
                break;
            case ForEachStatement s:
                Assigned(s.Target);
                Visit(s.Sequence);
                Visit(s.Body, inLoop: true, inFunction);
                break;
            case WhileStatement s:
                Visit(s.Condition);
                Visit(s.Body, inLoop: true, inFunction);
                break;
            case DoStatement s:
                Visit(s.Condition);
                Visit(s.Body, inLoop: true, inFunction);
                break;
            case SwitchStatement s:
                Visit(s.Value);
                foreach (var section in s.Sections)
                {
                    foreach (var label in section.Labels)
                    {
                        Visit(label.Pattern);
                        Visit(label.When);
                    }
                    // Its breaks are the switch's own.
                    Visit(section.Body, inLoop: true, inFunction);
                }
                break;
            case ReturnStatement s:
                Leaves |= !inFunction;
                Visit(s.Value);
                break;
            case BreakStatement or ContinueStatement: Leaves |= !inLoop && !inFunction; break;
            // It does something where it is called.
            case LocalFunctionStatement: break;
            default: Leaves = true; break;
        }
    }

    void Visit(IEnumerable<Expression?> expressions)
    {
        foreach (var expression in expressions) Visit(expression);
    }

    void Visit(Expression? expression)
    {
        switch (expression)
        {
            case null or LiteralExpression or EnumExpression or VariableExpression or CapturedExpression or ThisExpression or StaticFieldExpression or TrainingExpression or DefaultExpression or DiscardExpression: break;
            case FieldExpression e: Visit(e.Target); break;
            case TupleElementExpression e: Visit(e.Target); break;
            case TensorMemberExpression e: Visit(e.Target); break;
            case NewExpression e:
                Given(e.Arguments);
                Visit(e.Members.Select(m => m.Value));
                break;
            case NewParameterExpression e: Visit([e.Shape, e.Initializer, e.Name]); break;
            case NewStateExpression e: Visit([e.Shape, e.Initializer, e.Name, e.Lifetime, e.Storage]); break;
            case NumberArrayExpression e: Visit([e.Values, e.Shape]); break;
            case InitializerExpression e: Visit(e.Arguments.Select(a => a.Value)); break;
            case NewArrayExpression e: Visit(e.Lengths); break;
            case CollectionExpression e: Visit(e.Elements); break;
            case SpreadExpression e: Visit(e.Sequence); break;
            case TupleExpression e: Visit(e.Elements); break;
            case OperationExpression e: Visit(e.Operands.Concat(e.Attributes.Select(a => a.Value))); break;
            case CallExpression e:
                Visit(e.Target);
                Given(e.Arguments);
                break;
            case FunctionCallExpression e: Given(e.Arguments); break;
            case LocalCallExpression e:
                if (functions.Add(e.Function) && scope.Function(e.Function) is { } function) Visit(function.Body, inLoop: false, inFunction: true);
                Given(e.Arguments);
                break;
            case InvokeExpression e:
                Visit(e.Function);
                Given(e.Arguments);
                break;
            case LibraryCallExpression e:
                if (e.Arguments.Count > 0 && Changing.Contains(e.Function.Substring(e.Function.LastIndexOf('.') + 1))) Containers.AddRange(e.Arguments);
                Visit(e.Arguments);
                break;
            case LambdaExpression e: Visit(e.Body, inLoop: false, inFunction: true); break;
            case MethodGroupExpression e: Visit(e.Target); break;
            case UnaryExpression e: Visit(e.Operand); break;
            case BinaryExpression e: Visit([e.Left, e.Right]); break;
            case ConvertExpression e: Visit(e.Operand); break;
            case ConditionalExpression e: Visit([e.Condition, e.WhenTrue, e.WhenFalse]); break;
            case CoalesceExpression e: Visit([e.Value, e.WhenNull]); break;
            case ConditionalAccessExpression e: Visit([e.Target, e.WhenNotNull]); break;
            case IsPatternExpression e:
                Visit(e.Value);
                Visit(e.Pattern);
                break;
            case SwitchExpression e:
                Visit(e.Value);
                foreach (var arm in e.Arms)
                {
                    Visit(arm.Pattern);
                    Visit([arm.When, arm.Value]);
                }
                break;
            case IndexExpression e: Visit(e.Indices.Prepend(e.Target)); break;
            case FromEndExpression e: Visit(e.Value); break;
            case RangeExpression e: Visit([e.Start, e.End]); break;
            case WithExpression e: Visit(e.Members.Select(m => m.Value).Prepend(e.Value)); break;
            case InterpolationExpression e: Visit(e.Parts.Select(p => p.Value)); break;
            case AssignExpression e:
                Assigned(e.Target);
                Visit(e.Value);
                break;
            case UpdateExpression e:
                Assigned(e.Target);
                Visit(e.Operation);
                break;
            case CoalesceAssignExpression e:
                Assigned(e.Target);
                Visit(e.Value);
                break;
            // A state keeps its type, whatever it is given.
            case AssignStateExpression e: Visit([e.State, e.Value]); break;
            case DeclarationExpression e: Variables.Add(e.Name); break;
            case ThrowExpression e: Visit(e.Message); break;
            default: Leaves = true; break;
        }
    }

    void Given(EquatableArray<Expression> arguments)
    {
        Arguments.AddRange(arguments);
        Visit(arguments);
    }

    void Assigned(Expression target)
    {
        switch (target)
        {
            case VariableExpression variable: Variables.Add(variable.Name); break;
            case FieldExpression { Target: ThisExpression } field: Fields.Add(field); break;
            case IndexExpression index:
                Containers.Add(index.Target);
                Visit(index);
                break;
            case TupleExpression tuple:
                foreach (var element in tuple.Elements) Assigned(element);
                break;
            case DeclarationExpression or DiscardExpression: Visit(target); break;
            default: Leaves = true; break;
        }
    }

    void Visit(Pattern? pattern)
    {
        switch (pattern)
        {
            case null or DiscardPattern or ConstantPattern or RelationalPattern: break;
            case TypePattern p: Bound(p.Variable); break;
            case PropertyPattern p:
                Bound(p.Variable);
                foreach (var member in p.Members) Visit(member.Pattern);
                break;
            case TuplePattern p:
                foreach (var element in p.Elements) Visit(element);
                break;
            case ListPattern p:
                foreach (var element in p.Elements) Visit(element);
                break;
            case SlicePattern p: Visit(p.Pattern); break;
            case NotPattern p: Visit(p.Pattern); break;
            case AndPattern p:
                Visit(p.Left);
                Visit(p.Right);
                break;
            case OrPattern p:
                Visit(p.Left);
                Visit(p.Right);
                break;
            default: Leaves = true; break;
        }
    }

    void Bound(string? variable)
    {
        if (variable is not null) Variables.Add(variable);
    }
}
