"""An ADM U-Net in PyTorch, eager and in f32, as the published code computes it.

Maps are [N, C, H, W]. Layers are listed in the order of their parameters, whose names are those of
published checkpoints, so that the formula gives both sides the same weights.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from formula import parameter

GROUPS = 32


def attend(qkv, heads):
    """Attention over [N, 3·C, T], heads first, with the whole matrix of weights."""
    n, channels, tokens = qkv.shape
    width = channels // 3 // heads
    q, k, v = qkv.reshape(n * heads, 3 * width, tokens).split(width, dim=1)
    scale = width**-0.25
    weights = torch.einsum("bct,bcs->bts", q * scale, k * scale).softmax(dim=-1)
    return torch.einsum("bts,bcs->bct", weights, v).reshape(n, -1, tokens)


class Attention(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)
        self.heads = heads

    def forward(self, x, _):
        tokens = x.flatten(2)
        out = self.proj_out(attend(self.qkv(self.norm(tokens)), self.heads))
        return (tokens + out).reshape(x.shape)


class Residual(nn.Module):
    """Norm, SiLU, (resampling), convolution, scale and shift by the timestep, convolution, skip."""

    def __init__(self, c_in, c_out, embedding, resample=None):
        super().__init__()
        self.in_layers = nn.ModuleDict(
            {"0": nn.GroupNorm(GROUPS, c_in), "2": nn.Conv2d(c_in, c_out, 3, padding=1)}
        )
        self.emb_layers = nn.ModuleDict({"1": nn.Linear(embedding, 2 * c_out)})
        self.out_layers = nn.ModuleDict(
            {"0": nn.GroupNorm(GROUPS, c_out), "3": nn.Conv2d(c_out, c_out, 3, padding=1)}
        )
        self.skip_connection = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        self.resample = resample or (lambda x: x)

    def forward(self, x, embedding):
        h = self.resample(F.silu(self.in_layers["0"](x)))
        h = self.in_layers["2"](h)
        scale, shift = self.emb_layers["1"](F.silu(embedding))[:, :, None, None].chunk(2, dim=1)
        h = self.out_layers["0"](h) * (1 + scale) + shift
        h = self.out_layers["3"](F.silu(h))
        return self.skip_connection(self.resample(x)) + h


def up(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


def down(x):
    return F.avg_pool2d(x, 2)


class Entry(nn.Conv2d):
    """The first layer, called as the others are."""

    def forward(self, x, _):
        return super().forward(x)


class Adm(nn.Module):
    """The network of a configuration with residual resampling, scale and shift, and no classes."""

    def __init__(self, config):
        super().__init__()
        for key, wanted in {
            "resblock_updown": True,
            "use_scale_shift_norm": True,
            "num_classes": None,
            "use_new_attention_order": False,
        }.items():
            if config[key] != wanted:
                raise ValueError(f"this script knows no network with {key} = {config[key]}")
        self.config = config
        width, self.side = config["num_channels"], config["image_size"]
        embedding = 4 * width
        head = config["num_head_channels"]
        self.time_embed = nn.ModuleDict(
            {"0": nn.Linear(width, embedding), "2": nn.Linear(embedding, embedding)}
        )

        def attention(channels, side):
            if side not in config["attention_resolutions"]:
                return []
            return [Attention(channels, config["num_heads"] if head == -1 else channels // head)]

        levels = [int(mult * width) for mult in config["channel_mult"]]
        repeats, side, channels = config["num_res_blocks"], self.side, levels[0]
        encoder, skips = [[Entry(3, channels, 3, padding=1)]], [channels]
        for level, wide in enumerate(levels):
            for _ in range(repeats):
                encoder.append([Residual(channels, wide, embedding), *attention(wide, side)])
                channels = wide
                skips.append(channels)
            if level + 1 < len(levels):
                encoder.append([Residual(channels, channels, embedding, down)])
                skips.append(channels)
                side //= 2
        heads = config["num_heads"] if head == -1 else channels // head
        middle = [
            Residual(channels, channels, embedding),
            Attention(channels, heads),
            Residual(channels, channels, embedding),
        ]
        decoder = []
        for level, wide in reversed(list(enumerate(levels))):
            for index in range(repeats + 1):
                layers = [Residual(channels + skips.pop(), wide, embedding), *attention(wide, side)]
                channels = wide
                if level > 0 and index == repeats:
                    layers.append(Residual(channels, channels, embedding, up))
                    side *= 2
                decoder.append(layers)
        self.input_blocks = nn.ModuleList(nn.ModuleList(layers) for layers in encoder)
        self.middle_block = nn.ModuleList(middle)
        self.output_blocks = nn.ModuleList(nn.ModuleList(layers) for layers in decoder)
        colours = 6 if config["learn_sigma"] else 3
        self.out = nn.ModuleDict(
            {"0": nn.GroupNorm(GROUPS, channels), "2": nn.Conv2d(channels, colours, 3, padding=1)}
        )
        self.blocks = 2 * len(encoder) + 1

    def embed(self, timesteps):
        half = self.config["num_channels"] // 2
        rates = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
        angles = timesteps[:, None].float() * rates
        sines = torch.cat([angles.cos(), angles.sin()], dim=1)
        sines = sines.to(self.time_embed["0"].weight.dtype)
        return self.time_embed["2"](F.silu(self.time_embed["0"](sines)))

    def forward(self, x, timesteps, stop=None, kept=None):
        """The output, or the map of block stop; maps of decoder blocks are put into kept."""
        embedding = self.embed(timesteps)
        skips, block, h = [], 0, x
        for part, groups in (
            ("encoder", self.input_blocks),
            ("middle", [self.middle_block]),
            ("decoder", self.output_blocks),
        ):
            for layers in groups:
                if part == "decoder":
                    h = torch.cat([h, skips.pop()], dim=1)
                for layer in layers:
                    h = layer(h, embedding)
                if part == "encoder":
                    skips.append(h)
                elif kept is not None:
                    kept.append(h)
                block += 1
                if block == stop:
                    return h
        return self.out["2"](F.silu(self.out["0"](h)))


def build(config):
    """The network of a configuration with weights from the formula, frozen."""
    with torch.device("meta"):
        model = Adm(config)
    weights = {
        name: torch.from_numpy(parameter(name, tuple(value.shape)))
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)
