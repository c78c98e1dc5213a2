"""An index: a collection's vectors in an engine, and what is shown of it, in one folder."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae.errors import ConfigError, RunError
from vae.make import make
from vae.search.engines.engine import Engine


@dataclass(frozen=True)
class Hit:
    """An image that was found.

    Arguments:
        name: Its name in the collection.
        label: Its class; an empty word if there are none.
        distance: How far it is from the query.
        image: Bytes, with shape (C, H, W).
    """

    name: str
    label: str
    distance: float
    image: Tensor


class Index:
    """A folder with an index, opened; close it, or use it in a with statement.

    Arguments:
        folder: The folder.
        allow: Packages of the user's that its engine may come from.

    Raises:
        RunError: If there is no index there, or it is damaged.
    """

    def __init__(self, folder: str | Path, allow: Sequence[str] = ()):
        self.folder = Path(folder)
        try:
            self.meta: dict[str, Any] = json.loads((self.folder / "index.json").read_text())
            self.items: dict[str, Any] = json.loads((self.folder / "items.json").read_text())
            self.images = np.load(self.folder / self.items["images"], mmap_mode="r")
        except (OSError, ValueError, KeyError) as e:
            raise RunError(
                f"index= takes a folder that python -m vae.search.index made, but {self.folder} "
                f"cannot be read as one ({' '.join(str(e).split())[:200]}); make it first."
            ) from e
        self.engine: Engine = make(
            self.meta["engine"], "engine", allow=allow, packages=("vae.search.engines.",)
        )
        self.engine.open(self.folder, self.meta["dim"])

    @classmethod
    def create(
        cls,
        folder: Path,
        meta: Mapping[str, Any],
        event_shape: Sequence[int],
        allow: Sequence[str] = (),
    ) -> Index:
        """Make an empty index and open it.

        Arguments:
            folder: Where; it must not hold an index yet.
            meta: What made the vectors: run, distance, engine (a config node), dim and classes.
            event_shape: The shape (C, H, W) of an image.
            allow: Packages of the user's that its engine may come from.

        Raises:
            ConfigError: If there is an index already.
        """
        if _holds_images(folder):
            raise ConfigError(
                f"an index needs a folder of its own, but {folder} holds one already; name another "
                "with index=, or leave run= out to add to it."
            )
        folder.mkdir(parents=True, exist_ok=True)
        node = dict(meta["engine"])
        if "collection" in node and node["collection"] is None:
            # a server may hold those of other indices
            node["collection"] = f"vae-{uuid.uuid4().hex}"
        meta = {**meta, "engine": node}
        np.save(folder / "images-0.npy", np.zeros((0, *event_shape), np.uint8))
        empty = {"next": 0, "images": "images-0.npy", "ids": [], "names": [], "labels": []}
        _write(folder / "items.json", empty)
        _write(folder / "index.json", meta)
        return cls(folder, allow)

    def __len__(self) -> int:
        return len(self.items["ids"])

    def add(
        self, vectors: Tensor, images: Tensor, names: Sequence[str], labels: Sequence[str]
    ) -> int:
        """Add images that are not in it yet, by their names.

        Arguments:
            vectors: Their vectors, with shape (N, E).
            images: Bytes, with shape (N, C, H, W).
            names: Their names.
            labels: Their classes.

        Returns:
            How many were added.
        """
        known = set(self.items["names"])
        new = [i for i, name in enumerate(names) if name not in known]
        if not new:
            return 0
        first = self.items["next"]
        ids = torch.arange(first, first + len(new))
        classes = self.meta["classes"]
        classes += sorted({labels[i] for i in new} - set(classes))
        number = {word: n for n, word in enumerate(classes)}
        numbers = torch.tensor([number[labels[i]] for i in new])
        # what an add that was interrupted left behind
        left = sorted(set(range(first)) - set(self.items["ids"]))
        self.engine.remove(torch.tensor(left, dtype=torch.int64))
        # taken, whatever happens before the rest is written
        self.items["next"] = first + len(new)
        _write(self.folder / "items.json", self.items)
        _write(self.folder / "index.json", self.meta)
        self.engine.add(ids, vectors[new], numbers)
        self.items["ids"] += ids.tolist()
        self.items["names"] += [names[i] for i in new]
        self.items["labels"] += numbers.tolist()
        self._save(np.concatenate([self.images, images[new].numpy()]))
        return len(new)

    def remove(self, names: Sequence[str]) -> int:
        """Take images out, by their names.

        Returns:
            How many were there.
        """
        gone = set(names)
        rows = [i for i, name in enumerate(self.items["names"]) if name not in gone]
        out = [i for i, name in enumerate(self.items["names"]) if name in gone]
        if not out:
            return 0
        self.engine.remove(torch.tensor([self.items["ids"][i] for i in out]))
        for key in ("ids", "names", "labels"):
            self.items[key] = [self.items[key][i] for i in rows]
        self._save(self.images[rows])
        return len(out)

    def search(self, queries: Tensor, k: int = 10, label: str | None = None) -> list[list[Hit]]:
        """The nearest images to each query, the nearest first.

        Arguments:
            queries: Vectors, with shape (Q, E).
            k: How many at most.
            label: The class that is searched in; None for all.

        Raises:
            ConfigError: If there is no such class.
        """
        number = None
        if label is not None:
            if label not in self.meta["classes"]:
                known = ", ".join(map(str, self.meta["classes"][:20]))
                raise ConfigError(
                    f"label= names a class of the index, got {label}; its classes are {known}."
                )
            number = self.meta["classes"].index(label)
        distances, ids = self.engine.search(queries, k, number)
        row = {i: n for n, i in enumerate(self.items["ids"])}
        return [
            [
                self._hit(row[i], d)
                for d, i in zip(some.tolist(), mine.tolist(), strict=True)
                if i in row
            ]
            for some, mine in zip(distances.clamp(min=0).sqrt(), ids, strict=True)
        ]

    @property
    def run(self) -> Path:
        """The run whose model made the vectors: where it was, or above the index if both moved."""
        known = Path(self.meta["run"])
        home = self.folder.absolute().parent
        return home if not known.exists() and (home / "checkpoints").is_dir() else known

    def _hit(self, row: int, distance: float) -> Hit:
        label = self.meta["classes"][self.items["labels"][row]]
        image = torch.from_numpy(np.array(self.images[row]))
        return Hit(self.items["names"][row], label, distance, image)

    def _save(self, images: np.ndarray[Any, Any]) -> None:
        self.engine.save()
        before = self.items["images"]
        turn = int(before.removeprefix("images-").removesuffix(".npy")) + 1
        self.items["images"] = f"images-{turn}.npy"
        np.save(self.folder / self.items["images"], images)
        # the one write that says what there is
        _write(self.folder / "items.json", self.items)
        self.images = np.load(self.folder / self.items["images"], mmap_mode="r")
        (self.folder / before).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the engine."""
        self.engine.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _holds_images(folder: Path) -> bool:
    """Whether there is an index with images; one that came to nothing may be made again."""
    try:
        return bool(json.loads((folder / "items.json").read_text())["ids"])
    except (OSError, ValueError, KeyError):
        return False


def _write(path: Path, value: Any) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(value))
    scratch.replace(path)
