"""Search by Qdrant: embedded, or a server or cluster by its address."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.errors import RunError, needs_extra, one_line
from vae.search.engines.engine import Engine

# points in one request
POINTS = 1000


class Qdrant(Engine):
    """A collection of a Qdrant server; without an address, one kept in the index's folder.

    Arguments:
        url: The address of a server or cluster, for instance http://HOST:6333; null embeds one,
            which suits up to some ten thousand vectors.
        collection: The collection's name; null is one of the index's own.

    The server's key, if it wants one, is read from $QDRANT_API_KEY.

    Raises:
        ConfigError: If qdrant-client is not installed.
    """

    def __init__(self, url: str | None = None, collection: str | None = None):
        try:
            import qdrant_client
        except ImportError as e:
            raise needs_extra("engine=qdrant", "qdrant-client", "qdrant") from e
        self.module: Any = qdrant_client
        self.models: Any = qdrant_client.models
        self.url, self.collection = url, collection or "vae"
        self.client: Any = None

    def open(self, folder: Path, dim: int) -> None:
        """Go on with the collection, or make it."""
        if self.client is not None:
            return
        if self.url is None:
            try:
                self.client = self.module.QdrantClient(path=str(folder / "qdrant"))
            except RuntimeError as e:
                raise RunError(
                    f"one process at a time opens an embedded Qdrant, but {folder} is open in "
                    "another; wait for it, or use a server (engine.url=)."
                ) from e
        else:
            self.client = self.module.QdrantClient(
                url=self.url, api_key=os.environ.get("QDRANT_API_KEY"), check_compatibility=False
            )
        try:
            if not self.client.collection_exists(self.collection):
                vectors = self.models.VectorParams(size=dim, distance=self.models.Distance.EUCLID)
                self.client.create_collection(self.collection, vectors_config=vectors)
        except (OSError, ValueError, self.module.http.exceptions.ApiException) as e:
            raise RunError(
                f"engine.url must be the address of a Qdrant server that answers, but {self.url} "
                f"does not ({one_line(e)}); start it, or leave the url out."
            ) from e

    def add(self, ids: Tensor, vectors: Tensor, labels: Tensor) -> None:
        """Add vectors, with their classes as payload."""
        for some in torch.arange(len(ids)).split(POINTS):
            batch = self.models.Batch(
                ids=ids[some].tolist(),
                vectors=vectors[some].float().tolist(),
                payloads=[{"label": int(y)} for y in labels[some]],
            )
            self.client.upsert(self.collection, batch, wait=True)

    def remove(self, ids: Tensor) -> None:
        """Remove vectors."""
        if not len(ids):
            # the server refuses an empty list
            return
        chosen = self.models.PointIdsList(points=ids.tolist())
        self.client.delete(self.collection, chosen, wait=True)

    def search(self, queries: Tensor, k: int, label: int | None) -> tuple[Tensor, Tensor]:
        """The nearest vectors, all queries in one request."""
        models = self.models
        only = None
        if label is not None:
            same = models.FieldCondition(key="label", match=models.MatchValue(value=label))
            only = models.Filter(must=[same])
        requests = [
            models.QueryRequest(query=q, limit=k, filter=only) for q in queries.float().tolist()
        ]
        distances = torch.full((len(queries), k), torch.inf)
        numbers = torch.full((len(queries), k), -1, dtype=torch.int64)
        for row, answer in enumerate(self.client.query_batch_points(self.collection, requests)):
            n = len(answer.points)
            distances[row, :n] = torch.tensor([p.score for p in answer.points]).square()
            numbers[row, :n] = torch.tensor([p.id for p in answer.points], dtype=torch.int64)
        return distances, numbers

    def __len__(self) -> int:
        """How many vectors there are."""
        return int(self.client.count(self.collection, exact=True).count)

    def save(self) -> None:
        """Nothing: the collection keeps itself."""

    def close(self) -> None:
        """Let go of the collection's folder, for others to open."""
        self.client.close()
