"""Weights in 16 and 64 bits, both ways: files that PyTorch saved, and what PyTorch reads in files that Graph saved (Files/graph_*.safetensors, which the tests write: see PyTorchHalvesTests)."""
import json
import math
import pathlib
import torch
from golden_files import save_file
from golden_values import numbers

TYPES = {'f16': torch.float16, 'bf16': torch.bfloat16, 'f32': torch.float32, 'f64': torch.float64}
NAMES = {'F16': torch.float16, 'BF16': torch.bfloat16, 'F32': torch.float32, 'F64': torch.float64}


def weights():
    """What LinearClassifier has: ordinary numbers, ties between two of 16 bits, and numbers that are subnormal or large there."""
    bias = torch.tensor([1 + 2 ** -11, 1 + 3 * 2 ** -11, 2.0 ** -24, 60000.0], dtype=torch.float64)
    return {'layer.weight': torch.tensor([[math.sin(8 * i + j + 1) for j in range(8)] for i in range(4)], dtype=torch.float64), 'layer.bias': bias}


def saved(name):
    def make(path):
        tensors = {key: value.to(TYPES[name]) for key, value in weights().items()}
        save_file(tensors, path.with_suffix('.safetensors'))
        return {key: numbers(value.double().flatten()) for key, value in tensors.items()}
    return make


def load_file(path):
    """The tensors of a file, as safetensors.torch.load_file gives them: views of its bytes."""
    data = bytearray(pathlib.Path(path).read_bytes())
    length = int.from_bytes(data[:8], 'little')
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    header.pop('__metadata__', None)
    return {key: torch.frombuffer(body, dtype=NAMES[entry['dtype']], count=math.prod(entry['shape']), offset=entry['data_offsets'][0]).reshape(entry['shape']) for key, entry in header.items()}


def read(path):
    """What PyTorch has of a file that Graph saved, strictly loaded into its module."""
    tensors = load_file(path.with_suffix('.safetensors'))
    layer = torch.nn.Linear(8, 4, dtype=tensors['layer.weight'].dtype)
    layer.load_state_dict({key.removeprefix('layer.'): value for key, value in tensors.items()}, strict=True)
    return {'dtype': str(layer.weight.dtype).removeprefix('torch.')} | {f'layer.{key}': numbers(value.double().flatten()) for key, value in layer.state_dict().items()}


FILES = {f'torch_{name}': saved(name) for name in TYPES} | {f'graph_{name}': read for name in TYPES}
