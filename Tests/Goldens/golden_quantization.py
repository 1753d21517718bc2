"""What PyTorch's quantized tensors hold: integers of reals by a scale and a zero point, per tensor and per channel, and the reals that they stand for."""
import torch
from golden_values import numbers, reals


def case(name, x, quantized, scale, zero, dtype, axis):
    return {'name': name, 'shape': list(x.shape), 'x': numbers(x), 'scale': numbers(scale), 'zero': [int(z) for z in zero.flatten()], 'dtype': dtype, 'axis': axis,
            'integers': [int(q) for q in quantized.int_repr().flatten()], 'reals': numbers(quantized.dequantize())}


def make():
    cases = []
    types = {'i8': torch.qint8, 'u8': torch.quint8, 'i32': torch.qint32}
    for name, scale, zero, dtype in [('fine', 0.0117, 3, 'i8'), ('coarse', 0.3, 128, 'u8'), ('halves', 0.5, 0, 'i8'), ('tiny', 0.00214854861, 0, 'i8'), ('wide', 1e-4, 7, 'i32')]:
        x = reals(name, [6, 35], 4.0).float()
        # Halves between two steps, what is beyond the ends, and the number at which division and multiplication differ.
        x.view(-1)[:8] = torch.tensor([0.25, 0.75, -0.25, -0.75, 1000.0, -1000.0, 0.0, 0.273939937])
        cases.append(case(name, x, torch.quantize_per_tensor(x, scale, zero, types[dtype]), torch.tensor(scale, dtype=torch.float32), torch.tensor(zero), dtype, 0))
    for name, axis, dtype in [('rows', 0, 'i8'), ('columns', 1, 'u8'), ('filters', 0, 'i8'), ('middle', 1, 'i8')]:
        x = reals(name, [6, 35] if name in ('rows', 'columns') else [4, 3, 5], 4.0).float()
        n = x.shape[axis]
        scale = (reals(name + ':scale', [n], 0.02).abs() + 0.005).float()
        zero = torch.arange(n) * 5 % 11 + (100 if dtype == 'u8' else -5)
        cases.append(case(name, x, torch.quantize_per_channel(x, scale, zero, axis, types[dtype]), scale, zero, dtype, axis))
    return {'cases': cases}
