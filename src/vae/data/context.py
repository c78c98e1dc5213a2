"""What is known of each example beside its image: its class, or its attributes."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vae.errors import ConfigError, DataError, one_line, printable

# some_labels: of a semi-supervised model, which sees some training labels and no others
Kind = Literal["label", "attributes", "some_labels"]
# the arrays of a split that hold each kind
CONTEXT = {"label": "labels", "attributes": "attributes", "some_labels": "labels"}
# the file of attributes beside a folder's pictures
FILE = "attributes.csv"


def check_context(arrays: Mapping[str, Tensor], kind: Kind, name: str) -> None:
    """Refuse data that does not say of each example what a conditional model is given.

    Arguments:
        arrays: A source's arrays.
        kind: What is given.
        name: The source's name.

    Raises:
        DataError: If classes are missing or not 0, 1, ..., or there are no attributes.
    """
    found = {k: v for k, v in arrays.items() if k.endswith(f"_{CONTEXT[kind]}")}
    if kind == "attributes":
        images = [k.replace("_images", "_attributes") for k in arrays if k.endswith("_images")]
        if missing := [k for k in images if k not in found]:
            raise DataError(
                f"model.condition=attributes needs attributes of every example, but {name} has no "
                f"{missing[0]}; add an array attributes, with shape (N, A), to a .npz file, or "
                f"{FILE}, with the columns file, NAME, ..., to a folder of pictures."
            )
        return
    train = found["train_labels"]
    if kind == "some_labels":
        classes = train[train >= 0].unique()
        if len(classes) < 2 or int(classes.max()) + 1 != len(classes):
            raise DataError(
                "a semi-supervised model needs classes 0, 1, ... in training, and -1 where one is "
                f"not known, but those of {name} are {classes.tolist()[:12]}; renumber them."
            )
        return
    low = min(int(v.min()) for v in found.values())
    high, classes = max(int(v.max()) for v in found.values()), int(train.max()) + 1
    if low < 0 or classes < 2 or high >= classes or classes > len(train):
        raise DataError(
            "model.condition=label needs classes 0, 1, ..., each known of every example and met in "
            f"training, but those of {name} go from {low} to {high} and in training to "
            f"{classes - 1}; renumber them, or set model.condition=null."
        )


def some_labels(train: Tensor, indices: Tensor, count: int | None, seed: int) -> Tensor:
    """The training examples whose class a semi-supervised model sees, as many of each class.

    Arguments:
        train: The classes, with shape (N,), -1 where one is not known.
        indices: The examples that are trained on.
        count: How many are seen; None for all that are known.
        seed: Of the choice.

    Returns:
        Their numbers, in order.

    Raises:
        ConfigError: If they cannot be as many of each class.
    """
    known = indices[train[indices] >= 0]
    if count is None:
        return known
    classes = train[known].unique()
    each = count // len(classes)
    generator = torch.Generator().manual_seed(seed)
    mixed = known[torch.randperm(len(known), generator=generator)]
    chosen = [mixed[train[mixed] == c][:each] for c in classes]
    if each < 1 or count % len(classes) or min(map(len, chosen)) < each:
        fewest = int(train[known].unique(return_counts=True)[1].min())
        raise ConfigError(
            f"data.labels is as many of each of the {len(classes)} classes, and at most "
            f"{fewest * len(classes)} here, got {count}; set a multiple of {len(classes)}."
        )
    return torch.cat(chosen).sort().values


def checked(attributes: npt.NDArray[np.generic], count: int, where: str) -> npt.NDArray[np.float32]:
    """Attributes as float32, with shape (N, A).

    Raises:
        DataError: If there are not as many as images, or they are not finite numbers.
    """
    found = attributes.reshape(len(attributes), -1) if attributes.ndim else attributes
    if len(attributes.shape) < 1 or len(found) != count or found.dtype.kind not in "iubf":
        raise DataError(
            f"attributes are numbers with shape (N, A), for each of the {count} images, but those "
            f"of {where} are {attributes.dtype} with shape {attributes.shape}; correct them."
        )
    numbers = found.astype(np.float32)
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers).all(1))[0])
        raise DataError(
            f"attributes are finite numbers, but row {row} of {where} has {numbers[row].tolist()}; "
            "fill in what is missing."
        )
    return numbers


def read_csv(path: Path) -> dict[str, list[float]]:
    """The attributes of each file of a folder, by its name below the folder.

    Raises:
        DataError: If the file has no column called file, or a value is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as f:
            rows = list(csv.reader(f))
    except (OSError, ValueError, csv.Error) as e:
        raise DataError(f"{path} must be a CSV file, but {one_line(e)}; write it again.") from e
    if not rows or len(rows[0]) < 2 or rows[0][0].strip().lower() != "file":
        raise DataError(
            f"{path} begins with the names of its columns, file and one for each attribute, got "
            f"{printable(','.join(rows[0]) if rows else 'nothing')}; add them."
        )
    found = {}
    for number, row in enumerate(rows[1:], 2):
        try:
            values = [float(v) for v in row[1:]]
        except ValueError:
            values = []
        if len(values) != len(rows[0]) - 1:
            raise DataError(
                f"a row of {path} is a file and {len(rows[0]) - 1} numbers, but line {number} is "
                f"{printable(','.join(row))}; correct it."
            )
        found[Path(row[0]).as_posix()] = values
    return found


def of_files(
    known: Mapping[str, Sequence[float]], names: Sequence[str], path: Path
) -> npt.NDArray[np.float32]:
    """The attributes of some files, with shape (N, A).

    Raises:
        DataError: If a file has none.
    """
    if missing := [name for name in names if Path(name).as_posix() not in known]:
        raise DataError(
            f"{path} has a row for every picture, but {len(missing):,} have none, for instance "
            f"{printable(missing[0])}; add them."
        )
    rows = np.array([known[Path(name).as_posix()] for name in names], np.float32)
    return checked(rows, len(names), str(path))
