"""Numbers that Python and C# make alike, and the text form of the golden files.

A value is the top 24 bits of a SplitMix64 output: exact in float32 and float64 on every machine, where a formula of sines would
depend on the C library. Golden.cs makes the same numbers.
"""
import json
import numpy as np
import torch

MASK = (1 << 64) - 1


def seed_of(name):
    """FNV-1a, 64 bit, of the UTF-8 bytes."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def bits(name, count):
    """SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) seeded with the name's hash."""
    with np.errstate(over='ignore'):
        z = np.uint64(seed_of(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def reals(name, shape, scale=2.0, offset=0.0):
    """offset + scale * u with u in [-1/2, 1/2), rounded to float32 and widened again: both precisions start from the same numbers."""
    u = (bits(name, int(np.prod(shape))) >> np.uint64(40)).astype(np.float64) * 2.0**-24 - 0.5
    values = (u * scale + offset).astype(np.float32).astype(np.float64)
    return torch.from_numpy(values.reshape(shape))


def integers(name, shape, classes):
    """Integers in [0, classes): the top 31 bits modulo the number of classes."""
    values = ((bits(name, int(np.prod(shape))) >> np.uint64(33)) % np.uint64(classes)).astype(np.int64)
    return torch.from_numpy(values.reshape(shape))


def numbers(tensor):
    """A list that JSON holds without loss: Python writes the shortest text that reads back to the same float64."""
    return tensor.detach().flatten().tolist()


def write(path, document):
    """JSON with one line for each list of numbers, so that a change reads well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(layout(document, 0) + '\n', encoding='utf-8', newline='\n')


def layout(value, depth):
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, (dict, list)) or len(flat) <= 120 or (isinstance(value, list) and all(not isinstance(v, (dict, list)) for v in value)):
        return flat
    pad, end = '  ' * (depth + 1), '  ' * depth
    if isinstance(value, dict):
        rows = [f'{pad}{json.dumps(k)}: {layout(v, depth + 1)}' for k, v in value.items()]
        return '{\n' + ',\n'.join(rows) + f'\n{end}' + '}'
    return '[\n' + ',\n'.join(pad + layout(v, depth + 1) for v in value) + f'\n{end}]'
