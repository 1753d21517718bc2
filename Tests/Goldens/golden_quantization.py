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
    return {'cases': cases, 'fake': fakes()}


def fakes():
    """Rounded to what integers of a scale stand for, and the gradient of x that PyTorch lets through."""
    cases = []
    ends = {'i4': (-8, 7), 'i8': (-128, 127), 'u8': (0, 255)}
    for name, scale, zero, dtype in [('bytes', 0.0117, 3, 'i8'), ('unsigned', 0.03, 100, 'u8'), ('nibbles', 0.5, -1, 'i4')]:
        x = fake_input(name, [4, 9])
        y = torch.fake_quantize_per_tensor_affine(x, scale, zero, *ends[dtype])
        cases.append(fake(name, x, y, torch.tensor([scale]), torch.tensor([zero]), dtype, 0))
    for name, axis, dtype in [('fake rows', 0, 'i8'), ('fake columns', 1, 'i4')]:
        x = fake_input(name, [4, 9])
        n = x.shape[axis]
        scale = (reals(name + ':scale', [n], 0.02).abs() + (0.2 if dtype == 'i4' else 0.01)).float()
        zero = (torch.arange(n) * 5 % 11 - 5).int()
        cases.append(fake(name, x, torch.fake_quantize_per_channel_affine(x, scale, zero, axis, *ends[dtype]), scale, zero, dtype, axis))
    return cases


def fake_input(name, shape):
    x = reals(name, shape, 2.0).float()
    # Halves between two steps, and what is beyond the ends.
    x.view(-1)[:6] = torch.tensor([0.25, 0.75, -0.75, 1000.0, -1000.0, 0.0])
    return x.requires_grad_()


def fake(name, x, y, scale, zero, dtype, axis):
    weight = reals(name + ':weight', list(x.shape)).float()
    y.backward(weight)
    return {'name': name, 'shape': list(x.shape), 'x': numbers(x.detach()), 'weight': numbers(weight), 'scale': numbers(scale), 'zero': [int(z) for z in zero], 'dtype': dtype, 'axis': axis,
            'y': numbers(y.detach()), 'gradient': numbers(x.grad)}
