"""An index: a collection's vectors in an engine, and what is shown of it, in one folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from vae import files
from vae.config.make import make
from vae.errors import ConfigError, RunError
from vae.search.engines.engine import Engine
from vae.search.folder import begin, read, write
from vae.search.hit import Hit


class Index:
    """A folder with an index, opened; close it, or use it in a with statement.

    Arguments:
        folder: The folder.
        allow: Packages of the user's that its engine may come from.
        url: Of the server that holds the vectors, if one does: it is the user who says whom this
            machine talks to, never a file.

    Raises:
        RunError: If there is no index there, or it is damaged.
        ConfigError: If its vectors are on a server, and none is named.
    """

    def __init__(self, folder: str | Path, allow: Sequence[str] = (), url: str | None = None):
        self.folder = Path(folder).expanduser()
        self._read()
        node = dict(self.meta["engine"])
        if node.pop("url", None) or self.meta.get("server"):
            if url is None:
                raise ConfigError(
                    f"the vectors of {self.folder} are on a server, and whom to talk to is said by "
                    "the command alone; add url=http://HOST:6333 (engine.url= where an engine is "
                    "chosen)."
                )
            node["url"] = url
        self.engine: Engine = make(node, "engine", allow=allow, packages=("vae.search.engines.",))
        self.engine.open(self.folder, self.meta["dim"])
        if len(self.engine) < len(self):
            self.engine.close()
            raise RunError(
                f"an index has a vector for each of its images, but {self.folder} has "
                f"{len(self.engine):,} for {len(self):,}; make it again."
            )

    def _read(self) -> None:
        """Read what there is, as another process may have left it."""
        self.meta, self.items, self.images = read(self.folder)

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
            meta: What made the vectors: run, distance, layer, engine (a config node), dim,
                weights and classes.
            event_shape: The shape (C, H, W) of an image.
            allow: Packages of the user's that its engine may come from.

        Raises:
            ConfigError: If there is an index already.
        """
        return cls(folder, allow, begin(folder, meta, event_shape))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Alone with the index: another process that changes it waits, or is waited for."""
        with FileLock(self.folder / ".lock"):
            self._read()
            self.engine.open(self.folder, self.meta["dim"])
            yield

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
        if left:
            self.engine.remove(torch.tensor(left, dtype=torch.int64))
        # taken, whatever happens before the rest is written
        self.items["next"] = first + len(new)
        write(self.folder / "items.json", self.items)
        write(self.folder / "index.json", self.meta)
        self.engine.add(ids, vectors[new], numbers)
        self.items["ids"] += ids.tolist()
        self.items["names"] += [names[i] for i in new]
        self.items["labels"] += numbers.tolist()
        self.engine.save()
        self._save(np.concatenate([self.images, images[new].numpy()]))
        return len(new)

    def remove(self, names: Sequence[str]) -> int:
        """Take images out, by their names; a file's relative path does as well.

        Returns:
            How many were there.

        Raises:
            ConfigError: If one is not there; then none is taken out.
        """
        known = set(self.items["names"])
        gone = {n if n in known else str(Path(n).absolute()) for n in names}
        if missing := sorted(gone - known):
            raise ConfigError(
                f"remove= names images of the index, but {missing[0]} is not among its "
                f"{len(known):,}; give one of their names, which a query prints."
            )
        rows = [i for i, name in enumerate(self.items["names"]) if name not in gone]
        out = [i for i, name in enumerate(self.items["names"]) if name in gone]
        ids = torch.tensor([self.items["ids"][i] for i in out])
        for key in ("ids", "names", "labels"):
            self.items[key] = [self.items[key][i] for i in rows]
        # what has a vector more than images is as good as before; the other way is damage
        self._save(self.images[rows])
        self.engine.remove(ids)
        self.engine.save()
        return len(out)

    def search(self, queries: Tensor, k: int = 10, label: str | None = None) -> list[list[Hit]]:
        """The nearest images to each query, the nearest first.

        Arguments:
            queries: Vectors, with shape (Q, E).
            k: How many at most.
            label: The class that is searched in; None for all.

        Raises:
            ConfigError: If there is no such class.
            RunError: If the index holds no images.
        """
        if not len(self):
            raise RunError(
                f"a search needs images to find, but {self.folder} holds none; add some with "
                "python -m vae.search.index."
            )
        number, k = None, min(k, len(self))
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
    def layer(self) -> int | None:
        """The layer that is searched; None for all of z."""
        return self.meta.get("layer")

    def check_model(self, weights: str) -> None:
        """Refuse a model other than the one that made the vectors: distances would mean nothing.

        Arguments:
            weights: The hash of the model's weights.

        Raises:
            ConfigError: If it is another.
        """
        if self.meta["weights"] != weights:
            raise ConfigError(
                f"an index is searched and added to with the model that made it, but {self.run} "
                f"has other weights now than when {self.folder} was made; make a new index with "
                "python -m vae.search.index."
            )

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
        before = self.items["images"]
        turn = int(before.removeprefix("images-").removesuffix(".npy")) + 1
        self.items["images"] = f"images-{turn}.npy"
        files.write(self.folder / self.items["images"], partial(np.save, arr=images))
        # the one write that says what there is
        write(self.folder / "items.json", self.items)
        self.images = np.load(self.folder / self.items["images"], mmap_mode="r")
        (self.folder / before).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the engine."""
        self.engine.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
