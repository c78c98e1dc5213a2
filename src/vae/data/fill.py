"""An array file filled row by row in parallel, which goes on after an interruption."""

import json
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vae.data.progress import Progress
from vae.data.source import Array

# rows in a piece of work, and seconds between two notes of what is done
CHUNK, SAVE = 64, 5.0
# what PIL raises on files that are not what their names say
UNREADABLE: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    IndexError,
    OverflowError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    struct.error,
    zlib.error,
)


def fill(
    path: Path, count: int, shape: Sequence[int], row: Callable[[int], Array]
) -> dict[int, str]:
    """Write rows of bytes into an array file; after an interruption, those still missing.

    Arguments:
        path: The .npy file; beside it lies a note of what is done.
        count: The number of rows.
        shape: The shape of a row.
        row: The number of a row to the row; called from several threads.

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
    array = np.lib.format.open_memmap(rows, "r+" if done else "w+", np.uint8, (count, *shape))
    starts = [s for s in range(0, count, CHUNK) if s not in done]

    def work(start: int) -> tuple[int, dict[int, str]]:
        bad = {}
        for i in range(start, min(start + CHUNK, count)):
            try:
                array[i] = row(i)
            except UNREADABLE as e:
                bad[i] = f"{type(e).__name__}: {' '.join(str(e).split())[:200]}"
        return start, bad

    def keep(finished: bool = False) -> None:
        array.flush()
        kept = {"done": sorted(done), "failures": failures, "finished": finished}
        _write(note, {"count": count, "shape": list(shape), **kept})

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
    known: dict[str, Any]
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError):
        known = {}
    if (known.get("count"), known.get("shape")) == (count, list(shape)):
        return known
    return {"done": [], "failures": {}, "finished": False}


def _write(note: Path, value: dict[str, Any]) -> None:
    scratch = note.with_suffix(".new")
    scratch.write_text(json.dumps(value))
    scratch.replace(note)


def _leave_out(path: Path, array: Array, failures: dict[int, str]) -> None:
    kept = [i for i in range(len(array)) if i not in failures]
    scratch = path.with_suffix(".kept.npy")
    smaller = np.lib.format.open_memmap(scratch, "w+", np.uint8, (len(kept), *array.shape[1:]))
    for start, some in _pieces(kept):
        smaller[start : start + len(some)] = array[some]
    smaller.flush()
    scratch.replace(path)


def _pieces(kept: list[int], size: int = 1000) -> Iterator[tuple[int, list[int]]]:
    for start in range(0, len(kept), size):
        yield start, kept[start : start + size]
