"""dSprites, from its published file."""

import zipfile
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from vae.data.source import Array
from vae.data.sources.published import Published

CHUNK = 4096


class DSprites(Published):
    """737,280 binary images of 64 x 64: a shape of three, at six scales, 40 orientations, 32 x 32.

    References:
        dSprites (Matthey et al., 2017), github.com/google-deepmind/dsprites-dataset, zlib licence
    """

    name = "dsprites"
    file = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
    classes: ClassVar[list[str]] = ["square", "ellipse", "heart"]  # type: ignore[misc]
    factors: ClassVar[list[str]] = ["shape", "scale", "orientation", "x", "y"]  # type: ignore[misc]
    counts: ClassVar[list[int]] = [3, 6, 40, 32, 32]  # type: ignore[misc]
    event_shape = (1, 64, 64)

    def read(self) -> Iterator[Array]:
        """Unpacked they take 3 GB, so they are read as they are unpacked."""
        total, size = int(np.prod(self.counts)), 64 * 64
        with zipfile.ZipFile(self.path) as archive, archive.open("imgs.npy") as file:
            np.lib.format.read_magic(file)
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
            if shape != (total, 64, 64) or kind != np.uint8:
                raise ValueError(f"imgs has the shape {shape} and the type {kind}")
            for start in range(0, total, CHUNK):
                count = min(CHUNK, total - start)
                images = np.frombuffer(file.read(count * size), np.uint8)
                yield images.reshape(count, *self.event_shape) * np.uint8(255)
