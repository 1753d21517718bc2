namespace Graph.Runtime.Parameters;

/// <summary>A tensor's numbers on a device, which may be newer than the processor's.</summary>
interface IDeviceTensor
{
    /// <summary>Sees to it that the processor has the numbers that are now.</summary>
    void Fetch();
}
