"""What a process that computes does first: settings that make every command faster and quieter."""

import ctypes
import logging
import os
import warnings

import torch

from vae.runs.threads import choose

# mallopt's numbers for the two thresholds, and the largest value that the second may have
_TRIM, _MMAP, _MMAP_MOST = -1, -3, 32 * 2**20


def prepare(threads: int | None = None, shared: bool = False) -> None:
    """Flush denormals, keep freed memory, and leave out what the summary says better.

    Arguments:
        threads: The number of threads that compute; None for what `vae.runs.threads` finds.
        shared: Whether several processes of this run share the machine.
    """
    choose(threads, shared)
    torch.set_flush_denormal(True)
    keep_memory()
    _quiet()


def keep_memory(most: int = 2**30) -> bool:
    """Let the allocator keep freed memory for the next step instead of giving it back at once.

    glibc returns large freed blocks to the system, and the next step's tensors then fault in page
    by page: a fifth of the time of a small step. mallopt sets in this process what
    MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ would have to set before it started.

    Arguments:
        most: The number of free bytes at the top of the heap that are kept.

    Returns:
        Whether there was anything to set: other C libraries have no such thresholds.
    """
    if "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", ()):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP, _MMAP_MOST)) and bool(mallopt(_TRIM, most))


def _quiet() -> None:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # what a profiler has found is what it was asked for
    logging.getLogger("lightning.pytorch.profilers.profiler").setLevel(logging.INFO)
    # torch deprecates what Lightning calls
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
    # intervals of logging run on from epoch to epoch
    warnings.filterwarnings("ignore", message="The number of training batches .* is smaller than")
    # Hydra made the directory, and no earlier run is in it but one that goes on
    warnings.filterwarnings(
        "ignore", message="(Experiment logs|Checkpoint) directory .* exists and is not empty"
    )
