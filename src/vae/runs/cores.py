"""The cores that this process may have: what its limits allow, and what others keep busy."""

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path

# a core counts as taken if it is for at least this share of the time
BUSY = 0.5


def quota(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> float | None:
    """How many cores the control group or SLURM allows this process; None without a limit.

    Arguments:
        root: Where /proc and /sys lie.
        environ: The environment.
    """
    limits = [_group(root, *line.split(":", 2)[1:]) for line in _lines(root / "proc/self/cgroup")]
    if (task := environ.get("SLURM_CPUS_PER_TASK", "")).isdigit():
        limits.append(float(task))
    return min((limit for limit in limits if limit), default=None)


def _group(root: Path, controllers: str, path: str) -> float | None:
    """The lowest limit of a group and of those it lies in, which may each have one."""
    if controllers and "cpu" not in controllers.split(","):
        return None
    base = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
    inner = base / path.lstrip("/")
    found = []
    # within a container the group's own path may not be there, and its limit stands at the root
    for folder in [f for f in (inner, *inner.parents) if f == base or base in f.parents]:
        if controllers:
            words = [*_lines(folder / "cpu.cfs_quota_us"), *_lines(folder / "cpu.cfs_period_us")]
        else:
            words = " ".join(_lines(folder / "cpu.max")).split()
        if len(words) == 2 and words[0].isdigit() and int(words[1]):
            found.append(int(words[0]) / int(words[1]))
    return min(found, default=None)


def taken(seconds: float, stat: Path = Path("/proc/stat")) -> int:
    """How many cores other processes keep busy; 0 where nothing tells.

    This process works meanwhile, and takes its own work off: of two that begin together, and look
    at the same time, each sees the other.

    Arguments:
        seconds: How long they are watched.
        stat: Where Linux counts what each core did.
    """
    before = _busy(stat)
    own = _work(seconds) if before else 0.0
    shares = []
    for (busy, total), (then, all_then) in zip(_busy(stat), before, strict=False):
        shares.append((busy - then) / max(1, total - all_then))
    # one process may move from core to core, and so what counts is their sum
    return max(0, math.floor(sum(shares) - own + BUSY))


def _work(seconds: float) -> float:
    """Keep a core busy for some seconds; the share of a core that this process had."""
    began, used = time.perf_counter(), time.process_time()
    while time.perf_counter() < began + seconds:
        pass
    return (time.process_time() - used) / (time.perf_counter() - began)


def _busy(stat: Path) -> list[tuple[int, int]]:
    """Of each core, the time that it was busy and all time, in the system's ticks."""
    found = []
    for line in _lines(stat):
        name, *words = line.split()
        if name.startswith("cpu") and name != "cpu":
            times = [int(word) for word in words[:8]]
            found.append((sum(times) - sum(times[3:5]), sum(times)))
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
