"""What every source of images provides."""

import hashlib
from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Split = Literal["train", "val", "test"]
# bytes of images; whole numbers of labels
Array = npt.NDArray[Any]


class Source(ABC):
    """Images as bytes and labels as whole numbers, decoded once.

    A source gives its arrays from `decode`, or writes them piece by piece in `write` if they may
    be larger than memory.

    `name` and `fingerprint` say what the arrays are; arrays with the same two are the same.
    """

    name: str
    fingerprint: str

    # the classes' names, by their labels; none if the labels speak for themselves
    classes: list[str] = []  # noqa: RUF012

    def describe(self) -> str | None:
        """What was chosen for the user, and how to change it; None if nothing was."""
        return None

    def decode(self) -> Mapping[str, Array]:
        """The arrays themselves.

        Returns:
            train_images and test_images with shape (N, C, H, W), train_labels and test_labels
            with shape (N,); val_images and val_labels, where the source says what is validated on.

        Raises:
            DataError: If a file is missing or damaged.
        """
        raise NotImplementedError

    def write(self, folder: Path) -> dict[str, Path]:
        """Write the arrays into a folder; what an interrupted process left there may be used.

        Arguments:
            folder: It exists.

        Returns:
            The .npy file of each array, by the names that `decode` gives.

        Raises:
            DataError: If a file is missing or damaged.
        """
        paths = {}
        for name, array in self.decode().items():
            paths[name] = folder / f"{name}.npy"
            np.save(paths[name], array)
        return paths


def fingerprint(*words: str) -> str:
    """A key to what some words say."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
