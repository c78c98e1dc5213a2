"""A folder of pictures of any format, size and depth of nesting."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from vae import files
from vae.data import levels as grey
from vae.data.cache import cache_dir
from vae.data.context import FILE, of_files, read_csv
from vae.data.convert import USUAL, Fit, Mode, choose, convert, deep, levels_of
from vae.data.fill import fill
from vae.data.folders import class_of, has_splits, split_files
from vae.data.levels import Chosen, Seen
from vae.data.listing import content, picture_files
from vae.data.pictures import Unreadable, look
from vae.data.source import Array, Source, Split, fingerprint
from vae.errors import DataError, printable

# pictures looked at to choose a size, a mode and the levels of bytes
LOOK = 500


# sub-folders of pictures whose class is not known
UNLABELLED = {"unlabelled", "unlabeled"}


class Images(Source):
    """The pictures below a folder, brought to one shape and decoded once, in parallel.

    Labels are the names of sub-folders, if there are any; those in a sub-folder called unlabelled
    have none, for a semi-supervised model. attributes.csv, with the columns file and
    one for each attribute, says more of each picture, for model.condition=attributes. Sub-folders
    train, val and test (in any case, or training, validation, testing) are the splits; where there
    is no test, a share of the pictures is, chosen by content, so that copies of a picture are on
    one side.

    Arguments:
        root: The folder.
        size: The height and the width in pixels; "auto" is the pictures' own where they all have
            one of at most 128, else 64 for both.
        mode: "grey", "rgb", or "auto": rgb if any of a sample has colours.
        fit: How other proportions become this one: "crop", "pad" or "stretch".
        test_share: The share of pictures in the test set, where no folder says it.
        max_unreadable: The share of files that may be unreadable; those are left out and listed.
        levels: [low, high] are the levels of black and white in all pictures; "auto" leaves bytes
            as they are, and finds one range for all whole numbers of more bits (10, 12, 14 or 16)
            and one for floating point (0 to 1, or 0 to 255).

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
        levels: Chosen = "auto",
    ):
        if not 0 < test_share < 1 or not 0 <= max_unreadable < 1:
            raise ValueError(
                "data.test_share and data.max_unreadable are shares, between 0 and 1, got "
                f"{test_share} and {max_unreadable}."
            )
        if size != "auto" and min(size) < 1:
            raise ValueError(f"data.size is a height and a width in pixels, got {list(size)}.")
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
        self.files, self.warnings = split_files(self.root, names, known.digests, test_share)
        seen = Seen()
        settled = "auto" not in (size, mode) and isinstance(levels, Mapping)
        some = iter(()) if settled else self._some(names, seen)
        self.size, self.mode = choose(some, size, mode)
        if levels == "auto" and seen.low.keys() - {"bytes"}:
            seen.merge(self._look_at_deep(names, known.key))
        ranges, warnings = grey.choose(seen, levels, str(self.root))
        self.levels = {**USUAL, **ranges}
        self.warnings += warnings
        self.split = has_splits(names)
        every = (f for some in self.files.values() for f in some)
        found = {class_of(f, self.split) for f in every}
        self.classes = sorted(found - UNLABELLED) or [""]
        settings = f"{self.size}-{self.mode}-{fit}-{test_share}-{sorted(self.levels.items())}"
        # a row for each picture, of a conditional model
        self.attributes = self.root / FILE if (self.root / FILE).is_file() else None
        also = [] if self.attributes is None else [self.attributes.read_text("utf-8", "replace")]
        also += sorted(found & UNLABELLED)
        self.fingerprint = fingerprint(known.key, settings, *also)

    def _some(self, names: list[str], seen: Seen) -> Iterator[Image.Image]:
        """A look at some of the pictures."""

        def taken(image: Image.Image) -> Image.Image:
            image.load()
            seen.add(levels_of(image))
            return image

        for name in names[:: -(-len(names) // LOOK)]:
            try:
                image = look(self.root / name, taken)
            except Unreadable:
                # it is counted, and named, when it is decoded
                continue
            yield image

    def _look_at_deep(self, names: list[str], key: str) -> Seen:
        """The levels of all pictures that are not bytes; what is found is kept in the cache."""
        kept = cache_dir() / "listings" / f"{key[:32]}.levels.json"

        def one(name: str) -> Seen:
            seen = Seen()
            try:
                look(
                    self.root / name,
                    lambda image: seen.add(np.asarray(image)) if deep(image) else None,
                )
            except Unreadable:
                return Seen()
            return seen

        if (known := grey.kept(kept)) is not None:
            return known
        whole = Seen()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for seen in pool.map(one, names):
                whole.merge(seen)
        grey.keep(kept, whole)
        return whole

    def describe(self) -> str:
        """What was chosen, and how to change it."""
        height, width = self.size
        labels = "no labels"
        if self.classes != [""]:
            labels = f"{len(self.classes)} classes by sub-folder"
        return (
            f"images: {sum(map(len, self.files.values())):,} files below {self.root}; "
            f"{width}x{height} {self.mode} (data.size=[H,W], data.mode=grey|rgb), fit by "
            f"{self.fit} (data.fit=crop|pad|stretch); levels {grey.described(self._met())} "
            f"(data.levels=[LOW,HIGH]); {labels}; {len(self.files['test']):,} for the test "
            f"(data.test_share=){grey.lines(self.warnings)}"
        )

    def _met(self) -> dict[str, tuple[float, float]]:
        """The ranges, but for those that are usual."""
        return {k: v for k, v in self.levels.items() if v != USUAL[k]} or {"bytes": grey.BYTES}

    def _row(self, split: Split, i: int) -> Array:
        return look(
            self.root / self.files[split][i],
            lambda image: convert(image, *self.size, self.mode, self.fit, self.levels),
        )

    def write(self, folder: Path) -> dict[str, Path]:
        """Decode into a folder.

        Raises:
            DataError: If too many files are unreadable.
        """
        shape = (1 if self.mode == "grey" else 3, *self.size)
        number = {name: i for i, name in enumerate(self.classes)}
        number |= dict.fromkeys(UNLABELLED, -1)
        unreadable: list[str] = []
        paths: dict[str, Path] = {}
        for split, names_ in self.files.items():
            path = folder / f"{split}_images.npy"
            bad = fill(path, len(names_), shape, partial(self._row, split))
            unreadable += [f"{names_[i]}\t{why}" for i, why in sorted(bad.items())]
            kept = np.array([i for i in range(len(names_)) if i not in bad], np.int64)
            np.save(folder / f"{split}_kept.npy", kept)
            if not len(kept):
                raise DataError(
                    f"a split holds at least one picture, but none of {split} below {self.root} "
                    f"is readable, for instance {printable(names_[0])}; replace them."
                )
            labels = np.array([number[class_of(f, self.split)] for f in names_], np.int64)[kept]
            np.save(folder / f"{split}_labels.npy", labels)
            names = ["images", "labels", "kept"]
            if self.attributes is not None:
                readable = [names_[int(i)] for i in kept]
                attributes = of_files(read_csv(self.attributes), readable, self.attributes)
                np.save(folder / f"{split}_attributes.npy", attributes)
                names.append("attributes")
            paths |= {f"{split}_{n}": folder / f"{split}_{n}.npy" for n in names}
        self._judge(unreadable, folder)
        return paths

    def _judge(self, unreadable: list[str], folder: Path) -> None:
        total = sum(map(len, self.files.values()))
        if not unreadable:
            return
        told = "; ".join(printable(line.replace("\t", " (") + ")") for line in unreadable[:3])
        report = folder / "unreadable.txt"
        files.write(report, os.fsencode("\n".join(unreadable) + "\n"))
        if len(unreadable) > self.max_unreadable * total:
            # what is repaired, or allowed, must be tried again
            for note in folder.glob("*.done.json"):
                note.unlink()
            raise DataError(
                f"at most {self.max_unreadable:.0%} of the files may be unreadable "
                f"(data.max_unreadable), but {len(unreadable):,} of {total:,} are, for instance "
                f"{told}; all are listed in {report}: repair or remove them, or raise the share."
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
