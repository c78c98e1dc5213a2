"""How time and memory grow with the number of images and of pixels.

    python benchmarks/growth.py [--limit 720]

MNIST's training images are repeated 1, 4 and 16 times (753 MB). Where the kernel lets this process
make a memory group (cgroup v1 or v2, as root), each training gets `--limit` MB, page cache
included, less than the largest array, none of which is in memory when it starts. Memory is what the
process alone holds (anonymous pages), looked at every 50 ms.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from measure import Row, main
from vae.data.cache import cache_dir, cached
from vae.data.sources.idx import FILES, read_idx
from vae.data.sources.mnist import FOLDER, MNIST

GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))


def write_idx(path: Path, array: np.ndarray, repeats: int = 1) -> None:
    """An IDX file of bytes whose first axis is repeated."""
    with path.open("wb") as f:
        f.write(bytes([0, 0, 8, array.ndim]))
        for size in (len(array) * repeats, *array.shape[1:]):
            f.write(size.to_bytes(4, "big"))
        for _ in range(repeats):
            f.write(np.ascontiguousarray(array).tobytes())


def folder(root: Path, repeats: int = 1, zoom: int = 1, images: int = 60_000) -> Path:
    """MNIST's four files, its training images repeated, its pixels enlarged; cached already."""
    root.mkdir()
    for name, stem in FILES.items():
        array = read_idx(FOLDER / f"{stem}.gz")[: images if "train" in name else 1000]
        if name.endswith("images"):
            array = array.repeat(zoom, 1).repeat(zoom, 2)
        write_idx(root / stem, array, repeats if "train" in name else 1)
    cached(MNIST(str(root)))
    return root


def forget() -> None:
    """Drop the cached arrays from the page cache."""
    for path in cache_dir().rglob("*.npy"):
        with path.open("rb") as f:
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextlib.contextmanager
def memory_group(limit: int) -> Iterator[Path | None]:
    """A group of processes that may use `limit` MB; None where none can be made."""
    for parent in GROUPS:
        names = ("memory.limit_in_bytes", "memory.max")
        group = parent / f"vae-benchmark-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        known = [group / name for name in names if (group / name).exists()]
        if known:
            known[0].write_text(str(limit * 10**6))
            try:
                yield group / "cgroup.procs"
            finally:
                group.rmdir()
            return
        group.rmdir()
    yield None


def enter(procs: Path | None) -> None:
    """Put this process into a group."""
    if procs is not None:
        procs.write_text(str(os.getpid()))


def train(root: Path, limit: int, *overrides: str) -> tuple[float, float]:
    """The seconds for an image trained on, and the most MB that the process held."""
    forget()
    with memory_group(limit) as procs, tempfile.TemporaryDirectory() as run:
        words = [f"run_dir={run}/run", f"data.root={root}", "data.val_size=1000"]
        words += ["data.shuffle=blocks"]
        words += ["callbacks.pictures=null", "evaluate.num_samples=0", "evaluate.surgery=0"]
        words += ["evaluate.probe=0", "trainer.limit_test_batches=1", *overrides]
        child = subprocess.Popen(
            [sys.executable, "-m", "vae.train", *words],
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: enter(procs),
        )
        most = 0.0
        while child.poll() is None:
            with contextlib.suppress(OSError, StopIteration):
                status = Path(f"/proc/{child.pid}/status").read_text().splitlines()
                line = next(s for s in status if s.startswith("RssAnon"))
                most = max(most, float(line.split()[1]) / 1e3)
            time.sleep(0.05)
        if child.returncode:
            raise RuntimeError(f"training on {root} failed with code {child.returncode}")
        results = json.loads((Path(run) / "run" / "results.json").read_text())
    return 1 / float(results["train"]["images_per_second"]), most


def rows(limit: int = 720) -> Iterable[Row]:
    """Time and memory for an image, against those of the smallest."""
    cache = os.environ.get("VAE_CACHE")
    with tempfile.TemporaryDirectory(dir=cache_dir().parent) as scratch:
        os.environ["VAE_CACHE"] = f"{scratch}/cache"
        try:
            yield from _rows(Path(scratch), limit)
        finally:
            os.environ.pop("VAE_CACHE")
            if cache is not None:
                os.environ["VAE_CACHE"] = cache


def _rows(scratch: Path, limit: int) -> Iterable[Row]:
    with memory_group(limit) as procs:
        words = f"in {limit} MB" if procs else "without a limit"
    base: tuple[float, float] | None = None
    for repeats in (1, 4, 16):
        root = folder(scratch / f"images{repeats}", repeats)
        seconds, most = train(root, limit, f"trainer.max_epochs={max(1, 4 // repeats)}")
        base = base or (seconds, most)
        what = f"{60 * repeats:,},000 images ({47 * repeats} MB) {words}"
        yield Row(
            f"{what}, an image",
            f"{seconds * 1e6:.1f} µs",
            f"of 60,000 {base[0] * 1e6:.1f} µs",
            seconds / base[0],
            "0.9 to 1.1",
        )
        yield Row(f"{what}, memory", f"{most:.0f} MB", f"{base[1]:.0f} MB", most / base[1], "1")
    first: float | None = None
    for zoom in (1, 2, 4):
        root = folder(scratch / f"pixels{zoom}", zoom=zoom, images=7000)
        pixels = (28 * zoom) ** 2
        conv = ["model/encoder=conv", "model/decoder=conv", "trainer.max_epochs=1"]
        seconds, _ = train(root, 4000, *conv)
        first = first or seconds / pixels
        yield Row(
            f"conv, {28 * zoom} x {28 * zoom} pixels, a pixel",
            f"{seconds / pixels * 1e9:.0f} ns",
            f"of 28 x 28 {first * 1e9:.0f} ns",
            seconds / pixels / first,
            "1",
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=720)
    main(list(rows(parser.parse_args().limit)))
