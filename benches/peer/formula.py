"""Weights and inputs from the formula of tests/common/formula.rs, so that both sides hold the same."""

import numpy as np

SEED = "s0"


def _key(text):
    """The FNV-1a hash of text."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return np.uint64(value)


def units(text, count):
    """The first count values under a key, in [-1, 1): a splitmix64 step each."""
    with np.errstate(over="ignore"):
        z = _key(text) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float32) / np.float32(8388608) - np.float32(1)


def given(name, shape):
    """An input."""
    return units(f"{SEED}/input.{name}", int(np.prod(shape))).reshape(shape)


def parameter(name, shape):
    """A parameter of a network, scaled by its fan-in, or near 1 or 0 for norms and biases."""
    values = units(f"{SEED}/{name}", int(np.prod(shape)))
    if len(shape) > 1:
        values *= np.float32((3.0 / float(np.prod(shape[1:]))) ** 0.5)
    elif name.endswith("weight"):
        values = np.float32(1) + np.float32(0.1) * values
    else:
        values *= np.float32(0.05)
    return values.reshape(shape)
