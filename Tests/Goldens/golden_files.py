"""Files of weights as PyTorch users have them, and what PyTorch computes with them in float32."""
import json
import torch
import torch.nn as nn
from golden_values import numbers, reals

TYPES = {torch.float16: 'F16', torch.bfloat16: 'BF16', torch.float32: 'F32', torch.float64: 'F64', torch.int64: 'I64'}


def save_file(tensors, path):
    """The safetensors format, as safetensors.torch.save_file writes it: the length of a JSON header, the header, the numbers."""
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for name, tensor in sorted(tensors.items()):
        dense = tensor.detach().contiguous()
        raw = (dense.view(torch.int16) if dense.dtype == torch.bfloat16 else dense).numpy().tobytes()  # NumPy knows no bfloat16
        header[name] = {'dtype': TYPES[tensor.dtype], 'shape': list(tensor.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, 'little') + text + data)


class Tagger(nn.Module):
    """Stacked and bidirectional, with PyTorch's own first weights; dropout between the layers, which evaluation leaves out."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer(4, 5, num_layers=2, bidirectional=True, batch_first=True, dropout=0.25)
        self.head = nn.Linear(10, 3)

    def forward(self, x):
        output, state = self.layer(x)
        return self.head(output), *(state if isinstance(state, tuple) else (state,))


def recurrent(layer):
    def make(path):
        torch.manual_seed(7)
        model = Tagger(layer).eval()
        save_file(model.state_dict(), path.with_suffix('.safetensors'))
        results = model(reals('tagger:x', [3, 6, 4]).float())
        return {'scores': numbers(results[0]), 'hidden': numbers(results[1]), 'cell': numbers(results[2]) if len(results) > 2 else []}
    return make


FILES = {'tagger_rnn': recurrent(nn.RNN), 'tagger_lstm': recurrent(nn.LSTM), 'tagger_gru': recurrent(nn.GRU)}
