"""IDX files fetched from a mirror at first use."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from vae.data.cache import cache_dir
from vae.data.sources.idx import FILES, IDX
from vae.errors import DataError


class DownloadedIDX(IDX):
    """IDX files that are downloaded once, from the first mirror that has them intact.

    Arguments:
        mirrors: The addresses of folders that hold the four files, tried in turn.
        root: A folder with the four IDX files to use instead of downloading them.
    """

    md5: ClassVar[Mapping[str, str]]

    def __init__(self, mirrors: Sequence[str], root: str | None = None):
        self.mirrors = mirrors
        self.copies = (self.md5,)  # type: ignore[misc]
        super().__init__(root)

    @property
    def standard_fingerprint(self) -> str:
        """The checksums' checksum."""
        return hashlib.sha256("".join(self.md5[name] for name in FILES).encode()).hexdigest()

    def standard(self) -> Path:
        """The folder of the downloaded files; each is checked, and fetched if it is not there.

        Raises:
            DataError: If no mirror gives a file whose checksum is right.
        """
        import pooch

        folder = cache_dir() / "downloads" / self.name
        registry = {f"{stem}.gz": f"md5:{self.md5[name]}" for name, stem in FILES.items()}
        pooch.get_logger().setLevel("WARNING")
        failures = []
        for mirror in self.mirrors:
            url = mirror.rstrip("/") + "/"
            source = pooch.create(folder, url, registry=registry, retry_if_failed=2)
            try:
                for file in registry:
                    source.fetch(file, progressbar=not (folder / file).exists())
                return folder
            except (OSError, ValueError) as e:
                failures.append(f"{url}{file}: {str(e).splitlines()[0]}")
        raise DataError(
            f"{self.name} is downloaded at first use, but no mirror gave all of its files "
            f"({'; '.join(failures)}); connect to the network, or put the four IDX files in a "
            "folder and name it with data.root=."
        )
