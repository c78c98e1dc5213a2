"""What every engine does."""

from abc import ABC, abstractmethod
from pathlib import Path

from torch import Tensor


class Engine(ABC):
    """Vectors by their numbers, and those nearest to others in the Euclidean distance.

    An engine is opened on a folder, in which it keeps what it needs to be opened again.
    """

    @abstractmethod
    def open(self, folder: Path, dim: int) -> None:
        """Go on with what the folder holds, or begin; again, where it was open.

        Arguments:
            folder: It exists.
            dim: The vectors' number of dimensions E.

        Raises:
            RunError: If what the folder holds is damaged.
        """

    @abstractmethod
    def add(self, ids: Tensor, vectors: Tensor, labels: Tensor) -> None:
        """Add vectors.

        Arguments:
            ids: Their numbers, which are new, with shape (N,).
            vectors: The vectors, with shape (N, E).
            labels: Their classes, which a search may be restricted to, with shape (N,).
        """

    @abstractmethod
    def remove(self, ids: Tensor) -> None:
        """Remove the vectors with these numbers."""

    @abstractmethod
    def search(self, queries: Tensor, k: int, label: int | None) -> tuple[Tensor, Tensor]:
        """The nearest vectors.

        Arguments:
            queries: Vectors, with shape (Q, E).
            k: How many are wanted for each.
            label: Of which class; None for any.

        Returns:
            Squared distances, rising, and numbers, both with shape (Q, k); where there are fewer
            than k, the rest is infinity and -1.
        """

    @abstractmethod
    def __len__(self) -> int:
        """How many vectors there are."""

    @abstractmethod
    def save(self) -> None:
        """Keep what has changed."""

    def close(self) -> None:  # noqa: B027
        """Let go of what is open; nothing, unless an engine says otherwise."""
