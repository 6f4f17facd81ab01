#!/usr/bin/env python3
"""Times difscope and PyTorch in turn on this machine, and prints the ratios.

    python3 benches/peer/compare.py
    python3 benches/peer/compare.py --only conv,norm --rounds 9 --json ratios.json

Both sides run the same layers and networks, in f32 but where a row says bf16, on the same number of threads, with weights from
one formula. Before anything is timed, their results are compared. Every round gives each side a
turn of at least a quarter of a second, and the side that goes first changes with the rounds; a turn
counts with the median of its runs, a row with the median of the ratios of its rounds.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rows import OURS, PEER, ROWS

ROOT = Path(__file__).resolve().parents[2]
TURN_SECONDS = 0.25
# Between turns: threads that wait for more work by spinning have gone to sleep by then.
PAUSE_SECONDS = 0.05


class Ours:
    """benches/peer.rs in a process of its own."""

    def __init__(self, threads):
        environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(
            [self.build()], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    @staticmethod
    def build():
        command = [
            "cargo",
            "bench",
            "--bench",
            "peer",
            "--no-run",
            "--message-format=json-render-diagnostics",
        ]
        messages = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout
        for message in map(json.loads, messages.splitlines()):
            if message.get("executable") and message["target"]["name"] == "peer":
                return message["executable"]
        raise SystemExit("compare.py: cargo built no bench named peer")

    def ask(self, request):
        self.process.stdin.write(f"{request}\n".encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"compare.py: benches/peer.rs ended at {request!r}; its message is above")
        return line.decode()

    def config(self, network):
        return json.loads(self.ask(f"config {network}"))

    def time(self, item, count):
        return [float(word) for word in self.ask(f"time {item} {count}").split()]

    def values(self, item):
        import numpy

        count = int(self.ask(f"values {item}"))
        return numpy.frombuffer(self.process.stdout.read(4 * count), dtype="<f4")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def difference(a, b):
    """Relative L2 difference."""
    import numpy

    if a.shape != b.shape:
        raise SystemExit(
            f"compare.py: not timed: {a.size} values and {b.size} values are no two results of one thing"
        )
    a, b = a.astype(numpy.float64), b.astype(numpy.float64)
    return float(numpy.linalg.norm(a - b) / numpy.linalg.norm(b))


def verify(rows, ours, peer):
    """Refuses to time what does not compute the same thing."""
    pairs = {row.sides(): (row.title, row.tolerance) for row in rows if row.same}
    # A row that stops elsewhere than its peer is vouched for by the whole forward of its network.
    if any(row.key == "adm256-block" for row in rows):
        full = ((OURS, "adm256-full"), (PEER, "adm256-full"))
        pairs.setdefault(full, ("ADM-256 full forward", 1e-3))
    sides, differences = {OURS: ours, PEER: peer}, {}
    for ((side, item), (other_side, other)), (title, tolerance) in pairs.items():
        apart = difference(sides[side].values(item), sides[other_side].values(other))
        differences[item, other] = apart
        if not apart <= tolerance:
            raise SystemExit(
                f"compare.py: not timed: {title}: results differ by {apart:.1e}, more than {tolerance:.0e} (relative L2)"
            )
        say(f"{title}: results agree within {apart:.1e}")
    return differences


def measure(rows, sides, rounds):
    """For every (side, item), its median of every round in milliseconds."""
    times = {}
    for group in dict.fromkeys(row.group for row in rows):
        turns = list(dict.fromkeys(turn for row in rows if row.group == group for turn in row.sides()))
        counts = {}
        for side, item in turns:
            once = sides[side].time(item, 1)[0]
            counts[side, item] = max(1, min(1000, round(1e3 * TURN_SECONDS / once)))
        for number in range(rounds):
            say(f"{group}: round {number + 1} of {rounds}")
            for side, item in turns if number % 2 == 0 else reversed(turns):
                time.sleep(PAUSE_SECONDS)
                median = statistics.median(sides[side].time(item, counts[side, item]))
                times.setdefault((side, item), []).append(median)
    return times


def summary(row, times, differences):
    mine, others = (times[turn] for turn in row.sides())
    ratios = [a / b for a, b in zip(mine, others)]
    ratio = statistics.median(ratios)
    return {
        "key": row.key,
        "title": row.title,
        "ours_ms": statistics.median(mine) / row.pictures,
        "other_ms": statistics.median(others) / row.pictures,
        "ratio": ratio,
        "ratios": ratios,
        "target": row.target,
        "met": None if row.target is None else ratio <= row.target,
        "difference": differences.get((row.ours, row.other)),
    }


def table(results):
    """Markdown, aligned so that it reads well in a terminal too."""
    head = ["work", "ours, ms", "other, ms", "ratio", "over the rounds", "at most", ""]
    verdict = {None: "", True: "met", False: "missed"}
    lines = [
        [
            r["title"],
            f"{r['ours_ms']:.2f}",
            f"{r['other_ms']:.2f}",
            f"{r['ratio']:.3f}",
            f"{min(r['ratios']):.3f} to {max(r['ratios']):.3f}",
            "" if r["target"] is None else str(r["target"]),
            verdict[r["met"]],
        ]
        for r in results
    ]
    widths = [max(map(len, column)) for column in zip(head, *lines)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]

    def row(cells):
        first, *others = zip(cells, widths)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(padded)} |"

    return "\n".join(map(row, [head, rule, *lines]))


def say(text):
    print(text, file=sys.stderr, flush=True)


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument(
        "--only",
        metavar="ROW,...",
        help=f"rows, or beginnings of their names: {' '.join(row.key for row in ROWS)}",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=5,
        metavar="N",
        help="rounds, at least 5 for a number to be relied on [default: 5]",
    )
    parser.add_argument(
        "--threads", type=int, default=cores, metavar="N", help="threads of both sides [default: all cores]"
    )
    parser.add_argument("--json", metavar="OUT", help="write everything as JSON too")
    chosen = parser.parse_args()
    words = chosen.only.split(",") if chosen.only else [""]
    for word in words:
        if not any(row.key.startswith(word) for row in ROWS):
            parser.error(f"--only {word}: no such row")
    if chosen.rounds < 1 or chosen.threads < 1:
        parser.error("--rounds and --threads are at least 1")
    chosen.rows = [row for row in ROWS if any(row.key.startswith(word) for word in words)]
    return chosen


def main():
    chosen = arguments()
    for module in ("torch", "numpy"):
        if importlib.util.find_spec(module) is None:
            raise SystemExit(
                f"compare.py: the Python module {module} is missing; install it with `{sys.executable} -m pip install torch numpy`."
            )
    ours = Ours(chosen.threads)
    import torch

    import items

    peer = items.Peer(chosen.threads, ours.config)
    about = {
        "processor": processor(),
        "threads": chosen.threads,
        "rounds": chosen.rounds,
        "torch": torch.__version__,
    }
    differences = verify(chosen.rows, ours, peer)
    times = measure(chosen.rows, {OURS: ours, PEER: peer}, chosen.rounds)
    ours.close()
    results = [summary(row, times, differences) for row in chosen.rows]
    print(
        f"{about['processor']}, {chosen.threads} threads, PyTorch {torch.__version__} eager in f32, medians of {chosen.rounds} rounds\n"
    )
    print(table(results))
    if chosen.json:
        Path(chosen.json).write_text(json.dumps({**about, "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
