"""How much of a discrete code is used."""

import torch
from torch import Tensor

from vae.metrics.estimate import Wide
from vae.model.distributions.codebook import Codebook

# a class is hardly used below this share of an even one
RARE = 0.01


class CodeUse(Wide):
    r"""How often each class of each choice is taken, exact over batches and ranks.

    .. math:: \bar{\pi}_{nk} = E_x[q(z_{nk} = 1 \mid x)], \quad
        perplexity_n = \exp \left( -\sum_k \bar{\pi}_{nk} \log \bar{\pi}_{nk} \right)

    The perplexity of a choice is K_n if all classes are taken alike, and 1 if one always is.
    Choices among the same list of vectors are counted together.

    Arguments:
        codebook: The choices.

    References:
        Neural Discrete Representation Learning (van den Oord et al., 2017), released code
    """

    full_state_update = False
    uses: Tensor
    count: Tensor

    def __init__(self, codebook: Codebook):
        super().__init__()
        self.codebook = codebook
        self.add_state("uses", torch.zeros(codebook.total), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, mean: Tensor) -> None:
        """Add a batch.

        Arguments:
            mean: E_q[z], with shape (B, D).
        """
        self.widen()
        self.uses += self.codebook.choices(mean).to(self.uses.dtype).sum(0)
        self.count += len(mean)

    def compute(self) -> Tensor:
        """The share of each class, with shape (L, max K_n), of L lists; of their own, N."""
        share: Tensor = self.codebook.by_choice(self.uses / self.count).cpu()
        by_list: Tensor = share.unflatten(0, (-1, self.codebook.lists))
        return by_list.mean(0)

    def use(self) -> tuple[Tensor, Tensor]:
        """The perplexity of each list, with shape (L,), and how many classes are hardly used."""
        return self.of(self.compute())

    def of(self, share: Tensor) -> tuple[Tensor, Tensor]:
        """The perplexity of each list, and how many classes are hardly used.

        Arguments:
            share: What `compute` gave, with shape (L, max K_n).
        """
        counts, there = (b.cpu()[: len(share)] for b in (self.codebook.counts, self.codebook.there))
        entropy = -torch.special.xlogy(share, share).sum(-1)
        return entropy.exp(), ((share < RARE / counts[:, None]) & there).sum()

    def summary(self, share: Tensor) -> dict[str, float | int | bool]:
        """What the results say: choices, classes, the mean perplexity, and rare classes.

        Arguments:
            share: What `compute` gave, with shape (L, max K_n).
        """
        perplexity, rare = self.of(share)
        book = self.codebook
        return {
            "choices": len(book.sizes),
            "classes": sum(book.sizes[: book.lists]),
            "perplexity": float(perplexity.mean()),
            "rare": int(rare),
            "lists": book.lists,
        }
