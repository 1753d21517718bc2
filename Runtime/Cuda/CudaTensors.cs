using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Runtime.Parameters;

namespace Graph.Runtime.Cuda;

/// <summary>
/// The numbers of a model on a card, beside those of the store. Whoever reads them on the processor gets what kernels have written (<see cref="IDeviceTensor.Fetch"/>); what the processor has written goes to the card
/// before the next call, which sees it by what its store says (<see cref="ParameterStore.Written"/>). The caller of everything but <see cref="IDeviceTensor.Fetch"/> holds the device's turn.
/// </summary>
sealed unsafe class CudaTensors(CudaDevice device)
{
    readonly Dictionary<StoredTensor, OnCard> all = [];
    sealed class OnCard(CudaDevice device, StoredTensor tensor, ulong address) : IDeviceTensor
    {
        volatile bool isNewer;

        public ulong Address => address;

        public StoredTensor Tensor => tensor;

        /// <summary>Kernels have written it since the processor read it.</summary>
        public bool IsNewer
        {
            get => isNewer;
            set => isNewer = value;
        }

        /// <summary>What the processor had written when it was sent (<see cref="ParameterStore.Written"/>); −1 before.</summary>
        public long Sent { get; set; } = -1;

        public void Fetch()
        {
            if (!isNewer) return;
            lock (device.Turn)
            {
                if (!isNewer) return;
                device.Driver.CopyOut(tensor.Place, address, tensor.Bytes);
                isNewer = false;
            }
        }
    }

    /// <summary>Where a tensor lies on the card: for as long as the model is there.</summary>
    public ulong Address(StoredTensor tensor)
    {
        if (all.TryGetValue(tensor, out var known)) return known.Address;
        var made = new OnCard(device, tensor, device.Driver.Allocate(Math.Max(tensor.Bytes, 1), tensor.Path));
        all[tensor] = made;
        tensor.OnDevice = made;
        return made.Address;
    }

    /// <summary>Sends what the processor may have written since the last call.</summary>
    public void Send()
    {
        foreach (var card in all.Values)
        {
            var now = card.Tensor.WrittenVersion;
            if (card.Sent == now) continue;
            if (!card.IsNewer) device.Driver.CopyIn(card.Address, card.Tensor.Place, card.Tensor.Bytes);
            card.Sent = now;
        }
    }

    /// <summary>Says that kernels write a tensor.</summary>
    public void Written(StoredTensor tensor) => all[tensor].IsNewer = true;

    /// <summary>Frees the card's memory; nobody reads the store any more.</summary>
    public void Dispose()
    {
        foreach (var (tensor, card) in all)
        {
            card.IsNewer = false;
            tensor.OnDevice = null;
            device.Driver.Free(card.Address);
        }
        all.Clear();
    }
}
