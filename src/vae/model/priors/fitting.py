"""A prior fitted to latent vectors by gradient steps."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

# seconds between what is said
EVERY = 10.0


# told how far a fit is
Say = Callable[[str], None]


def quiet(line: str) -> None:
    """Say nothing."""


def maximise(
    prior: nn.Module, z: Tensor, seed: int, steps: int, batch_size: int, say: Say = quiet
) -> None:
    """Maximise the log-density of `z`, by Adam with a cosine schedule.

    Arguments:
        prior: Nothing to p(z).
        z: Latent vectors, with shape (N, D).
        seed: The seed of the batches.
        steps: The number of steps.
        batch_size: The number of vectors in a step.
        say: Told how far it is, every ten seconds at most.
    """

    def surprise(batch: Tensor) -> Tensor:
        found: Tensor = -prior().log_prob(batch)
        return found

    minimise(surprise, prior, z, seed, steps, batch_size, say)


def minimise(
    loss: Callable[[Tensor], Tensor],
    prior: nn.Module,
    z: Tensor,
    seed: int,
    steps: int,
    batch_size: int,
    say: Say = quiet,
) -> None:
    """Minimise the mean of a loss over `z`, by Adam with a cosine schedule.

    Arguments:
        loss: Latent vectors with shape (B, D) to what each costs, with shape (B,).
        prior: Whose parameters change.
        z: Latent vectors, with shape (N, D).
        seed: The seed of the batches.
        steps: The number of steps.
        batch_size: The number of vectors in a step.
        say: Told how far it is, every ten seconds at most.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(prior.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    began = said = time.monotonic()
    with torch.enable_grad():
        for step in range(steps):
            batch = z[torch.randint(len(z), (batch_size,), generator=generator).to(z.device)]
            optimizer.zero_grad()
            value = loss(batch).mean()
            value.backward()
            optimizer.step()
            schedule.step()
            if (now := time.monotonic()) - said > EVERY:
                left = (now - began) * (steps / (step + 1) - 1)
                say(f"step {step + 1:,} of {steps:,}, loss {value.item():.2f}, {left:,.0f} s left")
                said = now
