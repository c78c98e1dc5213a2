"""The first experiment of README, from the command to its last line, and what each second is for.

python benchmarks/first_run.py
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from measure import Row, main, process

WORDS = ["-m", "vae.train", "experiment=mnist_bernoulli"]


def rows() -> Iterable[Row]:
    """The whole, and its training and test."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        done = process([sys.executable, *WORDS, f"run_dir={run}"], terminal=True)
        results = json.loads((run / "results.json").read_text())
    px = results["test"]["log_px"]
    found = f"log p(x) {px['value']:.2f} ± {px['standard_error']:.2f}"
    yield Row(" ".join(WORDS[2:]), f"{done.seconds:.0f} s", found, None, "100 s")
    training, testing = results["train"]["seconds"], results["test_seconds"]
    yield Row("training, 20 epochs with validation", f"{training:.0f} s", "", None, "")
    yield Row("test", f"{testing:.0f} s", f"k = {px['num_samples']}", None, "")
    rest = done.seconds - training - testing
    yield Row("imports, surgery, classifiers, pictures, report", f"{rest:.0f} s", "", None, "")


if __name__ == "__main__":
    main(list(rows()))
