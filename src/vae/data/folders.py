"""What the folders of pictures say: their classes and their splits."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vae.data.source import Split
from vae.data.splits import own_splits, split_of, test_by_content
from vae.errors import DataError


def class_of(name: str, split: bool) -> str:
    """The class of a picture by its path: its first folder, below that of its split.

    Arguments:
        name: The picture's path below the folder of all.
        split: Whether the first folder is that of a split.
    """
    parts = name.split("/")[:-1]
    if split and parts and split_of(parts[0]):
        parts = parts[1:]
    return parts[0] if parts else ""


def has_splits(names: Iterable[str]) -> bool:
    """Whether the first folders of some paths say how to split, or all are of one split."""
    folders = {n.partition("/")[0] for n in names if "/" in n}
    return own_splits(folders) or (len(folders) == 1 and split_of(next(iter(folders))) is not None)


def split_files(
    root: Path, names: list[str], digests: npt.NDArray[np.uint64], share: float
) -> tuple[dict[Split, list[str]], list[str]]:
    """The pictures of each split, and what a user should know of it.

    Arguments:
        root: The folder, for errors.
        names: The pictures' paths below it.
        digests: A hash of each one's content, with shape (N,).
        share: The share that is tested on, where no folder says it.

    Raises:
        DataError: If pictures lie where no split is, or there are too few.
    """
    warnings: list[str] = []
    folders = {n.partition("/")[0] for n in names if "/" in n}
    if not own_splits(folders):
        odd = sorted(f for f in folders if split_of(f) and len(folders) > 1)
        if odd:
            warnings.append(
                f"the folders {', '.join(odd)} are taken for classes, since no folder train "
                "says that they are splits"
            )
        whole: dict[Split, list[str]] = {"train": names}
        by_name = dict(zip(names, digests, strict=True))
        return _with_test(root, whole, by_name, share), warnings
    rest = sorted(f for f in folders if not split_of(f))
    rest += [n for n in names if "/" not in n]
    if rest:
        raise DataError(
            "where there are folders train and test or val, pictures lie in them alone, but "
            f"{root} also has {', '.join(rest[:5])}; move those away."
        )
    found: dict[Split, list[str]] = {}
    for name in names:
        split = split_of(name.partition("/")[0])
        assert split is not None
        found.setdefault(split, []).append(name)
    if "test" in found:
        return found, warnings
    by_name = dict(zip(names, digests, strict=True))
    return _with_test(root, found, by_name, share), warnings


def _with_test(
    root: Path, found: Mapping[Split, list[str]], digests: Mapping[str, np.uint64], share: float
) -> dict[Split, list[str]]:
    """The splits with a share of the training pictures as the test set."""
    train = found["train"]
    if len(train) < 2:
        raise DataError(
            f"a folder is split into at least one picture to train on and one to test on, but "
            f"{root} has {len(train)} to train on; add more."
        )
    chosen = test_by_content(np.array([digests[n] for n in train], np.uint64), share)
    parts = {
        "train": [n for n, out in zip(train, chosen, strict=True) if not out],
        "test": [n for n, out in zip(train, chosen, strict=True) if out],
    }
    return {**found, **parts}  # type: ignore[dict-item]
