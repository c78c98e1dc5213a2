"""What the benchmarks share: whole processes timed, and rows of one table."""

import json
import os
import platform
import pty
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HEADER = ["| | ours | against | ratio | target |", "|---|---|---|---|---|"]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Arguments:
        what: What was measured.
        ours: Our figure.
        other: What it is compared with, and its figure.
        ratio: The one over the other; None where a difference or a bound is asked for.
        target: What it should be.
    """

    what: str
    ours: str
    other: str
    ratio: float | None
    target: str


@dataclass(frozen=True)
class Done:
    """A finished process.

    Arguments:
        seconds: Its wall-clock time.
        peak: The most memory it held at once, in MB, or its parent when it started, if that held
            more: a benchmark of memory must not itself hold much.
        output: What it printed.
    """

    seconds: float
    peak: float
    output: str


def process(command: Sequence[str | Path], terminal: bool = False, cwd: Path | None = None) -> Done:
    """Run a command to its end.

    Arguments:
        command: The words.
        terminal: Whether its output is a terminal, on which progress bars move.
        cwd: The folder it runs in.

    Raises:
        RuntimeError: If it fails; the message ends with what it printed.
    """
    read, write = pty.openpty() if terminal else os.pipe()
    chunks: list[bytes] = []

    def drain() -> None:
        while True:
            try:
                chunk = os.read(read, 65536)
            except OSError:
                # a terminal whose other end is closed
                return
            if not chunk:
                return
            chunks.append(chunk)

    reader = threading.Thread(target=drain)
    start = time.perf_counter()
    child = subprocess.Popen(list(map(str, command)), stdout=write, stderr=write, cwd=cwd)
    os.close(write)
    reader.start()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    os.close(read)
    output = b"".join(chunks).decode(errors="replace")
    if child.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{output[-3000:]}")
    # kilobytes on Linux, bytes on macOS
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Done(seconds, usage.ru_maxrss / unit, output)


def python(*words: str | Path) -> Done:
    """Run this Python on some words."""
    return process([sys.executable, *words])


def train(*overrides: str) -> tuple[dict[str, Any], Done]:
    """Run vae.train in a terminal and a folder of its own: results.json, and the process.

    Validation, logging, progress bar and checkpoints are on; the test is one batch.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = [
            f"run_dir={run}",
            "callbacks.pictures=null",
            "evaluate.num_samples=0",
            "evaluate.surgery=0",
            "evaluate.probe=0",
            "trainer.limit_test_batches=1",
            *overrides,
        ]
        done = process([sys.executable, "-m", "vae.train", *words], terminal=True)
        return json.loads((run / "results.json").read_text()), done


def median(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)


def table(rows: Iterable[Row]) -> str:
    """Rows as a table in Markdown."""
    lines = [*HEADER]
    for r in rows:
        ratio = "" if r.ratio is None else f"**{r.ratio:.2f}**"
        lines.append(f"| {r.what} | {r.ours} | {r.other} | {ratio} | {r.target} |")
    return "\n".join(lines)


def machine() -> str:
    """This machine in a sentence."""
    import torch

    name = platform.processor() or platform.machine()
    flags = ""
    if (info := Path("/proc/cpuinfo")).exists():
        fields = dict(line.split(":", 1) for line in info.read_text().split("\n\n")[0].splitlines())
        fields = {k.strip(): v.strip() for k, v in fields.items()}
        name = fields.get("model name", name)
        known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
        flags = ", ".join(f for f in known if f in fields.get("flags", "").split())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores of {name} ({flags}), {memory:.0f} GiB, "
        f"torch {torch.__version__} with {torch.get_num_threads()} threads, "
        f"Python {platform.python_version()}"
    )


def main(rows: Iterable[Row]) -> None:
    """Print what a benchmark found, when it is run alone."""
    print(machine())
    print(table(rows))
