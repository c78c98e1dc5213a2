"""What every source of images provides."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

Split = Literal["train", "val", "test"]
Array = npt.NDArray[np.uint8]


class Source(ABC):
    """Images and labels as uint8 arrays, decoded once.

    `name` and `fingerprint` say what the arrays are; arrays with the same two are the same.
    """

    name: str
    fingerprint: str

    @abstractmethod
    def decode(self) -> Mapping[str, Array]:
        """The arrays themselves.

        Returns:
            train_images and test_images with shape (N, C, H, W), train_labels and test_labels
            with shape (N,).

        Raises:
            DataError: If a file is missing or damaged.
        """
