"""Training beside other work: a busy neighbour, and a second training.

    python benchmarks/busy.py [--rounds 5]

The neighbour is a Python loop that keeps one core busy. Quiet and busy take turns, and each figure
is the median. Two trainings at once are timed from the first command to the end of the last, and
against the same two one after the other.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

from epochs import MLP, ours
from measure import Row, main, median

LOOP = "while True: pass"


@contextmanager
def neighbour() -> Iterable[None]:  # type: ignore[misc]
    """Keep a core busy meanwhile."""
    with subprocess.Popen([sys.executable, "-c", LOOP]) as process:
        # until it has been seen
        time.sleep(0.5)
        try:
            yield
        finally:
            process.kill()


def trainings(folder: Path, together: bool) -> float:
    """The seconds of two trainings."""
    quick = ["evaluate.num_samples=0", "evaluate.surgery=0", "evaluate.probe=0"]
    words = [sys.executable, "-m", "vae.train", *MLP, *quick, "callbacks.pictures=null"]
    start = time.perf_counter()
    jobs = []
    for number in range(2):
        run = f"run_dir={folder / f'{together}-{number}'}"
        job = subprocess.Popen([*words, run], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        jobs.append(job)
        if not together:
            job.wait()
    if any(job.wait() for job in jobs):
        raise RuntimeError("a training failed; run python benchmarks/epochs.py to see why.")
    return time.perf_counter() - start


def rows(rounds: int = 5) -> Iterable[Row]:
    """Quiet against busy, and side by side against one after the other."""
    found: dict[str, list[float]] = {name: [] for name in ("quiet", "busy", "all", "apart", "both")}
    for turn in range(rounds):
        found["quiet"].append(ours(*MLP))
        with neighbour():
            found["busy"].append(ours(*MLP))
            found["all"].append(ours(*MLP, "threads=2"))
        with tempfile.TemporaryDirectory() as folder:
            for name, together in (("apart", False), ("both", True)):
                found[name].append(trainings(Path(folder) / str(turn), together))
        words = ", ".join(f"{name} {values[-1]:.2f} s" for name, values in found.items())
        print(f"round {turn + 1}: {words}", file=sys.stderr)
    seconds = {name: median(values) for name, values in found.items()}
    quiet = f"alone {seconds['quiet']:.2f} s"
    for name, what in (("busy", "one core busy"), ("all", "one core busy, threads=2")):
        ratio = seconds[name] / seconds["quiet"]
        target = "1.5" if name == "busy" else ""
        yield Row(f"784-400-20, epoch, {what}", f"{seconds[name]:.2f} s", quiet, ratio, target)
    ratio = statistics.median(a / b for a, b in zip(found["both"], found["apart"], strict=True))
    apart = f"one after the other {seconds['apart']:.1f} s"
    yield Row("two trainings side by side", f"{seconds['both']:.1f} s", apart, ratio, "1")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    main(list(rows(parser.parse_args().rounds)))
