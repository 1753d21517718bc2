#!/usr/bin/env python3
"""Writes what PyTorch says, for the tests to compare with.

usage: make_goldens.py [operations] [operations/FAMILY] [mlp] [cnn] [nanogpt] [resnet18] [gpt2] [rnn] [lstm] [gru] [language] [programs/NAME] [mixed/NAME] [quantization] [files]     (default: everything)

Needs PyTorch (made with 1.13) and NumPy; set OMP_WAIT_POLICY=PASSIVE on a busy machine. Files go beside this script: Operations/*.json
holds values and gradients of each operation in float64, Training/*.json ten steps of AdamW for each model,
Programs/*.json steps of several training programs over one model, Language/*.json gradients inside of models,
Mixed/*.json ten steps under autocast beside ten in float32, Quantization/*.json quantized tensors,
Files/*.safetensors weights that PyTorch saved, with what it computes with them in the .json beside each, and graph_*
weights that Graph saved, with what PyTorch reads in them.
"""
import pathlib
import sys
import torch
import golden_files
import golden_halves
import golden_language
import golden_mixed
import golden_models
import golden_operations
import golden_programs
import golden_quantization
from golden_values import write

HERE = pathlib.Path(__file__).resolve().parent


def main():
    families = {f'operations/{make.__name__}': make for make in golden_operations.FAMILIES}
    known = ['operations', *golden_models.MODELS, 'language', *(f'programs/{name}' for name in golden_programs.PROGRAMS), *(f'mixed/{name}' for name in golden_mixed.NAMES), 'quantization', 'files']
    wanted = sys.argv[1:] or known
    known += families
    for name in wanted:
        if name not in known:
            raise SystemExit(f'{name}: not one of {", ".join(known)}')
    torch.set_num_threads(2)
    for name in wanted:
        if name.startswith('operations'):
            for make in [families[name]] if name in families else families.values():
                family = make()
                write(HERE / 'Operations' / f'{family.name}.json', family.document())
        elif name == 'language':
            for case, make in golden_language.CASES.items():
                write(HERE / 'Language' / f'{case}.json', make())
        elif name == 'quantization':
            write(HERE / 'Quantization' / 'quantization.json', golden_quantization.make())
        elif name == 'files':
            for case, make in (golden_files.FILES | golden_halves.FILES).items():
                write(HERE / 'Files' / f'{case}.json', make(HERE / 'Files' / case))
        elif name.startswith('programs/'):
            write(HERE / 'Programs' / f'{name[9:]}.json', golden_programs.train(name[9:]))
        elif name.startswith('mixed/'):
            write(HERE / 'Mixed' / f'{name[6:]}.json', golden_mixed.train(name[6:]))
        else:
            write(HERE / 'Training' / f'{name}.json', golden_models.train(name))
        print(name, flush=True)


if __name__ == '__main__':
    main()
