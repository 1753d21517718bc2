using System;
using System.Collections.Generic;
using System.ComponentModel;

namespace Graph;

// What other frameworks have and a compiled model has not. Each member is there so that the C# compiler says what to write instead.
public partial class Tensor
{
    /// <summary>Not possible: operations take all rows at once.</summary>
    [Obsolete("Operations take all rows of a tensor at once, so no loop over them is needed: write the operation on the whole tensor, or take it apart with Split or Slice.", error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    public IEnumerator<Tensor> GetEnumerator() => throw new NotSupportedException();

    /// <summary>Not possible: the numbers of a tensor are not known while the model is compiled.</summary>
    [Obsolete("The numbers of a tensor are not known while the model is compiled, so nothing branches on them: choose between tensors with Tensor.Where(condition, yes, no).", error: true)]
    public static bool operator true(Tensor condition) => throw new NotSupportedException();

    /// <summary>Not possible: the numbers of a tensor are not known while the model is compiled.</summary>
    [Obsolete("The numbers of a tensor are not known while the model is compiled, so nothing branches on them: choose between tensors with Tensor.Where(condition, yes, no).", error: true)]
    public static bool operator false(Tensor condition) => throw new NotSupportedException();
}
