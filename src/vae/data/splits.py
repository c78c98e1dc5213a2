"""Which pictures are trained on, validated on and tested on."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from vae.data.source import Split

NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def split_of(name: str) -> Split | None:
    """The split that a folder's name, or a data set's part, stands for; None if for none."""
    return NAMES.get(name.lower())


def own_splits(names: Iterable[str]) -> bool:
    """Whether names say how to split: there is one for training, and another."""
    found = {split_of(name) for name in names} - {None}
    return "train" in found and len(found) > 1


def test_by_content(digests: npt.NDArray[np.uint64], share: float) -> npt.NDArray[np.bool_]:
    """Which examples are tested on, where nobody has said it: those with the smallest hashes.

    Copies of an example are on one side, and neither the order nor the names matter.

    Arguments:
        digests: A hash of each example's content, with shape (N,), N at least 2.
        share: The share that is tested on.
    """
    order = np.argsort(digests, kind="stable")
    count = min(len(order) - 1, max(1, round(share * len(order))))
    while count < len(order) - 1 and digests[order[count]] == digests[order[count - 1]]:
        count += 1
    chosen = np.zeros(len(order), bool)
    chosen[order[:count]] = True
    return chosen
