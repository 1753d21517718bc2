using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>
/// What decides how a call is evaluated, as a text: the module with all that its fields hold, and the arguments; tensors and parameters by their types, and which of all these are the same object. Two calls with one
/// text are evaluated alike, with the objects of the one in the places of the other's.
/// </summary>
sealed class CallShape
{
    readonly StringBuilder text = new(4096); // used again for the next call
    readonly Dictionary<object, int> numbers = [];
    readonly ImmutableArray<object>.Builder objects = ImmutableArray.CreateBuilder<object>();

    /// <summary>The text, and the objects in the order in which they were found; null for a call that depends on something which has no text, such as a lambda.</summary>
    public (string Key, ImmutableArray<object> Objects)? Of(Instance self, IReadOnlyList<object?> arguments)
    {
        text.Clear();
        numbers.Clear();
        objects.Clear();
        return Write(self) && arguments.All(Write) ? (text.ToString(), objects.ToImmutable()) : null;
    }

    bool Write(object? value)
    {
        text.Append(' ');
        switch (value)
        {
            case null:
                text.Append('-');
                return true;
            case string word:
                text.Append('"').Append(word.Length.ToString(CultureInfo.InvariantCulture)).Append(':').Append(word);
                return true;
            case bool or char or DimValue or ScalarValue or IndexValue or RangeValue:
                text.Append(value.GetType().Name).Append(value);
                return true;
            case EnumValue member:
                text.Append(member.Enum).Append('.').Append(member.Value.ToString(CultureInfo.InvariantCulture));
                return true;
            case InitializerValue initializer:
                text.Append(initializer.Spec.Kind).Append(initializer.Spec.Scale.ToString("R", CultureInfo.InvariantCulture));
                return initializer.Spec.Kind != InitSpec.Listed;
            case TupleValue tuple:
                text.Append('(').Append(tuple.Items.Length.ToString(CultureInfo.InvariantCulture));
                return tuple.Items.All(Write);
            case float or double or Instance or ArrayValue or ListValue or Handle or Value:
                break;
            default:
                if (!Numbers.IsInteger(value)) return false; // a lambda, something unknown because of a mistake
                text.Append(value.GetType().Name).Append(value);
                return true;
        }
        if (value is float or double)
        {
            text.Append(value is float ? 'f' : 'd').Append(Numbers.ToDouble(value).ToString("R", CultureInfo.InvariantCulture));
            return true;
        }
        if (numbers.TryGetValue(value, out var known))
        {
            text.Append('#').Append(known.ToString(CultureInfo.InvariantCulture));
            return true;
        }
        numbers.Add(value, numbers.Count);
        objects.Add(value);
        switch (value)
        {
            // What a number or a size is made of, operations may look at.
            case Value tensor:
                text.Append(tensor.Type);
                return tensor.Producer is null || !tensor.Producer.Inputs.IsEmpty;
            case Handle handle:
                text.Append(handle.Kind).Append(handle.Type).Append(handle.Path is null ? '?' : '.');
                return true;
            case ArrayValue array:
                text.Append('[').Append(array.Element).Append(string.Join(",", array.Lengths));
                return !array.IsPoisoned && array.Items.All(Write);
            case ListValue list:
                text.Append('<').Append(list.Element).Append(list.Items.Count.ToString(CultureInfo.InvariantCulture));
                return !list.IsPoisoned && list.Items.All(Write);
            case Instance instance:
                text.Append(instance.Type.Name).Append(instance.Path is null ? '?' : '.').Append(instance.IsOpen ? '!' : '{');
                foreach (var field in instance.Fields)
                {
                    text.Append(' ').Append(field.Key.Owner).Append('.').Append(field.Key.Name);
                    if (!Write(field.Value)) return false;
                }
                foreach (var captured in instance.Captured)
                {
                    text.Append(" ^").Append(captured.Key.Owner).Append('.').Append(captured.Key.Name);
                    if (!Write(captured.Value)) return false;
                }
                text.Append('}');
                return true;
            default:
                return false;
        }
    }
}
