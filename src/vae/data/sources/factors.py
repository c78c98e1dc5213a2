"""Images of which the factors of variation are known, as disentanglement scores need them."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vae.data.fill import open_reserved
from vae.data.source import Array, Source


class Factors(Source):
    """A grid of images, one for each combination of factors; some are held out to test.

    Each image's factors are its attributes: the places in their ranges, from 0 to 1. Images are
    kept in a random order, so that neighbours in the file are no neighbours in the grid.

    Arguments:
        test_share: The share of images in the test set, the same for everyone.
    """

    # the factors' names, and how many values each has; the last changes fastest
    factors: list[str]
    counts: list[int]
    # the factor that is the label
    labelled = 0
    event_shape: tuple[int, int, int]

    def __init__(self, test_share: float):
        if not 0 < test_share < 1:
            raise ValueError(f"data.test_share is a share, between 0 and 1, got {test_share}.")
        self.test_share = test_share

    @abstractmethod
    def pieces(self) -> Iterator[Array]:
        """All images as bytes, in the grid's order, some at a time, each (N, C, H, W)."""

    def write(self, folder: Path) -> dict[str, Path]:
        """Write them piece by piece, each to its place."""
        total = int(np.prod(self.counts))
        held_out = max(1, round(total * self.test_share))
        sizes = {"test": held_out, "train": total - held_out}
        paths = {f"{s}_{k}": folder / f"{s}_{k}.npy" for s in sizes for k in KINDS}
        images = {
            s: open_reserved(paths[f"{s}_images"], (n, *self.event_shape)) for s, n in sizes.items()
        }
        places = np.random.default_rng(0).permutation(total)
        start = 0
        for piece in self.pieces():
            place = places[start : start + len(piece)]
            tested = place < held_out
            images["test"][place[tested]] = piece[tested]
            images["train"][place[~tested] - held_out] = piece[~tested]
            start += len(piece)
        # which of the grid lies at each place
        values = np.stack(np.unravel_index(np.argsort(places), self.counts), axis=1)
        ends = np.maximum(np.array(self.counts) - 1, 1)
        for split, rows in (("test", slice(held_out)), ("train", slice(held_out, None))):
            images[split].flush()
            np.save(paths[f"{split}_labels"], values[rows, self.labelled].astype(np.uint8))
            np.save(paths[f"{split}_attributes"], (values[rows] / ends).astype(np.float32))
        return paths


KINDS = ("images", "labels", "attributes")
