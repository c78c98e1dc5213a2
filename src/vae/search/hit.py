"""What a search finds."""

from dataclasses import dataclass

from torch import Tensor


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
