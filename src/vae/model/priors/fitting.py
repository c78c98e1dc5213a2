"""A prior fitted to latent vectors by gradient steps."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def maximise(prior: nn.Module, z: Tensor, seed: int, steps: int, batch_size: int) -> None:
    """Maximise the log-density of `z`, by Adam with a cosine schedule.

    Arguments:
        prior: Nothing to p(z).
        z: Latent vectors, with shape (N, D).
        seed: The seed of the batches.
        steps: The number of steps.
        batch_size: The number of vectors in a step.
    """

    def surprise(batch: Tensor) -> Tensor:
        found: Tensor = -prior().log_prob(batch)
        return found

    minimise(surprise, prior, z, seed, steps, batch_size)


def minimise(
    loss: Callable[[Tensor], Tensor],
    prior: nn.Module,
    z: Tensor,
    seed: int,
    steps: int,
    batch_size: int,
) -> None:
    """Minimise the mean of a loss over `z`, by Adam with a cosine schedule.

    Arguments:
        loss: Latent vectors with shape (B, D) to what each costs, with shape (B,).
        prior: Whose parameters change.
        z: Latent vectors, with shape (N, D).
        seed: The seed of the batches.
        steps: The number of steps.
        batch_size: The number of vectors in a step.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(prior.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with torch.enable_grad():
        for _ in range(steps):
            batch = z[torch.randint(len(z), (batch_size,), generator=generator).to(z.device)]
            optimizer.zero_grad()
            loss(batch).mean().backward()
            optimizer.step()
            schedule.step()
