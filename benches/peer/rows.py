"""What is compared, and how much of the other side's time it may take."""

from dataclasses import dataclass

OURS, PEER = "difscope", "PyTorch"


@dataclass(frozen=True)
class Row:
    """What is compared: an item of ours, and an item of PyTorch's or another of ours."""

    key: str
    title: str
    ours: str
    other: str
    target: float | None
    # Rows of a group are timed in the same rounds, and share what they have in common.
    group: str
    other_side: str = PEER
    # Pictures in a run.
    pictures: int = 1
    # Whether both items give the same values, and how far apart they may be, relative to the L2 norm.
    same: bool = True
    tolerance: float = 1e-3

    def sides(self):
        return (OURS, self.ours), (self.other_side, self.other)


def layer(key, title, item, target, other=None, group=None):
    return Row(key, title, item, other or item, target, group or key)


ROWS = [
    layer("conv256", "3×3 256→256 at 256²", "conv:256,256,256", 0.5),
    layer("conv128", "3×3 512→256 at 128²", "conv:512,256,128", 0.5),
    layer("conv64", "3×3 256→256 at 64²", "conv:256,256,64", 0.5),
    layer("conv32", "3×3 512→512 at 32²", "conv:512,512,32", 0.5),
    layer("conv16", "3×3 1024→1024 at 16²", "conv:1024,1024,16", 0.7),
    layer("conv8", "3×3 1024→1024 at 8²", "conv:1024,1024,8", 0.7),
    layer("skip", "1×1 256+256→256 at 64²", "skip:256,256,64", None),
    layer("norm", "GroupNorm + SiLU 256 at 128²", "norm:256,128", 0.6),
    layer("attention", "attention 8×1024×64, published code", "attention:8,64,32", 1.0),
    layer(
        "attention-fused",
        "attention 8×1024×64, fused in PyTorch",
        "attention:8,64,32",
        1.0,
        "attention-fused:8,64,32",
        "attention",
    ),
    Row("adm256-full", "ADM-256 full forward", "adm256-full", "adm256-full", 0.5, "adm256"),
    Row(
        "adm256-block",
        "ADM-256 to block 24 / PyTorch's whole pass",
        "adm256-block",
        "adm256-full",
        0.17,
        "adm256",
        same=False,
    ),
    Row(
        "adm256-pooled",
        "ADM-256 all 37 blocks pooled / our full forward",
        "adm256-pooled",
        "adm256-full",
        1.1,
        "adm256",
        OURS,
        same=False,
    ),
    Row(
        "adm256-bf16",
        "ADM-256 to block 24 in bf16 / PyTorch's autocast",
        "adm256-block-bf16",
        "adm256-block-autocast",
        1.0,
        "adm256-bf16",
        tolerance=3e-2,
    ),
    Row(
        "adm256-bf16-whole",
        "ADM-256 to block 24 in bf16 / PyTorch's, all in bf16",
        "adm256-block-bf16",
        "adm256-block-bf16",
        1.0,
        "adm256-bf16",
        tolerance=3e-2,
    ),
    Row(
        "adm256-bf16-f32",
        "ADM-256 to block 24 in bf16 / ours in f32",
        "adm256-block-bf16",
        "adm256-block",
        None,
        "adm256-bf16",
        OURS,
        tolerance=3e-2,
    ),
    Row(
        "fashion32-one",
        "fashion32, 1 picture to the last block",
        "fashion32-last:1",
        "fashion32-last:1",
        0.6,
        "fashion32-one",
    ),
    Row(
        "fashion32-many",
        "fashion32, 100 pictures by 20, per picture",
        "fashion32-last:100",
        "fashion32-last:100",
        0.6,
        "fashion32-many",
        pictures=100,
    ),
    Row(
        "fashion32-step",
        "fashion32, DifFeed step, batch 8",
        "fashion32-step:8",
        "fashion32-step:8",
        0.8,
        "fashion32-step",
    ),
]
