"""Whether an export computes what the model does."""

from collections.abc import Callable

import torch
from torch import Tensor

from vae.errors import RunError
from vae.model.families.vae import VAE
from vae.runs.exports.parts import Part, example

# batches of other sizes than the one that was traced
BATCHES = (1, 2, 7, 64)


@torch.no_grad()
def compare(
    part: Part,
    model: VAE,
    event_shape: tuple[int, ...],
    exported: Callable[..., tuple[Tensor, ...]],
    tolerance: float = 1e-4,
) -> float:
    """The largest difference of an exported part from the model's, over several batches.

    Arguments:
        part: The part.
        model: Its model.
        event_shape: The shape of an example.
        exported: What was exported, as a function of tensors.
        tolerance: The largest difference allowed, in shares of the largest value.

    Raises:
        RunError: If it is larger.
    """
    worst = 0.0
    for seed, batch in enumerate(BATCHES):
        inputs = example(part, model, event_shape, batch, seed)
        wanted = part.module(*inputs)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        for one, two in zip(wanted, exported(*inputs), strict=True):
            if one.shape != two.shape:
                raise RunError(
                    f"an exported {part.name} must give what the model gives, but for a batch of "
                    f"{batch} it gives shape {tuple(two.shape)} instead of {tuple(one.shape)}; "
                    "report it."
                )
            scale = one.abs().max().clamp(min=1).item()
            difference = (one - two).abs().max().item() / scale
            # max() would pass over what is not a number
            worst = difference if not difference <= worst else worst
    if not worst <= tolerance:
        raise RunError(
            f"an exported {part.name} must compute what the model computes, but differs by "
            f"{worst:.2g} of the largest value; report it."
        )
    return worst
