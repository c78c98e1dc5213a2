"""Which pictures are trained on, validated on and tested on."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vae.data.source import Split
from vae.errors import ConfigError, DataError

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


def held_out(
    total: int, own: int | None, val_size: int | Literal["auto"], seed: int, name: str
) -> tuple[Tensor, Tensor]:
    """The numbers of the examples that are trained on, and of those that are validated on.

    Arguments:
        total: The number of training examples.
        own: The size of a validation set of the source's own; None if it has none.
        val_size: How many are held out; "auto" is a tenth, and at most 5000.
        seed: Of the draw.
        name: The source's name.

    Raises:
        ConfigError: If there would be none to train on, or there is a validation set already.
    """
    if own is not None and val_size != "auto":
        raise ConfigError(
            f"{name} has a validation set of its own ({own} examples), got "
            f"data.val_size={val_size}; set data.val_size=auto."
        )
    auto = 0 if own is not None else min(max(1, min(5000, total // 10)), total - 1)
    count = auto if val_size == "auto" else val_size
    if not 0 <= count < total:
        raise ConfigError(
            f"data.val_size must leave some of the {total} training examples of {name} "
            f"to train on, got {count}; set it between 0 and {total - 1}."
        )
    order = torch.randperm(total, generator=torch.Generator().manual_seed(seed))
    val = order[:count].sort().values if own is None else torch.arange(own)
    return order[count:].sort().values, val


def check_images(arrays: Mapping[str, Tensor], name: str) -> None:
    """Refuse what no model can be trained and tested on, before anything is trained.

    Raises:
        DataError: If a split is empty, or its images have another shape than the others'.
    """
    shapes = {k: tuple(a.shape[1:]) for k, a in arrays.items() if k.endswith("_images")}
    sizes = {k: len(arrays[k]) for k in shapes}
    if len(set(shapes.values())) > 1 or not all(sizes.values()):
        found = ", ".join(f"{k} ({sizes[k]}, {', '.join(map(str, shapes[k]))})" for k in shapes)
        raise DataError(
            f"the images of all splits have one shape, and no split is empty, but {name} has "
            f"{found}; correct the data."
        )
