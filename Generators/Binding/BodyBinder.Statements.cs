using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace Graph.Generators.Binding;

partial class BodyBinder
{
    BlockStatement Block(IBlockOperation block) => new(Statements(block.Operations), At(block));

    EquatableArray<Statement> Statements(IEnumerable<IOperation> operations)
    {
        var result = new List<Statement>();
        foreach (var operation in operations) Statement(operation, result);
        return new EquatableArray<Statement>(result.ToArray());
    }

    /// <summary>One statement where the language wants one; several (<c>int a = 1, b = 2;</c>) become a block.</summary>
    Statement Statement(IOperation operation)
    {
        var result = new List<Statement>();
        Statement(operation, result);
        return result.Count == 1 ? result[0] : new BlockStatement(new EquatableArray<Statement>(result.ToArray()), At(operation));
    }

    void Statement(IOperation operation, List<Statement> result)
    {
        context.Cancellation.ThrowIfCancellationRequested();
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (operation)
        {
            case IBlockOperation block: result.Add(Block(block)); break;
            case IEmptyOperation: break;
            case IVariableDeclarationGroupOperation group: Declarations(group, result); break;
            case IExpressionStatementOperation statement: result.Add(new ExpressionStatement(Expression(statement.Operation), At(operation))); break;
            case IConditionalOperation conditional: result.Add(If(conditional)); break;
            case IForLoopOperation loop: result.Add(For(loop)); break;
            case IForEachLoopOperation loop: result.Add(ForEach(loop)); break;
            case IWhileLoopOperation loop: result.Add(While(loop)); break;
            case ISwitchOperation choice: result.Add(Switch(choice)); break;
            case IReturnOperation { Kind: OperationKind.Return } leave: result.Add(Return(leave)); break;
            case IReturnOperation: Unsupported(operation, "yield"); break;
            case IBranchOperation { BranchKind: BranchKind.Break }: result.Add(new BreakStatement(At(operation))); break;
            case IBranchOperation { BranchKind: BranchKind.Continue }: result.Add(new ContinueStatement(At(operation))); break;
            case IBranchOperation or ILabeledOperation: Unsupported(operation, "goto"); break;
            case ILocalFunctionOperation function: result.Add(LocalFunction(function)); break;
            case IThrowOperation raise: result.Add(new ExpressionStatement(Throw(raise), At(operation))); break;
            case ITryOperation: Unsupported(operation, "try"); break;
            case IUsingOperation or IUsingDeclarationOperation: Unsupported(operation, "using"); break;
            case ILockOperation: Unsupported(operation, "lock"); break;
            case IInvalidOperation: Invalid(operation); break;
            default:
                // An expression body without a value, and statements that have no operation of their own (unsafe, fixed).
                if (operation.Syntax is StatementSyntax) Unsupported(operation, "this statement");
                else result.Add(new ExpressionStatement(Expression(operation), At(operation)));
                break;
        }
    }

    void Declarations(IVariableDeclarationGroupOperation group, List<Statement> result)
    {
        foreach (var declaration in group.Declarations)
            foreach (var declarator in declaration.Declarators)
            {
                if (declarator.Symbol.RefKind != RefKind.None) context.Report(Descriptors.ByReference, At(declarator), declarator.Symbol.Name);
                var value = declarator.GetVariableInitializer() is { } initializer ? Expression(initializer.Value) : null;
                result.Add(new DeclareStatement(Name(declarator.Symbol), Type(declarator.Symbol.Type, declarator), value, At(declarator)));
            }
    }

    IfStatement If(IConditionalOperation conditional) => new(
        Expression(conditional.Condition), Statement(conditional.WhenTrue), conditional.WhenFalse is { } other ? Statement(other) : null, At(conditional));

    ForStatement For(IForLoopOperation loop) => new(
        Statements(loop.Before), loop.Condition is { } condition ? Expression(condition) : null, Statements(loop.AtLoopBottom), Statement(loop.Body), At(loop));

    Statement ForEach(IForEachLoopOperation loop)
    {
        if (loop.IsAsynchronous) Unsupported(loop, "await foreach");
        // C# says itself what to write instead: Tensor.GetEnumerator is there for that.
        var sequence = KnownTypes.IsTensor(loop.Collection.Type) ? Invalid(loop.Collection) : Expression(loop.Collection);
        var target = loop.LoopControlVariable switch
        {
            IVariableDeclaratorOperation variable => new DeclarationExpression(Name(variable.Symbol), At(variable)),
            { } other => Target(other),
            null => Invalid(loop),
        };
        return new ForEachStatement(target, sequence, Statement(loop.Body), At(loop));
    }

    Statement While(IWhileLoopOperation loop)
    {
        if (loop.Condition is null) return new ExpressionStatement(Invalid(loop), At(loop));
        return loop.ConditionIsTop
            ? new WhileStatement(Expression(loop.Condition), Statement(loop.Body), At(loop))
            : new DoStatement(Statement(loop.Body), Expression(loop.Condition), At(loop));
    }

    SwitchStatement Switch(ISwitchOperation choice)
    {
        var value = Expression(choice.Value);
        var sections = choice.Cases.Select(section => new SwitchSection(section.Clauses.Select(Label).ToEquatableArray(), Statements(section.Body)));
        return new SwitchStatement(value, sections.ToEquatableArray(), At(choice));
    }

    SwitchLabel Label(ICaseClauseOperation clause)
    {
        switch (clause)
        {
            case IDefaultCaseClauseOperation:
                return new SwitchLabel(null, null);
            case ISingleValueCaseClauseOperation single:
                return new SwitchLabel(new ConstantPattern(Expression(single.Value), At(single)), null);
            case IPatternCaseClauseOperation pattern:
                return new SwitchLabel(Pattern(pattern.Pattern), pattern.Guard is { } guard ? Expression(guard) : null);
            default:
                Unsupported(clause, "this case");
                return new SwitchLabel(new DiscardPattern(At(clause)), null);
        }
    }

    Statement Return(IReturnOperation leave)
    {
        // An expression body of a void method is `return` without syntax of its own around an expression.
        var value = leave.ReturnedValue is { } returned ? Expression(returned) : null;
        return new ReturnStatement(value, At(leave));
    }

    LocalFunctionStatement LocalFunction(ILocalFunctionOperation function)
    {
        CheckForm(function.Symbol, function);
        Declare(function.Symbol.Parameters);
        return new(
            Name(function.Symbol), function.Symbol.Parameters.Select(p => Name(p)).ToEquatableArray(),
            Body(function.Body, At(function)), At(function));
    }

    /// <summary>Reports what no function of the language may be: generic, asynchronous, an iterator, or with parameters by reference.</summary>
    void CheckForm(IMethodSymbol method, IOperation at)
    {
        if (method.IsGenericMethod) context.Report(Descriptors.Generic, At(at), method.Name);
        if (method.IsAsync) context.Report(Descriptors.Unsupported, At(at), "async");
        foreach (var parameter in method.Parameters)
            if (parameter.RefKind != RefKind.None) context.Report(Descriptors.ByReference, context.At(parameter), parameter.Name);
    }
}
