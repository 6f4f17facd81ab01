"""PyTorch's side: the same items as in benches/peer.rs, under the same names."""

import copy
import time

import torch
import torch.nn.functional as F

import adm
from formula import given, parameter

TIMESTEP = 90
# Pictures that pass through the network together when there are many, and the block that a head
# reads in the second pass of DifFeed: those of benches/peer.rs.
BATCH = 20
BLOCK_OF_HEAD = 12
# The block whose features are wanted: BLOCK_OF_FEATURES of benches/common/mod.rs.
BLOCK_OF_FEATURES = 24


def tensor(name, *shape):
    return torch.from_numpy(given(name, shape))


def weights(name, *shape):
    return torch.from_numpy(parameter(name, shape))


def conv(c_in, c_out, side):
    x, weight, bias = (
        tensor("x", 1, c_in, side, side),
        weights("conv.weight", c_out, c_in, 3, 3),
        weights("conv.bias", c_out),
    )
    return lambda: F.conv2d(x, weight, bias, padding=1)


def norm(channels, side):
    x, weight, bias = (
        tensor("x", 1, channels, side, side),
        weights("norm.weight", channels),
        weights("norm.bias", channels),
    )
    return lambda: F.silu(F.group_norm(x, adm.GROUPS, weight, bias))


def attention(heads, width, side):
    qkv = tensor("x", 1, 3 * heads * width, side * side)
    return lambda: adm.attend(qkv, heads)


def attention_fused(heads, width, side):
    """PyTorch's own attention over q, k and v as it likes them to lie: splitting them is not timed."""
    qkv = tensor("x", 1, heads, 3, width, side * side)
    q, k, v = qkv.permute(2, 0, 1, 4, 3).contiguous()
    return lambda: F.scaled_dot_product_attention(q, k, v).transpose(2, 3)


def skip(channels, c_out, side):
    x, y = tensor("x", 1, channels, side, side), tensor("skip", 1, channels, side, side)
    weight, bias = weights("conv.weight", c_out, 2 * channels, 1, 1), weights("conv.bias", c_out)
    return lambda: F.conv2d(torch.cat([x, y], dim=1), weight, bias)


class Peer:
    """Makes items once and runs them when told."""

    def __init__(self, threads, config_of):
        torch.set_num_threads(threads)
        self.config_of = config_of
        self.models, self.items = {}, {}

    def model(self, name):
        if name not in self.models:
            self.models[name] = adm.build(self.config_of(name))
        return self.models[name]

    def pictures(self, model, count):
        return tensor("x", count, 3, model.side, model.side), torch.full((count,), TIMESTEP)

    def full(self, name):
        model = self.model(name)
        x, t = self.pictures(model, 1)
        return lambda: model(x, t)

    def block_autocast(self, name):
        """PyTorch chooses where it uses bf16, and rounds the weights at every pass."""
        model = self.model(name)
        x, t = self.pictures(model, 1)

        def run():
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return model(x, t, stop=BLOCK_OF_FEATURES).float()

        return run

    def block_bf16(self, name):
        """Everything is bf16, and stays so."""
        model = copy.deepcopy(self.model(name)).bfloat16()
        x, t = self.pictures(model, 1)
        x = x.bfloat16()
        return lambda: model(x, t, stop=BLOCK_OF_FEATURES).float()

    def last(self, name, count):
        model = self.model(name)
        x, t = self.pictures(model, count)
        parts = list(zip(x.split(BATCH), t.split(BATCH)))
        return lambda: torch.cat([model(x, t, stop=model.blocks) for x, t in parts])

    def step(self, name, count):
        """A step as the training of DifFeed has it: see feedback_step in benches/peer.rs."""
        model = self.model(name)
        x, t = self.pictures(model, count)

        def run():
            model(x, t, kept=[])
            with torch.inference_mode(False), torch.enable_grad():
                entered = x.clone().requires_grad_(True)
                loss = model(entered, t.clone(), stop=BLOCK_OF_HEAD).square().mean()
                (gradient,) = torch.autograd.grad(loss, entered)
            model(x, t)
            return gradient

        return run

    def make(self, name):
        kind, _, numbers = name.partition(":")
        numbers = [int(number) for number in numbers.split(",") if number]
        layers = {
            "conv": conv,
            "norm": norm,
            "attention": attention,
            "attention-fused": attention_fused,
            "skip": skip,
        }
        if kind in layers:
            return layers[kind](*numbers)
        network, _, what = kind.partition("-")
        makers = {
            "full": self.full,
            "block-autocast": self.block_autocast,
            "block-bf16": self.block_bf16,
            "last": self.last,
            "step": self.step,
        }
        return makers[what](network, *numbers)

    def run(self, name):
        if name not in self.items:
            self.items[name] = self.make(name)
        with torch.inference_mode():
            return self.items[name]()

    def time(self, name, count):
        """The milliseconds of count runs."""
        times = []
        for _ in range(count):
            start = time.perf_counter()
            self.run(name)
            times.append(1e3 * (time.perf_counter() - start))
        return times

    def values(self, name):
        return self.run(name).detach().numpy().ravel()
