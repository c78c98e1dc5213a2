"""An array file filled row by row in parallel, which goes on after an interruption."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from vae import files
from vae.data.pictures import Unreadable
from vae.data.progress import Progress
from vae.data.source import Array

Mapped = np.memmap[Any, np.dtype[np.uint8]]
# rows in a piece of work, and seconds between two notes of what is done
CHUNK, SAVE = 64, 5.0


def fill(
    path: Path, count: int, shape: Sequence[int], row: Callable[[int], Array]
) -> dict[int, str]:
    """Write rows of bytes into an array file; after an interruption, those still missing.

    Arguments:
        path: The .npy file; beside it lies a note of what is done.
        count: The number of rows.
        shape: The shape of a row.
        row: The number of a row to the row; called from several threads. It raises Unreadable for
            a row that there is none of.

    Returns:
        Why, by their numbers, for rows that could not be read; they are left out, and the others
        keep their order.
    """
    note = path.with_suffix(".done.json")
    state = _noted(note, count, shape)
    failures = {int(i): why for i, why in state["failures"].items()}
    if state["finished"] and path.is_file():
        return failures
    rows = path.with_suffix(".rows.npy")
    done = set(state["done"]) if rows.is_file() else set()
    array = open_reserved(rows, (count, *shape), anew=not done)
    starts = [s for s in range(0, count, CHUNK) if s not in done]

    def work(start: int) -> tuple[int, dict[int, str]]:
        bad = {}
        for i in range(start, min(start + CHUNK, count)):
            try:
                array[i] = row(i)
            except Unreadable as e:
                bad[i] = str(e)
        return start, bad

    def keep(finished: bool = False) -> None:
        array.flush()
        kept = {"done": sorted(done), "failures": failures, "finished": finished}
        files.write(note, json.dumps({"count": count, "shape": list(shape), **kept}))

    saved = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool, Progress("decoding", count) as progress:
        progress.advance(sum(min(CHUNK, count - start) for start in done))
        for start, bad in pool.map(work, starts):
            failures |= bad
            done.add(start)
            progress.advance(min(CHUNK, count - start))
            if time.monotonic() - saved >= SAVE:
                keep()
                saved = time.monotonic()
    keep()
    if failures:
        _leave_out(path, array, failures)
    else:
        rows.replace(path)
    keep(finished=True)
    rows.unlink(missing_ok=True)
    return failures


def _noted(note: Path, count: int, shape: Sequence[int]) -> dict[str, Any]:
    """What is done of these rows; nothing, if the note is of others or damaged."""
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError):
        known = None
    if isinstance(known, dict) and (known.get("count"), known.get("shape")) == (count, list(shape)):
        return known
    return {"done": [], "failures": {}, "finished": False}


def open_reserved(path: Path, shape: Sequence[int], anew: bool = True) -> Mapped:
    """An array file of bytes, mapped, with its space on the disk.

    Arguments:
        path: The .npy file.
        shape: The array's shape.
        anew: Whether to begin it; else it is there already.

    Raises:
        OSError: If the disk has no such space.
    """
    # only its header and its length are written here
    mode: Any = "w+" if anew else "r+"
    array: Mapped = np.lib.format.open_memmap(path, mode, np.uint8, tuple(shape))
    try:
        files.reserve(path, path.stat().st_size)
    except OSError:
        del array
        path.unlink(missing_ok=True)
        raise
    return array


def _leave_out(path: Path, array: Mapped, failures: dict[int, str]) -> None:
    kept = [i for i in range(len(array)) if i not in failures]
    scratch = path.with_suffix(".kept.npy")
    smaller = open_reserved(scratch, (len(kept), *array.shape[1:]))
    for start, some in _pieces(kept):
        smaller[start : start + len(some)] = array[some]
    smaller.flush()
    scratch.replace(path)


def _pieces(kept: list[int], size: int = 1000) -> Iterator[tuple[int, list[int]]]:
    for start in range(0, len(kept), size):
        yield start, kept[start : start + size]
