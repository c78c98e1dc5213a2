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
    Choices among the same vectors are counted together.

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

    def use(self) -> tuple[Tensor, Tensor]:
        """What `compute` finds; torchmetrics would make a scalar of a single choice's."""
        perplexity, rare = self.compute()
        return perplexity.reshape(-1), rare

    def summary(self) -> dict[str, float | int | bool]:
        """What the results say: choices, classes, the mean perplexity, and rare classes."""
        perplexity, rare = self.use()
        return {
            "choices": len(self.codebook.sizes),
            "classes": self.codebook.sizes[0] if self.codebook.shared else self.codebook.total,
            "perplexity": float(perplexity.mean()),
            "rare": int(rare),
            "shared": self.codebook.shared,
        }

    def compute(self) -> tuple[Tensor, Tensor]:
        """The perplexity of each choice, with shape (N,), and how many classes are hardly used."""
        book = self.codebook
        share = book.by_choice(self.uses / self.count).cpu()
        counts, there = book.counts.cpu(), book.there.cpu()
        if book.shared:
            share, counts, there = share.mean(0, keepdim=True), counts[:1], there[:1]
        entropy = -torch.special.xlogy(share, share).sum(-1)
        rare = (share < RARE / counts[:, None]) & there
        return entropy.exp(), rare.sum()
