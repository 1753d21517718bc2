using Graph.Compiler.Ir;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Tensors as the bytes of a device.</summary>
static class DeviceBytes
{
    public static byte[] Of(TensorData data)
    {
        var bytes = new byte[data.Size * data.DType.Size()];
        var to = new Graph.Tests.Toy.Pointer(bytes, 0, data.DType);
        for (long i = 0; i < data.Size; i++) to.Store(i, data.DType.IsFloat() ? Graph.Tests.Toy.Number.Of(data.Real[i]) : Graph.Tests.Toy.Number.Of(data.Int[i]));
        return bytes;
    }

    public static TensorData To(byte[] bytes, DType type, long[] shape)
    {
        var data = new TensorData(type, shape);
        var from = new Graph.Tests.Toy.Pointer(bytes, 0, type);
        for (long i = 0; i < data.Size; i++)
            if (type.IsFloat()) data.Real[i] = from.Load(i).Real;
            else data.Int[i] = from.Load(i).Whole;
        return data;
    }
}
