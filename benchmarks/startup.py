"""How soon the command answers, and how soon it trains, against importing torch and lightning.

python benchmarks/startup.py
"""

import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from measure import HERE, Row, main, median, process

COMMANDS = {
    "--help": ["-m", "vae.train", "--help"],
    "--cfg job": ["-m", "vae.train", "experiment=mnist_bernoulli", "--cfg", "job"],
    "import torch, lightning": ["-c", "import torch, lightning"],
}


def first_step() -> float:
    """The seconds from the command to the start of its first training step."""
    with tempfile.TemporaryDirectory() as folder:
        words = [
            f"run_dir={folder}/run",
            "allow=[first_step]",
            "+callbacks.first_step._target_=first_step.FirstStep",
        ]
        code = f"import sys; sys.path.insert(0, {str(HERE)!r}); "
        code += "import runpy; sys.argv[0] = 'vae.train'; "
        code += "runpy.run_module('vae.train', run_name='__main__', alter_sys=True)"
        start = time.time()
        output = process([sys.executable, "-c", code, *words], cwd=Path(folder)).output
    told = next(line for line in output.splitlines() if line.startswith("first step at "))
    return float(told.split()[-1]) - start


def rows(runs: int = 5) -> Iterable[Row]:
    """All figures, each the median of some runs in turn, after one that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in [*COMMANDS, "first step"]}
    for turn in range(runs + 1):
        found = {n: process([sys.executable, *words]).seconds for n, words in COMMANDS.items()}
        found["first step"] = first_step()
        for name, value in found.items():
            if turn:
                seconds[name].append(value)
    mid = {name: median(values) for name, values in seconds.items()}
    imports = mid["import torch, lightning"]
    for name in ("--help", "--cfg job"):
        yield Row(f"`{name}`", f"{mid[name]:.2f} s", "", None, "below 1 s")
    yield Row(
        "from the command to the first step",
        f"{mid['first step']:.2f} s",
        f"importing torch and lightning {imports:.2f} s, and {mid['first step'] - imports:.2f} s",
        None,
        "2 s more",
    )


if __name__ == "__main__":
    main(list(rows()))
