"""Every vector looked at, by matrix products."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.errors import RunError
from vae.runs import checkpoint
from vae.search.engines.engine import Engine

# numbers of distances that are held at once
MOST = 2**25


class Exact(Engine):
    """Exact search with torch, on this machine and without a server."""

    def open(self, folder: Path, dim: int) -> None:
        """Go on with what the folder holds, or begin."""
        self.path = folder / "exact.pt"
        if self.path.is_file():
            self.ids, self.vectors, self.labels = _checked(checkpoint.read(self.path), dim)
        else:
            self.ids = self.labels = torch.empty(0, dtype=torch.int64)
            self.vectors = torch.empty(0, dim)
        self.norms = self.vectors.square().sum(1)

    def add(self, ids: Tensor, vectors: Tensor, labels: Tensor) -> None:
        """Add vectors."""
        self.ids = torch.cat([self.ids, ids])
        self.vectors = torch.cat([self.vectors, vectors.float()])
        self.labels = torch.cat([self.labels, labels])
        self.norms = self.vectors.square().sum(1)

    def remove(self, ids: Tensor) -> None:
        """Remove vectors."""
        kept = ~torch.isin(self.ids, ids)
        self.ids, self.vectors = self.ids[kept], self.vectors[kept]
        self.labels, self.norms = self.labels[kept], self.norms[kept]

    def search(self, queries: Tensor, k: int, label: int | None) -> tuple[Tensor, Tensor]:
        """The nearest vectors, some queries at a time."""
        vectors, ids, norms = self.vectors, self.ids, self.norms
        if label is not None:
            mine = self.labels == label
            vectors, ids, norms = vectors[mine], ids[mine], norms[mine]
        found = min(k, len(ids))
        distances = torch.full((len(queries), k), torch.inf)
        numbers = torch.full((len(queries), k), -1, dtype=torch.int64)
        for some in torch.arange(len(queries)).split(max(1, MOST // max(1, len(ids)))):
            q = queries[some].float()
            # |q - v|^2 but for |q|^2, which changes no order
            parts = torch.addmm(norms, q, vectors.T, alpha=-2.0)
            at = parts.topk(found, largest=False).indices
            # the difference of large numbers says little of small distances
            distances[some, :found] = (q[:, None] - vectors[at]).square().sum(2)
            numbers[some, :found] = ids[at]
        order = distances.argsort(stable=True)
        return distances.gather(1, order), numbers.gather(1, order)

    def __len__(self) -> int:
        """How many vectors there are."""
        return len(self.ids)

    def save(self) -> None:
        """Write the vectors, whole or not at all."""
        kept = {"ids": self.ids, "vectors": self.vectors, "labels": self.labels}
        checkpoint.save(kept, self.path)


def _checked(kept: Any, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """The numbers, vectors and classes of a file.

    Raises:
        RunError: If they do not fit together.
    """
    names = ("ids", "vectors", "labels")
    if isinstance(kept, dict) and all(isinstance(kept.get(name), Tensor) for name in names):
        ids, vectors, labels = (kept[name] for name in names)
        n = len(ids)
        whole = ids.dtype == labels.dtype == torch.int64 and ids.shape == labels.shape == (n,)
        if whole and vectors.shape == (n, dim) and vectors.isfinite().all():
            return ids, vectors, labels
    raise RunError(
        f"exact.pt holds finite vectors of length {dim} with their numbers and classes, but it is "
        "damaged, or of another index; make the index again."
    )
