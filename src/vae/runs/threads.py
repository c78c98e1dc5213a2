"""How many threads compute, where nobody has said: the cores that this process may have.

Two threads that share a step wait for each other at the end of every product. Where another process
takes one of their cores, each such wait lasts until the system lets the slower one run again, and a
step on all cores is slower than one on a single core.
"""

import math
import os
import sys

import torch

from vae.runs.cores import quota, taken

# what launchers of several processes on one machine leave in the environment
RANKS = ("LOCAL_RANK", "WORLD_SIZE", "SLURM_PROCID", "PMI_RANK", "OMPI_COMM_WORLD_RANK")
# variables with which a user or a launcher has chosen the number before
CHOSEN = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
# the number before ours, and ours: what differs from it is another's choice, and the next start
_known = {"own": 0, "ours": 0}


def choose(threads: int | None = None, shared: bool = False, seconds: float = 0.2) -> None:
    r"""Compute with as many threads as there are cores for them, and say so if torch's are more.

    .. math:: \text{threads} = \max(1, \min(\text{torch's}, \text{quota} - \text{taken}))

    The quota is that of the control group (Docker, Kubernetes) or of SLURM; taken are the cores
    that others keep busy. Nothing changes where OMP_NUM_THREADS or MKL_NUM_THREADS is set.

    Arguments:
        threads: The number, if somebody has said it.
        shared: Whether processes of one run share the cores, whose load is no reason.
        seconds: How long the other processes are watched.
    """
    if torch.get_num_threads() != _known["ours"]:
        _known["own"] = torch.get_num_threads()
    if threads is None and not any(os.environ.get(name) for name in CHOSEN):
        threads = _free(_known["own"], shared, seconds)
    _known["ours"] = threads or _known["own"]
    torch.set_num_threads(_known["ours"])


def _free(most: int, shared: bool, seconds: float) -> int:
    """The cores that are free for this process, at most `most`; it says so if they are fewer."""
    limit = quota()
    allowed = most if limit is None else max(1, min(most, math.ceil(limit)))
    alone = not shared and not any(name in os.environ for name in RANKS)
    busy = taken(seconds) if alone and allowed > 1 else 0
    threads = max(1, allowed - busy)
    if threads < most:
        reason = f"other processes keep {busy} of {os.cpu_count()} cores busy"
        if not busy:
            reason = f"this process may use {limit:g} cores"
        print(
            f"threads: {threads}, since {reason}; OMP_NUM_THREADS={most}, or threads={most} in "
            "training, overrules this",
            file=sys.stderr,
            flush=True,
        )
    return threads
