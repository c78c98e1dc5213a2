"""A folder of pictures of any format, size and depth of nesting."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from vae.data.cache import cache_dir
from vae.data.convert import Fit, Mode, choose, convert
from vae.data.fill import UNREADABLE, fill
from vae.data.listing import content, picture_files
from vae.data.source import Array, Source, Split, fingerprint
from vae.errors import DataError

# folders whose names say what their pictures are for
SPLITS = ("train", "val", "valid", "validation", "test")
# pictures looked at to choose a size and a mode
LOOK = 500


def class_of(name: str) -> str:
    """The class of a picture by its path: its first folder, below that of its split."""
    parts = name.split("/")[:-1]
    if parts and parts[0] in SPLITS:
        parts = parts[1:]
    return parts[0] if parts else ""


class Images(Source):
    """The pictures below a folder, brought to one shape and decoded once, in parallel.

    Labels are the names of sub-folders, if there are any. If there are sub-folders train and test,
    they are the splits; else a share of the pictures is the test set, chosen by content, so that
    copies of a picture are on one side.

    Arguments:
        root: The folder.
        size: The height and the width in pixels; "auto" is the pictures' own where they all have
            one of at most 128, else 64 for both.
        mode: "grey", "rgb", or "auto": rgb if any of a sample has colours.
        fit: How other proportions become this one: "crop", "pad" or "stretch".
        test_share: The share of pictures in the test set, where no folder says it.
        max_unreadable: The share of files that may be unreadable; those are left out and listed.

    Raises:
        DataError: If there are too few pictures.
    """

    name = "images"

    def __init__(
        self,
        root: str,
        size: tuple[int, int] | Literal["auto"] = "auto",
        mode: Mode | Literal["auto"] = "auto",
        fit: Fit = "crop",
        test_share: float = 0.1,
        max_unreadable: float = 0.01,
    ):
        if not 0 < test_share < 1 or not 0 <= max_unreadable < 1:
            raise ValueError(
                "data.test_share and data.max_unreadable are shares, between 0 and 1, got "
                f"{test_share} and {max_unreadable}."
            )
        self.root = Path(root).expanduser()
        self.fit = fit
        self.max_unreadable = max_unreadable
        names = picture_files(self.root)
        if len(names) < 3:
            raise DataError(
                f"data.root must hold at least 3 pictures, but {self.root} has {len(names)} below "
                "it; name another folder."
            )
        known = content(self.root, names, cache_dir() / "listings")
        self.files = self._split(names, known.digests, test_share)
        self.size, self.mode = choose(self._some(names), size, mode)
        self.classes = sorted({class_of(f) for some in self.files.values() for f in some})
        settings = f"{self.size}-{self.mode}-{fit}-{test_share}"
        self.fingerprint = fingerprint(known.key, settings)

    def _split(
        self, names: list[str], digests: npt.NDArray[np.uint64], share: float
    ) -> dict[Split, list[str]]:
        folders = {n.partition("/")[0] for n in names if "/" in n}
        if {"train", "test"} <= folders:
            if rest := folders - set(SPLITS):
                raise DataError(
                    "where there are folders train and test, pictures lie in them or in val, but "
                    f"{self.root} also has {', '.join(sorted(rest)[:5])}; move those away."
                )
            return {
                "train": [n for n in names if not n.startswith("test/")],
                "test": [n for n in names if n.startswith("test/")],
            }
        order = np.argsort(digests, kind="stable")
        count = max(1, round(share * len(names)))
        while count < len(names) - 1 and digests[order[count]] == digests[order[count - 1]]:
            count += 1
        chosen = set(order[:count].tolist())
        return {
            "train": [n for i, n in enumerate(names) if i not in chosen],
            "test": [n for i, n in enumerate(names) if i in chosen],
        }

    def _some(self, names: list[str]) -> Iterator[Image.Image]:
        """A look at some of the pictures."""
        for name in names[:: -(-len(names) // LOOK)]:
            try:
                with Image.open(self.root / name) as image:
                    image.load()
            except UNREADABLE:
                # it is counted, and named, when it is decoded
                continue
            yield image

    def describe(self) -> str:
        """What was chosen, and how to change it."""
        height, width = self.size
        labels = "no labels"
        if self.classes != [""]:
            labels = f"{len(self.classes)} classes by sub-folder"
        return (
            f"images: {sum(map(len, self.files.values())):,} files below {self.root}; "
            f"{width}x{height} {self.mode} (data.size=[H,W], data.mode=grey|rgb), fit by "
            f"{self.fit} (data.fit=crop|pad|stretch); {labels}; {len(self.files['test']):,} for "
            "the test (data.test_share=)"
        )

    def _row(self, split: Split, i: int) -> Array:
        with Image.open(self.root / self.files[split][i]) as image:
            return convert(image, *self.size, self.mode, self.fit)

    def write(self, folder: Path) -> dict[str, Path]:
        """Decode into a folder.

        Raises:
            DataError: If too many files are unreadable.
        """
        shape = (1 if self.mode == "grey" else 3, *self.size)
        number = {name: i for i, name in enumerate(self.classes)}
        unreadable: list[str] = []
        paths: dict[str, Path] = {}
        for split, files in self.files.items():
            path = folder / f"{split}_images.npy"
            bad = fill(path, len(files), shape, partial(self._row, split))
            unreadable += [f"{files[i]}\t{why}" for i, why in sorted(bad.items())]
            kept = np.array([i for i in range(len(files)) if i not in bad], np.int64)
            np.save(folder / f"{split}_kept.npy", kept)
            labels = np.array([number[class_of(f)] for f in files], np.int64)[kept]
            np.save(folder / f"{split}_labels.npy", labels)
            names = ("images", "labels", "kept")
            paths |= {f"{split}_{n}": folder / f"{split}_{n}.npy" for n in names}
        self._judge(unreadable, folder)
        return paths

    def _judge(self, unreadable: list[str], folder: Path) -> None:
        total = sum(map(len, self.files.values()))
        if not unreadable:
            return
        told = "; ".join(line.replace("\t", " (") + ")" for line in unreadable[:3])
        report = folder / "unreadable.txt"
        report.write_text("\n".join(unreadable) + "\n", errors="surrogateescape")
        if len(unreadable) > self.max_unreadable * total:
            # what is mended, or allowed, must be tried again
            for note in folder.glob("*.done.json"):
                note.unlink()
            raise DataError(
                f"at most {self.max_unreadable:.0%} of the files may be unreadable "
                f"(data.max_unreadable), but {len(unreadable):,} of {total:,} are, for instance "
                f"{told}; all are listed in {report}: mend or remove them, or raise the share."
            )
        print(
            f"warning: {len(unreadable):,} of {total:,} files are unreadable and left out: {told}"
        )

    def names(self, split: Split, kept: npt.NDArray[np.int64]) -> list[str]:
        """The names of a split's pictures below the folder.

        Arguments:
            split: Which split.
            kept: The numbers of those that could be read, as `write` leaves them.
        """
        return [self.files[split][int(i)] for i in kept]
