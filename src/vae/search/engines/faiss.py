"""Approximate search by FAISS."""

import uuid
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vae import files
from vae.errors import ConfigError, RunError, needs_extra, one_line
from vae.runs import checkpoint
from vae.search.engines.engine import Engine

# vectors that are looked at one by one, where a search is restricted to them
FEW = 100_000


class Faiss(Engine):
    """An index of FAISS: a graph (hnsw), or cells of which some are looked at (ivf).

    Arguments:
        kind: "hnsw" (which removes nothing: removed vectors are skipped), "ivf" or "flat" (exact).
        links: The links of each vertex of the graph, at least 2.
        cells: The number of cells; null is four times the square root of the number of vectors.
        probes: How many cells, or candidates in the graph, a query looks at.

    Raises:
        ConfigError: If faiss is not installed, or a number makes no sense.

    References:
        Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small
        World graphs (Malkov & Yashunin, 2018); Billion-scale similarity search with GPUs (Johnson,
        Douze & Jégou, 2019)
    """

    def __init__(
        self,
        kind: Literal["hnsw", "ivf", "flat"] = "hnsw",
        links: int = 32,
        cells: int | None = None,
        probes: int = 64,
    ):
        try:
            import faiss
        except ImportError as e:
            raise needs_extra("engine=faiss", "faiss-cpu", "faiss") from e
        if links < 2 or probes < 1 or (cells is not None and cells < 1):
            raise ConfigError(
                "engine.links is at least 2, engine.probes and engine.cells at least 1, got "
                f"links={links}, probes={probes}, cells={cells}; raise the one that is lower."
            )
        self.faiss: Any = faiss
        self.kind, self.links, self.cells, self.probes = kind, links, cells, probes

    def open(self, folder: Path, dim: int) -> None:
        """Go on with what the folder holds, or begin."""
        self.dim, self.folder = dim, folder
        self.index: Any = None
        self.labels: dict[int, int] = {}
        self.file: str | None = None
        pointer = folder / "faiss_labels.pt"
        if not pointer.is_file():
            return
        kept = checkpoint.read(pointer)
        try:
            self.labels = {int(i): int(y) for i, y in kept["labels"].items()}
            self.file = Path(kept["file"]).name
            path = folder / self.file
            if not files.is_regular(path) or files.sha256(path) != kept["sha256"]:
                raise ValueError(f"{self.file} is not as it was written")
            self.index = self.faiss.read_index(str(path))
            if self.index.d != dim or self.index.ntotal < len(self.labels):
                raise ValueError(f"{self.file} holds other vectors")
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, MemoryError) as e:
            raise RunError(
                f"an index of FAISS is read as it was written, but that in {folder} is damaged "
                f"({one_line(e)}); make the index again."
            ) from e

    def add(self, ids: Tensor, vectors: Tensor, labels: Tensor) -> None:
        """Add vectors; the first decide where cells lie."""
        rows = vectors.float().contiguous().numpy()
        if self.index is None:
            self.index = self._new(len(rows))
            self.index.train(rows)
        self.index.add_with_ids(rows, ids.numpy())
        self.labels |= dict(zip(ids.tolist(), labels.tolist(), strict=True))

    def _new(self, count: int) -> Any:
        faiss = self.faiss
        if self.kind == "hnsw":
            inner = faiss.IndexHNSWFlat(self.dim, self.links)
            inner.hnsw.efConstruction = 80
            return faiss.IndexIDMap2(inner)
        if self.kind == "ivf" and self.cells is not None and self.cells > count:
            raise ConfigError(
                f"engine.cells is at most the number of the first vectors, got {self.cells} cells "
                f"for {count} vectors; lower it, or leave it out."
            )
        cells = self.cells or max(1, min(count // 40, int(4 * count**0.5)))
        if self.kind == "flat" or cells == 1:
            return faiss.IndexIDMap2(faiss.IndexFlatL2(self.dim))
        return faiss.index_factory(self.dim, f"IVF{cells},Flat")

    def remove(self, ids: Tensor) -> None:
        """Remove vectors."""
        for i in ids.tolist():
            self.labels.pop(i, None)
        if self.kind != "hnsw" and self.index is not None:
            self.index.remove_ids(ids.numpy())

    def search(self, queries: Tensor, k: int, label: int | None) -> tuple[Tensor, Tensor]:
        """The nearest vectors, as far as a query looks."""
        faiss = self.faiss
        allowed = [i for i, y in self.labels.items() if label is None or y == label]
        if self.index is None or not allowed:
            return torch.full((len(queries), k), torch.inf), torch.full((len(queries), k), -1)
        whole = label is None and len(self.labels) == self.index.ntotal
        if not whole and len(allowed) <= FEW:
            # a graph's walk among others may end before it has met any of these
            return self._exactly(queries, k, allowed)
        selector = None if whole else faiss.IDSelectorBatch(allowed)
        rows = queries.float().contiguous().numpy()
        distances, ids = self.index.search(rows, k, params=self._parameters(selector, k))
        found = torch.from_numpy(distances), torch.from_numpy(ids)
        return torch.where(found[1] < 0, torch.inf, found[0]), found[1]

    def _exactly(self, queries: Tensor, k: int, allowed: list[int]) -> tuple[Tensor, Tensor]:
        index: Any = self.index
        if hasattr(index, "set_direct_map_type"):
            index.set_direct_map_type(self.faiss.DirectMap.Hashtable)
        rows = [index.reconstruct(i) for i in allowed]
        vectors = torch.from_numpy(np.stack(rows))
        found = min(k, len(allowed))
        distances = torch.full((len(queries), k), torch.inf)
        ids = torch.full((len(queries), k), -1, dtype=torch.int64)
        squared = torch.cdist(queries.float(), vectors).square()
        distances[:, :found], at = squared.topk(found, largest=False)
        ids[:, :found] = torch.tensor(allowed)[at]
        return distances, ids

    def _parameters(self, selector: Any, k: int) -> Any:
        faiss = self.faiss
        chosen = {} if selector is None else {"sel": selector}
        inner = faiss.downcast_index(getattr(self.index, "index", self.index))
        if isinstance(inner, faiss.IndexHNSW):
            return faiss.SearchParametersHNSW(efSearch=max(k, self.probes), **chosen)
        if isinstance(inner, faiss.IndexIVF):
            return faiss.SearchParametersIVF(nprobe=self.probes, **chosen)
        return faiss.SearchParameters(**chosen) if chosen else None

    def __len__(self) -> int:
        """How many vectors there are."""
        return len(self.labels)

    def save(self) -> None:
        """Write the index, whole or not at all: under a new name, which one other file tells."""
        if self.index is None:
            return
        before, name = self.file, f"faiss-{uuid.uuid4().hex[:8]}.index"
        path = self.folder / name
        files.write(path, self.faiss.serialize_index(self.index).tobytes())
        checkpoint.save(
            {"labels": self.labels, "file": name, "sha256": files.sha256(path)},
            self.folder / "faiss_labels.pt",
        )
        self.file = name
        if before is not None:
            (self.folder / before).unlink(missing_ok=True)
