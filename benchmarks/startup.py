"""How soon the command answers, against importing torch and lightning alone.

    python benchmarks/startup.py

Prints the median, least and greatest of several runs, after one that is not counted.
"""

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "--help": ["-m", "vae.train", "--help"],
    "--cfg job": ["-m", "vae.train", "experiment=mnist_bernoulli", "--cfg", "job"],
    "import torch, lightning": ["-c", "import torch, lightning"],
}


def seconds(command: list[str], runs: int = 7) -> list[float]:
    """The wall-clock time of each run of `command`, in seconds."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return times[1:]


if __name__ == "__main__":
    for name, command in COMMANDS.items():
        times = seconds(command)
        median = statistics.median(times)
        print(f"{name:24} {median:6.3f} s   ({min(times):.3f} to {max(times):.3f})")
