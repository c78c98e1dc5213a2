"""3D Shapes, from its published file."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from vae.data.source import Array
from vae.data.sources.published import Published
from vae.errors import needs_extra

CHUNK = 2048


class Shapes3D(Published):
    """480,000 colour images of 64 x 64: a shape in a room, with six factors of variation.

    References:
        3D Shapes (Burgess & Kim, 2018), github.com/google-deepmind/3d-shapes, Apache licence 2.0
    """

    name = "shapes3d"
    file = "3dshapes.h5"
    classes: ClassVar[list[str]] = ["cube", "cylinder", "sphere", "capsule"]  # type: ignore[misc]
    factors: ClassVar[list[str]] = [  # type: ignore[misc]
        "floor_hue",
        "wall_hue",
        "object_hue",
        "scale",
        "shape",
        "orientation",
    ]
    counts: ClassVar[list[int]] = [10, 10, 10, 8, 4, 15]  # type: ignore[misc]
    labelled = 4
    event_shape = (3, 64, 64)

    def read(self) -> Iterator[Array]:
        """Some of the file's images at a time.

        Raises:
            ConfigError: If the h5py library is not installed.
        """
        try:
            import h5py
        except ImportError as e:
            raise needs_extra("data=shapes3d", "the h5py library", "shapes3d") from e
        with h5py.File(self.path, "r") as file:
            images = file["images"]
            if images.shape != (np.prod(self.counts), *self.event_shape[1:], 3):
                raise ValueError(f"images has the shape {images.shape}")
            for start in range(0, len(images), CHUNK):
                yield images[start : start + CHUNK].transpose(0, 3, 1, 2)
