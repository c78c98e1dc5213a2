"""Codes whose every choice stands for a vector of a learned list."""

import torch
from torch import Tensor, nn

from vae.model.distributions.codebook import Codebook
from vae.model.distributions.vector_list import VectorList


class VectorCodes(Codebook):
    r"""z is vectors, side by side at each of its places.

    Arguments:
        classes: The number K of vectors in a list.
        length: Of each vector.
        groups: How many stand side by side at a place.
        places: How many places z has; of maps, height times width, and z has a channel's places
            one after another.
        lists: The g-th at a place is of the list g mod `lists`.
        decay: Of the lists' moving averages, in [0, 1).
        revive: Below this fraction of an even share, a vector starts anew.
    """

    def __init__(
        self,
        classes: int,
        length: int,
        groups: int = 1,
        places: int = 1,
        lists: int = 1,
        decay: float = 0.99,
        revive: float = 0.01,
    ):
        lead = torch.arange(groups) * length * places + torch.arange(places)[:, None]
        sizes = [classes] * lead.numel()
        super().__init__(sizes, groups * length * places, lead.flatten(), lists)
        self.classes, self.groups, self.places = classes, groups, places
        self.each = nn.ModuleList(VectorList(classes, length, decay, revive) for _ in range(lists))

    def list_of(self, depth: int) -> VectorList:
        """The list of the vectors g with g mod `lists` = depth."""
        own = self.each[depth]
        assert isinstance(own, VectorList)
        return own

    def split(self, z: Tensor) -> Tensor:
        r"""The vectors of z, place after place, with shape (\*, N, length), for z with (\*, D)."""
        return split(z, self.groups, self.places)

    def join(self, vectors: Tensor) -> Tensor:
        r"""z with shape (\*, D), for vectors with shape (\*, N, length)."""
        each: Tensor = vectors.unflatten(-2, (self.places, self.groups))
        return each.movedim(-3, -1).flatten(-3)

    def choices(self, z: Tensor) -> Tensor:
        r"""One-hot vectors with shape (\*, N K), for z with shape (\*, D)."""
        vectors = self.split(z).unflatten(-2, (-1, self.lists))
        found = [self.list_of(d).nearest(vectors[..., d, :]) for d in range(self.lists)]
        number = torch.stack(found, -1).flatten(-2)
        return z.new_zeros(*z.shape[:-1], self.total).scatter(-1, self.first + number, 1.0)

    def numbers(self, choices: Tensor) -> Tensor:
        r"""z with shape (\*, D), for one-hot vectors with shape (\*, N K)."""
        number = choices.unflatten(-1, (-1, self.lists, self.classes)).argmax(-1)
        found = [self.list_of(d).vectors[number[..., d]] for d in range(self.lists)]
        return self.join(torch.stack(found, -2).flatten(-3, -2))


def split(z: Tensor, groups: int, places: int) -> Tensor:
    r"""The vectors of z, place after place, with shape (\*, groups places, length).

    Arguments:
        z: With shape (\*, D), and a channel's places one after another.
        groups: How many vectors stand side by side at a place.
        places: How many places z has.
    """
    each: Tensor = z.unflatten(-1, (groups, -1, places))
    return each.movedim(-1, -3).flatten(-3, -2)
