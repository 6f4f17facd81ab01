"""Writes the torch_*.pt and torch_head.pth files beside it, with PyTorch 2.15. The tests do not need it."""

import json
import math
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
U64 = np.uint64


def units(key, count):
    h = 0xCBF29CE484222325
    for byte in key.encode():
        h = ((h ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        z = U64(h) + np.arange(1, count + 1, dtype=U64) * U64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> U64(30))) * U64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U64(27))) * U64(0x94D049BB133111EB)
        z ^= z >> U64(31)
    return (z >> U64(40)).astype(np.float32) / np.float32(8388608) - np.float32(1)


def formula(seed, name, shape):
    u = units(f"{seed}/{name}", math.prod(shape))
    if len(shape) > 1:
        u = np.float32(math.sqrt(3 / math.prod(shape[1:]))) * u
    elif name.endswith("weight"):
        u = np.float32(1) + np.float32(0.1) * u
    else:
        u = np.float32(0.05) * u
    return torch.from_numpy(u.astype(np.float32).reshape(shape))


def parameters(width, mults, res_blocks, attention, side):
    """Names and shapes of a network with convolutional resampling and scale-shift norms."""
    out, emb = [], 4 * width

    def norm(name, c):
        out.extend([(f"{name}.weight", [c]), (f"{name}.bias", [c])])

    def linear(name, c_in, c_out):
        out.extend([(f"{name}.weight", [c_out, c_in]), (f"{name}.bias", [c_out])])

    def conv(name, c_in, c_out, kernel=3):
        out.extend([(f"{name}.weight", [c_out, c_in, kernel, kernel]), (f"{name}.bias", [c_out])])

    def res(name, c_in, c_out):
        norm(f"{name}.in_layers.0", c_in)
        conv(f"{name}.in_layers.2", c_in, c_out)
        linear(f"{name}.emb_layers.1", emb, 2 * c_out)
        norm(f"{name}.out_layers.0", c_out)
        conv(f"{name}.out_layers.3", c_out, c_out)
        if c_in != c_out:
            conv(f"{name}.skip_connection", c_in, c_out, 1)

    def attend(name, c):
        norm(f"{name}.norm", c)
        out.extend([(f"{name}.qkv.weight", [3 * c, c, 1]), (f"{name}.qkv.bias", [3 * c])])
        out.extend([(f"{name}.proj_out.weight", [c, c, 1]), (f"{name}.proj_out.bias", [c])])

    linear("time_embed.0", width, emb)
    linear("time_embed.2", emb, emb)
    c = first = mults[0] * width
    conv("input_blocks.0.0", 3, c)
    skips = [c]
    for level, mult in enumerate(mults):
        for _ in range(res_blocks):
            res(f"input_blocks.{len(skips)}.0", c, mult * width)
            c = mult * width
            if side in attention:
                attend(f"input_blocks.{len(skips)}.1", c)
            skips.append(c)
        if level + 1 < len(mults):
            conv(f"input_blocks.{len(skips)}.0.op", c, c)
            skips.append(c)
            side //= 2
    res("middle_block.0", c, c)
    attend("middle_block.1", c)
    res("middle_block.2", c, c)
    block = 0
    for level, mult in reversed(list(enumerate(mults))):
        for i in range(res_blocks + 1):
            res(f"output_blocks.{block}.0", c + skips.pop(), mult * width)
            c, last = mult * width, 1
            if side in attention:
                attend(f"output_blocks.{block}.1", c)
                last = 2
            if level and i == res_blocks:
                conv(f"output_blocks.{block}.{last}.conv", c, c)
                side *= 2
            block += 1
    norm("out.0", c)
    conv("out.2", first, 6)
    return out


# As published: a flat dictionary, the blocks in half precision.
state = OrderedDict()
for name, shape in parameters(32, (1, 1), 1, (8,), 16):
    value = formula("s0", name, shape)
    torso = name.split(".")[0] in ("input_blocks", "middle_block", "output_blocks")
    state[name] = value.half() if torso else value
state._metadata = OrderedDict([("", {"version": 1})])
torch.save(state, HERE / "torch_small.pt")

# As training scripts leave them: nested, parallel, one shared storage, unusual strides and kinds.
shapes = parameters(32, (1,), 1, (), 8)
shared, at = torch.zeros(sum(math.prod(s) for _, s in shapes) + 8, dtype=torch.bfloat16), 8
ema = OrderedDict()
for name, shape in shapes:
    count, value = math.prod(shape), formula("s1", name, shape).bfloat16()
    if name == "time_embed.0.weight":
        tensor = value.t().contiguous().t()
    elif name == "time_embed.0.bias":
        tensor = value.double()
    elif name == "out.2.weight":
        tensor = value.to(memory_format=torch.channels_last)
    else:
        shared[at : at + count] = value.flatten()
        tensor = shared[at : at + count].view(shape)
        at += count
    ema["module." + name] = torch.nn.Parameter(tensor) if name.startswith("middle") else tensor
training = {"step": 7, "lr": 1e-4, "names": ["a", ("b", None)], "model": {"module.x": torch.zeros(2)}}
training |= {"ema": ema, "opt": {"state": {0: {"exp": torch.ones(3)}}}}
torch.save(training, HERE / "torch_training.pt")

# What is refused.
torch.save({"w": torch.ones(2)}, HERE / "torch_legacy.pt", _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(2, 2), HERE / "torch_module.pt")
upsampler = {"input_blocks.0.0.weight": torch.zeros(32, 6, 3, 3)}
upsampler["output_blocks.0.0.in_layers.0.weight"] = torch.ones(32)
torch.save(upsampler, HERE / "torch_upsampler.pt")

# A head as diffssl's finetune.py saves it: that of head_diffeed_bothpasses.safetensors with its formula values.
data = (HERE / "head_diffeed_bothpasses.safetensors").read_bytes()
(length,) = struct.unpack("<Q", data[:8])
header = json.loads(data[8 : 8 + length])
seed = header["__metadata__"]["seed"]

dictionaries = {"head.": OrderedDict(), "feedback_layers.": OrderedDict()}
for key, entry in sorted(header.items()):
    for prefix, into in dictionaries.items():
        name = key.removeprefix("grad.").removeprefix("buffer_after.")
        if key == "__metadata__" or not name.startswith(prefix):
            continue
        rest = name.removeprefix(prefix)
        if key.startswith("grad."):
            into[rest] = formula(seed, name, entry["shape"])
        elif rest.endswith("running_mean"):
            into[rest] = torch.zeros(entry["shape"])
            into[rest.replace("running_mean", "num_batches_tracked")] = torch.tensor(0)
        else:
            into[rest] = torch.ones(entry["shape"])

torch.save(
    {
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.01, "momentum": 0, "params": [0, 1, 2]}]},
        "scheduler": {"step_size": 7, "gamma": 0.1, "last_epoch": 3},
        "epoch": 3,
        "model_head": dictionaries["head."],
        "model_feedback": dictionaries["feedback_layers."],
    },
    HERE / "torch_head.pth",
)
