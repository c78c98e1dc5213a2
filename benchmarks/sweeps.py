"""Four jobs one after another against the same four side by side: python benchmarks/sweeps.py."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

JOBS = [
    "-m",
    "seed=0,1,2,3",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=4",
    "evaluate.num_samples=20",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
]


def seconds(*words: str) -> float:
    """How long the sweep takes, as a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "vae.train", *JOBS, *words]
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - start


def main() -> None:
    """Measure both in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    kinds = {"basic": (), "joblib": ("hydra/launcher=joblib",), "ray": ("hydra/launcher=ray",)}
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind, words in kinds.items():
            found[kind].append(seconds(*words))
            print(f"round {number + 1}: {kind} {found[kind][-1]:.1f} s", flush=True)
    medians = {kind: statistics.median(some) for kind, some in found.items()}
    for kind, median in medians.items():
        print(f"{kind}: {median:.1f} s, {median / medians['basic']:.2f} x one after another")


if __name__ == "__main__":
    main()
