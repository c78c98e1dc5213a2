"""A prior fitted to latent vectors by gradient steps."""

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
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(prior.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with torch.enable_grad():
        for _ in range(steps):
            batch = z[torch.randint(len(z), (batch_size,), generator=generator).to(z.device)]
            loss = -prior().log_prob(batch).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
