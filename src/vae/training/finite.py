"""Where training stops at a number that is not finite, and what it says."""

import math
from collections.abc import Sequence

from torch import Tensor

from vae.errors import NonFiniteLoss

REMEDY = "lower optimizer.lr or set trainer.gradient_clip_val"


def check_terms(
    rows: Sequence[Tensor], names: Sequence[str], steps: int, accumulated: int, epochs: int
) -> None:
    """Stop at the first of some batches whose terms are not all finite.

    Arguments:
        rows: The means of each batch, each with the shape (len(names),).
        names: What they are called.
        steps: How many steps there were.
        accumulated: How many batches make a step.
        epochs: How many epochs there were.

    Raises:
        NonFiniteLoss: If there is one.
    """
    first = next((i for i, row in enumerate(rows) if not row.isfinite().all()), None)
    if first is None:
        return
    behind = (len(rows) - 1 - first) // accumulated
    named = dict(zip(names, rows[first].tolist(), strict=True))
    bad = {name: v for name, v in named.items() if not math.isfinite(v)}
    # the ELBO is not finite if a part of it is not
    parts = {n: v for n, v in bad.items() if n in ("rate", "distortion", "adversary")} or bad
    raise NonFiniteLoss(
        f"training stops at a loss that is not finite, and step {steps - behind} gave "
        f"{' and '.join(f'{n} {v}' for n, v in parts.items())}; {_kept(epochs)}: {REMEDY}."
    )


def check_weights(weights: dict[str, Tensor], steps: int, epochs: int) -> None:
    """Refuse to keep weights that are not finite.

    Raises:
        NonFiniteLoss: If some are not.
    """
    bad = [k for k, v in weights.items() if not v.isfinite().all()]
    if bad:
        raise NonFiniteLoss(
            f"a checkpoint holds finite weights, but after step {steps} those of {bad[0]} are "
            f"not; {_kept(epochs)}: {REMEDY}."
        )


def _kept(epochs: int) -> str:
    return f"the checkpoint of epoch {epochs} is kept" if epochs else "no epoch was finished"
