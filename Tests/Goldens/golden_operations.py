"""One case after another: an operation, its attributes, its inputs, and what PyTorch says in float64 about values and gradients."""
import math
import torch
import torch.nn.functional as F
from golden_values import integers, numbers, reals


class Family:
    """The cases of one file."""

    def __init__(self, name):
        self.name, self.cases = name, []

    def add(self, operation, variant, compute, inputs, **attributes):
        """inputs: name → dict(shape, [scale], [offset], [classes], [values], [gradient]); compute takes them in order and returns one tensor or several.

        The gradients are those of sum(first output * w), with w made like an input named "output_gradient" with scale 2.
        """
        title = f'{operation}/{variant}' if variant else operation
        tensors, described, wanted = [], [], []
        for name, spec in inputs.items():
            shape = list(spec['shape'])
            seed = f'{title}:{name}'
            entry = {'name': name, 'shape': shape}
            if 'values' in spec:
                integer = all(isinstance(v, (bool, int)) for v in spec['values'])
                tensor = torch.tensor(spec['values'], dtype=torch.int64 if integer else torch.float64).reshape(shape)
                entry |= {'type': 'int' if integer else 'real', 'values': [int(v) for v in spec['values']] if integer else spec['values']}
            elif 'classes' in spec:
                integer, tensor = True, integers(seed, shape, spec['classes'])
                entry |= {'type': 'int', 'seed': seed, 'classes': spec['classes']}
            else:
                scale, offset = spec.get('scale', 2.0), spec.get('offset', 0.0)
                integer, tensor = False, reals(seed, shape, scale, offset)
                entry |= {'type': 'real', 'seed': seed, 'scale': scale, 'offset': offset}
            if not integer and spec.get('gradient', True):
                wanted.append((name, tensor.requires_grad_()))
            tensors.append(tensor)
            described.append(entry)
        outputs = compute(*tensors)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        first = outputs[0]
        case = {'name': title, 'operation': operation, 'attributes': attributes, 'inputs': described,
                'outputs': [{'shape': list(o.shape), 'values': numbers(o)} for o in outputs]}
        if wanted and first.requires_grad:
            weight = reals(f'{title}:output_gradient', list(first.shape))
            found = torch.autograd.grad((first * weight).sum(), [t for _, t in wanted], allow_unused=True)
            case['gradients'] = {n: numbers(g if g is not None else torch.zeros_like(t)) for (n, t), g in zip(wanted, found)}
        self.cases.append(case)

    def document(self):
        return {'family': self.name, 'cases': self.cases}


def real(*shape, **more):
    return dict(shape=shape, **more)


def elementwise():
    f = Family('elementwise')
    positive = dict(scale=3.0, offset=2.0)
    unary = {
        'relu': (F.relu, {}), 'sigmoid': (torch.sigmoid, {'scale': 12.0}), 'tanh': (torch.tanh, {'scale': 6.0}), 'silu': (F.silu, {'scale': 12.0}),
        'exp': (torch.exp, {'scale': 8.0}), 'log': (torch.log, positive), 'sqrt': (torch.sqrt, positive), 'rsqrt': (torch.rsqrt, positive),
        'erf': (torch.erf, {'scale': 6.0}), 'sin': (torch.sin, {'scale': 20.0}), 'cos': (torch.cos, {'scale': 20.0}), 'atan': (torch.atan, {'scale': 20.0}), 'abs': (torch.abs, {}),
        'neg': (torch.neg, {}), 'reciprocal': (torch.reciprocal, positive), 'square': (torch.square, {}), 'softplus': (F.softplus, {'scale': 12.0}),
        'leaky_relu': (lambda x: F.leaky_relu(x, 0.01), {}), 'log1p': (torch.log1p, positive), 'expm1': (torch.expm1, {}),
    }
    for name, (function, range_) in unary.items():
        f.add(name, '', function, {'x': real(3, 7, **range_)})
    f.add('relu', 'at_zero', F.relu, {'x': real(3, values=[-1.5, 0.0, 2.5])})
    f.add('gelu', 'erf', lambda x: F.gelu(x), {'x': real(3, 7, scale=8.0)}, approximate='none')
    f.add('gelu', 'tanh', lambda x: F.gelu(x, approximate='tanh'), {'x': real(3, 7, scale=8.0)}, approximate='tanh')
    f.add('clamp', '', lambda x: x.clamp(-0.5, 0.6), {'x': real(3, 7)}, min=-0.5, max=0.6)
    f.add('pow', 'constant', lambda x: x.pow(2.5), {'x': real(3, 5, **positive)}, exponent=2.5)
    f.add('pow', 'cube', lambda x: x.pow(3), {'x': real(3, 5)}, exponent=3.0)
    f.add('pow', 'tensor', torch.pow, {'x': real(3, 5, **positive), 'exponent': real(3, 5, scale=4.0)})
    shapes = {'same': ((3, 5), (3, 5)), 'row': ((3, 5), (5,)), 'column': ((3, 1), (3, 5)), 'outer': ((4, 1), (1, 3)),
              'scalar': ((3, 5), ()), 'deep': ((2, 1, 3), (4, 1))}
    binary = {'add': (torch.add, {}), 'sub': (torch.sub, {}), 'mul': (torch.mul, {}), 'div': (torch.div, positive),
              'maximum': (torch.maximum, {}), 'minimum': (torch.minimum, {})}
    for name, (function, range_) in binary.items():
        for variant, (a, b) in shapes.items():
            f.add(name, variant, function, {'a': real(*a), 'b': real(*b, **range_)})
    f.add('where', 'same', lambda c, a, b: torch.where(c.bool(), a, b), {'condition': real(3, 5, classes=2), 'a': real(3, 5), 'b': real(3, 5)})
    f.add('where', 'broadcast', lambda c, a, b: torch.where(c.bool(), a, b), {'condition': real(5, classes=2), 'a': real(3, 1), 'b': real()})
    f.add('elu', '', F.elu, {'x': real(3, 7, scale=8.0)})
    f.add('elu', 'alpha', lambda x: F.elu(x, 0.5), {'x': real(3, 7, scale=8.0)}, alpha=0.5)
    steps = {'round': torch.round, 'floor': torch.floor, 'ceil': torch.ceil, 'sign': torch.sign}
    halves = real(3, 4, values=[-2.5, -1.5, -0.5, -0.0, 0.0, 0.5, 1.5, 2.5, -3.0, 3.0, 7.25, -7.75])
    for name, function in steps.items():
        f.add(name, '', function, {'x': real(3, 5, scale=9.0)})
        f.add(name, 'ties', function, {'x': halves})
    order = {'equal': torch.eq, 'not_equal': torch.ne, 'less': torch.lt, 'less_equal': torch.le, 'greater': torch.gt, 'greater_equal': torch.ge}
    left, right = real(2, 4, values=[1.0, -2.0, 0.0, 3.5, -1.0, 2.0, 1e300, 0.5]), real(4, values=[1.0, 2.0, -0.0, 0.5])
    for name, function in order.items():
        f.add(name, '', lambda a, b, fn=function: fn(a, b).double(), {'a': left, 'b': right})
    f.add('dropout', 'given_mask', lambda x, m: x * m / 0.75, {'x': real(4, 6), 'mask': real(4, 6, classes=2)}, rate=0.25)
    f.add('hard_swish', '', F.hardswish, {'x': real(4, 6, scale=9.0)})
    return f


def contractions():
    f = Family('contractions')
    for variant, a, b in [('matrix', (3, 4), (4, 5)), ('batched', (2, 3, 4), (2, 4, 5)), ('broadcast_left', (3, 4), (2, 4, 5)),
                          ('broadcast_right', (2, 3, 4), (4, 5)), ('broadcast_batch', (2, 1, 3, 4), (5, 4, 2)), ('long', (5, 33), (33, 7))]:
        f.add('matmul', variant, torch.matmul, {'a': real(*a), 'b': real(*b)})
    f.add('matmul', 'transposed_right', lambda a, b: a @ b.transpose(-2, -1), {'a': real(2, 3, 4), 'b': real(2, 5, 4)}, transpose_right=True)
    f.add('matmul', 'transposed_left', lambda a, b: a.transpose(-2, -1) @ b, {'a': real(2, 4, 3), 'b': real(2, 4, 5)}, transpose_left=True)
    f.add('linear', 'bias', F.linear, {'x': real(4, 6), 'weight': real(5, 6), 'bias': real(5)})
    f.add('linear', 'no_bias', F.linear, {'x': real(4, 6), 'weight': real(5, 6)})
    f.add('linear', 'sequence', F.linear, {'x': real(2, 3, 6), 'weight': real(5, 6), 'bias': real(5)})

    def attention(causal):
        def compute(q, k, v):
            t, s = q.shape[-2], k.shape[-2]
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
            if causal:
                scores = scores.masked_fill(torch.ones(t, s, dtype=torch.bool).triu(1), -math.inf)
            return scores.softmax(-1) @ v
        return compute
    qkv = {n: real(2, 2, 5, 4, scale=4.0) for n in ('query', 'key', 'value')}
    f.add('scaled_dot_product_attention', 'causal', attention(True), qkv, causal=True)
    f.add('scaled_dot_product_attention', 'full', attention(False), qkv, causal=False)
    return f


def attention():
    f = Family('attention')

    def compute(causal=False, first=0):
        def run(q, k, v, mask=None):
            t, s = q.shape[-2], k.shape[-2]
            if q.shape[-3] != k.shape[-3]:
                k, v = (x.repeat_interleave(q.shape[-3] // x.shape[-3], -3) for x in (k, v))
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
            if causal:
                scores = scores.masked_fill(torch.ones(t, s, dtype=torch.bool).triu(1 + first), -math.inf)
            if mask is not None:
                scores = scores + mask if mask.is_floating_point() else scores.masked_fill(mask == 0, -math.inf)
            return scores.softmax(-1) @ v
        return run

    def qkv(heads, key_heads, t, s, width, depth=None):
        return {'query': real(1, heads, t, width), 'key': real(1, key_heads, s, width), 'value': real(1, key_heads, s, depth or width)}
    for width in (1, 8, 64, 80, 128):
        f.add('scaled_dot_product_attention', f'width_{width}', compute(), qkv(1, 1, 3, 5, width))
    f.add('scaled_dot_product_attention', 'longer_than_a_tile', compute(True), qkv(1, 1, 131, 131, 2), causal=True)
    f.add('scaled_dot_product_attention', 'odd_lengths', compute(True), qkv(2, 2, 7, 11, 3, 5), causal=True)
    f.add('scaled_dot_product_attention', 'more_queries_than_keys', compute(True), qkv(1, 1, 9, 4, 3), causal=True)
    f.add('scaled_dot_product_attention', 'grouped_heads', compute(True), qkv(6, 2, 5, 5, 4), causal=True, groupedHeads=True)
    f.add('scaled_dot_product_attention', 'mask', compute(), qkv(2, 2, 5, 40, 4) | {'mask': dict(shape=(1, 1, 5, 40), classes=2)})
    f.add('scaled_dot_product_attention', 'bias', compute(), qkv(2, 2, 5, 9, 4) | {'bias': real(2, 5, 9, scale=4.0)})
    f.add('scaled_dot_product_attention', 'bias_of_a_row', compute(True), qkv(2, 2, 5, 9, 4) | {'bias': real(9)}, causal=True)
    return f


def windows():
    f = Family('windows')
    cases = {
        'plain': ((2, 3, 6, 5), (4, 3, 3, 3), {}), 'padding': ((2, 3, 6, 5), (4, 3, 3, 3), {'padding': 1}),
        'stride': ((2, 3, 7, 7), (4, 3, 3, 3), {'stride': 2, 'padding': 1}), 'dilation': ((1, 2, 8, 8), (3, 2, 3, 3), {'dilation': 2, 'padding': 2}),
        'groups': ((2, 4, 5, 5), (6, 2, 3, 3), {'groups': 2, 'padding': 1}), 'depthwise': ((2, 4, 5, 5), (4, 1, 3, 3), {'groups': 4, 'padding': 1}),
        'pointwise': ((2, 3, 4, 4), (5, 3, 1, 1), {}), 'pointwise_stride': ((2, 3, 5, 5), (5, 3, 1, 1), {'stride': 2}),
        'rectangular': ((1, 2, 6, 9), (3, 2, 3, 5), {'padding': [1, 2], 'stride': [2, 1]}),
        'uncovered_edge': ((1, 2, 6, 6), (3, 2, 3, 3), {'stride': 2}),
    }
    for variant, (x, w, options) in cases.items():
        for bias in (False, True) if variant in ('padding', 'groups') else (False,):
            inputs = {'x': real(*x), 'weight': real(*w)} | ({'bias': real(w[0])} if bias else {})
            f.add('conv2d', variant + ('_bias' if bias else ''), lambda *t, o=options: F.conv2d(*t, **o), inputs, **options)
    rows = {'plain': ((2, 3, 9), (4, 3, 3), {}), 'stride': ((2, 3, 9), (4, 3, 3), {'stride': 2, 'padding': 1}), 'dilation': ((1, 2, 9), (3, 2, 3), {'dilation': 2}),
            'groups': ((2, 4, 6), (6, 2, 3), {'groups': 2, 'padding': 1})}
    for variant, (x, w, options) in rows.items():
        f.add('conv1d', variant, lambda *t, o=options: F.conv1d(*t, **o), {'x': real(*x), 'weight': real(*w), 'bias': real(w[0])}, **options)
    images = {'plain': ((2, 3, 3, 4), (3, 2, 3, 3), {}), 'stride': ((1, 2, 3, 3), (2, 3, 3, 3), {'stride': 2, 'padding': 1, 'output_padding': 1}),
              'dilation': ((1, 2, 4, 4), (2, 2, 2, 2), {'dilation': 2, 'padding': 1}), 'groups': ((1, 4, 3, 3), (4, 2, 2, 2), {'groups': 2})}
    for variant, (x, w, options) in images.items():
        inputs = {'x': real(*x), 'weight': real(*w), 'bias': real(w[1] * options.get('groups', 1))}
        f.add('conv_transpose2d', variant, lambda *t, o=options: F.conv_transpose2d(*t, **o), inputs, **options)
    pools = {'2': (2, 2, 0), '3_stride_2_padding_1': (3, 2, 1), '3_stride_1': (3, 1, 0), '2_uncovered_edge': (2, 2, 0)}
    for variant, (kernel, stride, padding) in pools.items():
        shape = (2, 2, 5, 7) if 'uncovered' in variant else (2, 2, 6, 6)
        more = dict(kernel=kernel, stride=stride, padding=padding)
        f.add('max_pool2d', variant, lambda x, a=(kernel, stride, padding): F.max_pool2d(x, *a), {'x': real(*shape)}, **more)
        f.add('avg_pool2d', variant, lambda x, a=(kernel, stride, padding): F.avg_pool2d(x, *a), {'x': real(*shape)}, **more)
    tied = [1.0, 1.0, 0.0, 2.0, 1.0, 0.0, 2.0, 2.0, -1.0, -1.0, 3.0, 3.0, -1.0, -1.0, 3.0, 3.0]
    f.add('max_pool2d', 'ties_go_to_the_first', lambda x: F.max_pool2d(x, 2), {'x': real(1, 1, 4, 4, values=tied)}, kernel=2, stride=2, padding=0)
    return f


def rows():
    f = Family('rows')
    for name, function in (('softmax', F.softmax), ('log_softmax', F.log_softmax)):
        for axis in (-1, 0, 1):
            f.add(name, f'axis={axis}', lambda x, a=axis, fn=function: fn(x, a), {'x': real(3, 4, 5, scale=8.0)}, axis=axis)
        f.add(name, 'large_values', lambda x, fn=function: fn(x, -1), {'x': real(2, 6, scale=400.0, offset=700.0)}, axis=-1)
    f.add('layer_norm', 'affine', lambda x, w, b: F.layer_norm(x, (6,), w, b, 1e-5),
          {'x': real(2, 4, 6), 'weight': real(6, offset=1.0), 'bias': real(6)}, epsilon=1e-5)
    f.add('layer_norm', 'plain', lambda x: F.layer_norm(x, (6,), eps=1e-5), {'x': real(4, 6)}, epsilon=1e-5)
    f.add('layer_norm', 'offset', lambda x, w, b: F.layer_norm(x, (6,), w, b, 1e-5),
          {'x': real(4, 6, offset=100.0), 'weight': real(6, offset=1.0), 'bias': real(6)}, epsilon=1e-5)

    def batch_norm(training):
        def compute(x, w, b, mean, variance):
            mean, variance = mean.detach().clone(), variance.detach().clone()
            y = F.batch_norm(x, mean, variance, w, b, training, 0.1, 1e-5)
            return (y, mean, variance) if training else y
        return compute
    for variant, shape in (('image', (4, 3, 2, 2)), ('rows', (6, 3))):
        inputs = {'x': real(*shape), 'weight': real(3, offset=1.0), 'bias': real(3),
                  'running_mean': real(3, gradient=False), 'running_var': real(3, scale=1.0, offset=1.0, gradient=False)}
        f.add('batch_norm', f'training_{variant}', batch_norm(True), inputs, training=True, momentum=0.1, epsilon=1e-5)
        f.add('batch_norm', f'evaluation_{variant}', batch_norm(False), inputs, training=False, momentum=0.1, epsilon=1e-5)

    for reduction in ('mean', 'sum', 'none'):
        f.add('cross_entropy', reduction, lambda x, y, r=reduction: F.cross_entropy(x, y, reduction=r),
              {'logits': real(6, 5, scale=6.0), 'label': real(6, classes=5)}, reduction=reduction, ignore_index=-100, label_smoothing=0.0)
        f.add('cross_entropy', f'{reduction}_ignore_and_smoothing', lambda x, y, r=reduction: F.cross_entropy(x, y, reduction=r, ignore_index=2, label_smoothing=0.1),
              {'logits': real(6, 5, scale=6.0), 'label': real(6, values=[0, 2, 4, 2, 1, 3])}, reduction=reduction, ignore_index=2, label_smoothing=0.1)
        f.add('mse_loss', reduction, lambda x, y, r=reduction: F.mse_loss(x, y, reduction=r),
              {'x': real(4, 3), 'target': real(4, 3)}, reduction=reduction)
    f.add('cross_entropy', 'ignore_index', lambda x, y: F.cross_entropy(x, y, ignore_index=-100),
          {'logits': real(5, 4, scale=6.0), 'label': real(5, values=[3, -100, 0, -100, 1])}, reduction='mean', ignore_index=-100, label_smoothing=0.0)
    f.add('cross_entropy', 'label_smoothing', lambda x, y: F.cross_entropy(x, y, label_smoothing=0.2),
          {'logits': real(5, 4, scale=6.0), 'label': real(5, classes=4)}, reduction='mean', ignore_index=-100, label_smoothing=0.2)
    return f


def reductions():
    f = Family('reductions')
    functions = {'sum': torch.sum, 'mean': torch.mean, 'max': torch.amax, 'min': torch.amin}
    for name, function in functions.items():
        for variant, axes in (('last', [-1]), ('first', [0]), ('middle', [1]), ('outer_and_inner', [0, 2]), ('all', [0, 1, 2])):
            f.add(name, variant, lambda x, fn=function, a=axes: fn(x, a), {'x': real(3, 4, 5)}, axes=axes, keep=False)
        f.add(name, 'keep', lambda x, fn=function: fn(x, [1], keepdim=True), {'x': real(3, 4, 5)}, axes=[1], keep=True)
    f.add('variance', 'biased', lambda x: x.var(-1, unbiased=False), {'x': real(3, 6)}, axes=[-1], keep=False)
    for axis in (-1, 0):
        f.add('std', f'biased_axis={axis}', lambda x, a=axis: x.std(a, unbiased=False), {'x': real(3, 6)}, axis=axis, keep=False, unbiased=False)
        f.add('std', f'unbiased_axis={axis}', lambda x, a=axis: x.std(a, unbiased=True), {'x': real(3, 6)}, axis=axis, keep=False, unbiased=True)
        f.add('logsumexp', f'axis={axis}', lambda x, a=axis: x.logsumexp(a), {'x': real(3, 6, scale=8.0)}, axis=axis, keep=False)
    f.add('logsumexp', 'large_values', lambda x: x.logsumexp(-1, keepdim=True), {'x': real(2, 6, scale=400.0, offset=700.0)}, axis=-1, keep=True)
    f.add('argmax', 'last', lambda x: x.argmax(-1), {'x': real(3, 6)}, axis=-1)
    f.add('argmin', 'last', lambda x: x.argmin(-1), {'x': real(3, 6)}, axis=-1)
    f.add('argmin', 'first_axis', lambda x: x.argmin(0), {'x': real(5, 3)}, axis=0)
    f.add('cumsum', 'last', lambda x: x.cumsum(-1), {'x': real(3, 6)}, axis=-1)
    f.add('cumsum', 'first', lambda x: x.cumsum(0), {'x': real(3, 6)}, axis=0)
    for name, axis, keep in (('last', -1, False), ('first', 0, False), ('keep', 1, True)):
        f.add('prod', name, lambda x, a=axis, k=keep: x.prod(a, keepdim=k), {'x': real(3, 4, 5)}, axis=axis, keep=keep)
    f.add('prod', 'all', lambda x: x.prod(), {'x': real(3, 4)})
    zeros = [1.5, -2.0, 0.5, 3.0, 0.0, 2.0, -1.0, 0.7, 0.0, 2.0, 0.0, -1.5, 0.0, 0.0, 0.0, 2.0]
    f.add('prod', 'zeros', lambda x: x.prod(1), {'x': real(4, 4, values=zeros)}, axis=1, keep=False)
    f.add('prod', 'zeros_of_all', lambda x: x.prod(), {'x': real(4, values=[0.5, 0.0, -2.0, 4.0])})
    return f


def movement():
    f = Family('movement')
    f.add('embedding', 'rows', lambda w, i: F.embedding(i, w), {'weight': real(6, 4), 'index': real(2, 5, classes=6)})
    f.add('embedding', 'repeated', lambda w, i: F.embedding(i, w), {'weight': real(6, 4), 'index': real(6, values=[3, 3, 0, 3, 5, 0])})
    f.add('transpose', 'matrix', lambda x: x.permute(1, 0), {'x': real(3, 4)}, order=[1, 0])
    f.add('transpose', 'heads', lambda x: x.permute(0, 2, 1, 3), {'x': real(2, 3, 2, 4)}, order=[0, 2, 1, 3])
    f.add('reshape', 'merge', lambda x: x.reshape(2, 12), {'x': real(2, 3, 4)}, shape=[2, 12])
    f.add('reshape', 'split', lambda x: x.reshape(2, 3, 2, 2), {'x': real(2, 12)}, shape=[2, 3, 2, 2])
    f.add('slice', 'middle', lambda x: x[:, 1:4], {'x': real(3, 6)}, axis=1, start=1, end=4)
    f.add('slice', 'first', lambda x: x[2:], {'x': real(5, 3)}, axis=0, start=2, end=5)
    f.add('concat', 'last', lambda a, b: torch.cat((a, b), -1), {'a': real(2, 3), 'b': real(2, 4)}, axis=-1)
    f.add('concat', 'first', lambda a, b, c: torch.cat((a, b, c), 0), {'a': real(2, 3), 'b': real(1, 3), 'c': real(3, 3)}, axis=0)
    f.add('pad', 'last', lambda x: F.pad(x, (1, 2)), {'x': real(2, 3, 4)}, axis=-1, before=1, after=2)
    f.add('pad', 'first', lambda x: F.pad(x, (0, 0, 2, 0)), {'x': real(3, 4)}, axis=0, before=2, after=0)
    f.add('expand', 'rows', lambda x: x.expand(4, 3, 5), {'x': real(3, 1)}, shape=[4, 3, 5])
    for diagonal in (0, 1, -2):
        f.add('tril', f'diagonal={diagonal}', lambda x, d=diagonal: x.tril(d), {'x': real(2, 4, 5)}, diagonal=diagonal)
        f.add('triu', f'diagonal={diagonal}', lambda x, d=diagonal: x.triu(d), {'x': real(2, 4, 5)}, diagonal=diagonal)
    f.add('one_hot', 'labels', lambda i: F.one_hot(i, 5).double(), {'index': real(2, 4, classes=5)}, classes=5)
    f.add('gather', 'classes', lambda x, i: x.gather(1, i), {'x': real(4, 5), 'index': real(4, 2, classes=5)}, axis=1)
    f.add('masked_fill', 'causal', lambda x: x.masked_fill(torch.ones(5, 5, dtype=torch.bool).triu(1), -1e9), {'x': real(2, 5, 5)}, value=-1e9, mask='not causal')
    for axes in ([0], [1], [0, 2]):
        f.add('flip', f'axes={axes}'.replace(' ', ''), lambda x, a=axes: x.flip(a), {'x': real(3, 4, 2)}, axes=axes)
    for axis, descending in ((-1, False), (0, True), (1, False)):
        f.add('sort', f'axis={axis}_descending={descending}', lambda x, a=axis, d=descending: tuple(x.sort(dim=a, descending=d, stable=True)), {'x': real(4, 5, 3)}, axis=axis, descending=descending)
    for axis, largest in ((-1, True), (0, False)):
        f.add('topk', f'axis={axis}_largest={largest}', lambda x, a=axis, l=largest: tuple(x.topk(3, dim=a, largest=l)), {'x': real(4, 5, 3)}, axis=axis, k=3, largest=largest)
    return f


def edges():
    """Where formulas have no derivative, signs differ, or indices repeat."""
    f = Family('edges')
    rows = real(3, 3, values=[0.0, 0.0, 0.0, 3.0, 0.0, -4.0, 1.5, 0.0, 2.0])
    f.add('norm', 'all', lambda x: x.norm(), {'x': real(3, 4)})
    f.add('norm', 'all_zeros', lambda x: x.norm(), {'x': real(5, values=[0.0] * 5)})
    for axis in (0, 1):
        for keep in (False, True):
            f.add('norm', f'axis={axis}_keep={keep}', lambda x, a=axis, k=keep: x.norm(dim=a, keepdim=k), {'x': rows}, axis=axis, keep=keep)
    equal = real(2, 3, values=[2.5, 2.5, 2.5, 1.0, 2.0, 4.0])
    for unbiased in (False, True):
        f.add('std', f'of_equals_unbiased={unbiased}', lambda x, u=unbiased: x.std(1, unbiased=u), {'x': equal}, axis=1, keep=False, unbiased=unbiased)
    signs = [5.5, -5.5, 5.5, -5.5, 6.0, -6.0, 0.25, -0.25], [2.0, 2.0, -2.0, -2.0, 3.0, -3.0, -1.0, 1.0]
    f.add('remainder', 'signs', torch.remainder, {'a': real(8, values=signs[0]), 'b': real(8, values=signs[1])})
    f.add('remainder', 'broadcast', torch.remainder, {'a': real(4, 5, scale=9.0), 'b': real(5, scale=1.0, offset=1.5)})
    f.add('remainder', 'integers', torch.remainder, {'a': real(6, values=[7, -7, 7, -7, 0, 6]), 'b': real(6, values=[3, 3, -3, -3, 5, -3])})
    f.add('argmax', 'integers', lambda x: x.argmax(-1), {'x': real(2, 4, values=[3, -1, 7, 5, -2, -9, -1, -4])}, axis=-1)
    f.add('cumsum', 'middle', lambda x: x.cumsum(1), {'x': real(2, 5, 3)}, axis=1)
    f.add('gather', 'repeated', lambda x, i: x.gather(0, i), {'x': real(3, 2), 'index': real(5, 2, values=[0, 2, 0, 0, 2, 2, 0, 1, 0, 2])}, axis=0)
    f.add('gather', 'middle', lambda x, i: x.gather(1, i), {'x': real(2, 4, 3), 'index': real(2, 6, 3, classes=4)}, axis=1)
    f.add('pad', 'value', lambda x: F.pad(x, (1, 2), value=7.5), {'x': real(2, 3)}, axis=-1, before=1, after=2, value=7.5)
    f.add('pad', 'large_value', lambda x: F.pad(x, (0, 0, 1, 0), value=-1e30), {'x': real(2, 3, scale=1e-6)}, axis=0, before=1, after=0, value=-1e30)
    f.add('hard_swish', 'corners', F.hardswish, {'x': real(6, values=[-3.5, -3.0, -0.0, 0.0, 3.0, 3.5])})
    f.add('sort', 'equals', lambda x: tuple(x.sort(dim=0, descending=True, stable=True)), {'x': real(8, values=[1.0, 2.0, 1.0, 2.0, 0.0, 2.0, -1.0, 1.0])}, axis=0, descending=True)
    return f


FAMILIES = (elementwise, contractions, attention, windows, rows, reductions, movement, edges)
