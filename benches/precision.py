#!/usr/bin/env python3
"""How far features in bf16 are from those in f32, block by block.

    python3 benches/precision.py
    python3 benches/precision.py --model adm256.safetensors --t 90 --input photo.jpg

Runs `difscope extract` twice on whole feature maps and prints the relative L2 difference.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[1]


def tensors(path):
    """The tensors of a safetensors file of f32."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    values = memoryview(data)[8 + length :]
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            first, end = entry["data_offsets"]
            yield name, entry["shape"], numpy.frombuffer(values[first:end], dtype="<f4").astype(numpy.float64)


def extract(arguments, precision, out):
    command = ["cargo", "run", "--quiet", "--release", "--", "extract", *arguments.input]
    command += ["--t", arguments.t, "--blocks", "all", "--pool", "none", "--precision", precision]
    command += ["--with-out", "--quiet", "--out", str(out)]
    if arguments.model:
        command += ["--model", arguments.model]
    if arguments.preset:
        command += ["--preset", arguments.preset]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="a checkpoint; by default the embedded network")
    parser.add_argument("--preset", help="which published network it is")
    parser.add_argument("--t", default="50", help="timesteps, as 90,150")
    parser.add_argument("--input", nargs="+", default=["assets/photos"], help="pictures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        exact, rounded = Path(folder, "f32.safetensors"), Path(folder, "bf16.safetensors")
        extract(arguments, "f32", exact)
        extract(arguments, "bf16", rounded)
        other = {name: values for name, _, values in tensors(rounded)}
        worst = 0.0
        for name, shape, values in sorted(tensors(exact)):
            apart = numpy.linalg.norm(other[name] - values) / numpy.linalg.norm(values)
            worst = max(worst, apart)
            print(f"{name:16} {'×'.join(map(str, shape)):>16}  {apart:.1e}")
        print(f"{'largest':16} {'':>16}  {worst:.1e}")


if __name__ == "__main__":
    main()
