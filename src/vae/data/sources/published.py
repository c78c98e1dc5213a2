"""A published file of images with known factors."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from zipfile import BadZipFile

import numpy as np

from vae.data.source import Array, fingerprint
from vae.data.sources.factors import Factors
from vae.errors import DataError


class Published(Factors):
    """Images and factors of a file that the user has downloaded.

    Arguments:
        root: The file, or the folder that it lies in.
        test_share: The share of images in the test set.

    Raises:
        DataError: If there is no such file, or it holds something else.
    """

    # its published name
    file: ClassVar[str]

    def __init__(self, root: str | None, test_share: float = 0.1):
        super().__init__(test_share)
        if root is None:
            raise DataError(f"data.root must be the file {self.file}, got nothing; add data.root=.")
        given = Path(root).expanduser()
        self.path = given / self.file if given.is_dir() else given
        if not self.path.is_file():
            raise DataError(
                f"data.root must be the file {self.file} or its folder, but there is no "
                f"{self.path}; name it."
            )
        facts = self.path.stat()
        said = (self.path.resolve(), facts.st_size, facts.st_mtime_ns, test_share)
        self.fingerprint = fingerprint(*map(str, said))

    @abstractmethod
    def read(self) -> Iterator[Array]:
        """All images as bytes, in the grid's order, some at a time, each (N, C, H, W)."""

    def pieces(self) -> Iterator[Array]:
        """All images, of which there must be as many as the file is known to hold."""
        found = 0
        try:
            for images in self.read():
                found += len(images)
                yield images
        except (ValueError, KeyError, OSError, BadZipFile, EOFError) as e:
            raise DataError(
                f"data={self.name} reads the published {self.file}, but {self.path} is another "
                f"file or damaged ({e}); download it again."
            ) from e
        assert found == np.prod(self.counts)
