"""A learned list of vectors, which follow what is assigned to them."""

import torch
from torch import Tensor, nn
from torch import distributed as dist

from vae.model.precision import unrounded


class VectorList(nn.Module):
    r"""K vectors, each the mean of what was nearest to it lately.

    .. math:: N_k \leftarrow \gamma N_k + (1 - \gamma) n_k, \quad
        m_k \leftarrow \gamma m_k + (1 - \gamma) \sum_{i: k(i) = k} v_i, \quad e_k = m_k / N_k

    where n_k vectors v_i of a batch, those of all ranks, are nearest to e_k. One that gets less
    than a fraction of an even share starts anew as a vector of the batch; so do all at first.

    Arguments:
        classes: K.
        length: Of each vector.
        decay: gamma, in [0, 1).
        revive: The fraction.

    References:
        Neural Discrete Representation Learning (van den Oord et al., 2017), appendix A.1;
        Jukebox (Dhariwal et al., 2020), section 3.1 (random restarts)
    """

    vectors: Tensor
    weight: Tensor

    def __init__(self, classes: int, length: int, decay: float = 0.99, revive: float = 0.01):
        super().__init__()
        self.classes, self.decay, self.revive = classes, decay, revive
        self.register_buffer("vectors", torch.randn(classes, length))
        # N_k; none has been assigned yet
        self.register_buffer("weight", torch.zeros(classes))

    def nearest(self, vectors: Tensor) -> Tensor:
        r"""The numbers of the nearest of the list, with shape (\*), for vectors (\*, length)."""
        like = self.vectors.to(vectors.dtype)
        with unrounded(vectors):
            # |v|^2 is the same for all
            return (like.square().sum(-1) - 2 * vectors @ like.mT).argmin(-1)

    @torch.no_grad()
    def restart(self, vectors: Tensor) -> None:
        """Start those anew that are hardly assigned, for vectors with shape (M, length)."""
        even = len(vectors) * _ranks() / self.classes
        chosen = torch.randint(len(vectors), (self.classes,), device=vectors.device)
        fresh = vectors[chosen].to(self.vectors.dtype)
        if _ranks() > 1:
            dist.broadcast(fresh, 0)
        rare = self.weight < self.revive * even
        self.vectors.copy_(torch.where(rare[:, None], fresh, self.vectors))
        self.weight.masked_fill_(rare, even)

    @torch.no_grad()
    def follow(self, vectors: Tensor, number: Tensor) -> None:
        """Move towards vectors with shape (M, length), assigned to `number` with shape (M,)."""
        own = vectors.to(self.vectors.dtype)
        count = torch.zeros_like(self.weight).index_add_(0, number, own.new_ones(len(own)))
        total = torch.zeros_like(self.vectors).index_add_(0, number, own)
        if _ranks() > 1:
            dist.all_reduce(count)
            dist.all_reduce(total)
        old = self.decay * self.weight
        new = old + (1 - self.decay) * count
        moved = (old[:, None] * self.vectors + (1 - self.decay) * total) / new[:, None]
        # what has never been assigned, or is not and remembers nothing, stays
        self.vectors.copy_(torch.where(new[:, None] > 0, moved, self.vectors))
        self.weight.copy_(new)


def _ranks() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
